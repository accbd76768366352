from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnc.cli import run
from mnc.ir.graph import Graph
from mnc.ir.types import Array

COMMANDS = ("compile", "check", "verify", "plan", "report", "layers", "backends", "targets")


@pytest.fixture
def model(root: Path) -> Path:
    return root / "examples" / "digits" / "nano.h5"


def mnc(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it: another process."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "mnc", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def test_help_names_every_command_in_whole_sentences_and_loads_nothing() -> None:
    code = "import sys; from mnc.cli import run; run(['--help']); sys.exit(bool({'numpy', 'h5py'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE)
    assert not re.search(r"^  .*\.\.\.$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"Usage: mnc {command}")
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "error: mnc: Missing command"),
        (
            ["compile", __file__, "--max-macs", "3q"],
            "error: mnc compile: Invalid value for '--max-macs': '3q' is not a count",
        ),
        (["compil"], "error: mnc: No such command 'compil'"),
        (["compile"], "error: mnc compile: Missing argument 'MODEL'"),
        (["compile", "absent.h5"], "error: mnc compile: Invalid value for 'MODEL': Path 'absent.h5' does not exist"),
        (
            ["compile", __file__, "--max-ram", "3q"],
            "error: mnc compile: Invalid value for '--max-ram': '3q' is not a size",
        ),
        (["compile", __file__, "--max-flash", "-1"], "error: mnc compile: Invalid value for '--max-flash'"),
        (["compile", __file__, "-o", __file__], "error: mnc compile: Invalid value for '-o' / '--output'"),
        (["compile", __file__, "--frobnicate"], "error: mnc compile: No such option"),
        (["layers", "extra"], "error: mnc layers: Got unexpected extra argument"),
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(what)
    assert "\nhint: `mnc" in printed.err


@pytest.mark.parametrize("command", ["compile", "check", "verify"])
@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(4096), b"hello", b"PK\x03\x04"]
)
def test_a_file_that_is_no_model_is_status_1_and_leaves_nothing(command: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.h5").write_bytes(content)
    done = mnc(command, "bad.h5", *(["-o", "out"] if command == "compile" else []), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: bad.h5: ")
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert "internal" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.h5"]


def test_a_pointer_that_git_lfs_left_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 88200\n"
    (tmp_path / "pico.h5").write_text(pointer)
    assert run(["compile", str(tmp_path / "pico.h5")]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: pico.h5: this is a Git LFS pointer, not the file that it stands for"
    assert "git lfs pull" in hint


def test_a_truncated_model_is_refused_wherever_it_is_cut(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    for size in (100, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.h5").write_bytes(whole[:size])
        assert run(["compile", str(tmp_path / "cut.h5"), "-o", str(tmp_path / "out")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.h5"]


def test_compile_writes_the_files_and_a_table(model: Path, tmp_path: Path) -> None:
    done = mnc("compile", model, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout, "no colours without a terminal"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["nano.c", "nano.h"]
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["layer", "op", "output", "type", "MACs", "weights", "arena", "lifetime"]
    assert all(line == line.rstrip() for line in lines)
    for sum_ in ("RAM", "flash", "MACs", "wrote"):
        assert any(line.startswith(sum_) for line in lines)


def test_compile_writes_into_the_current_directory_by_default(model: Path, tmp_path: Path) -> None:
    assert mnc("compile", model, cwd=tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nano.c", "nano.h"]


def test_the_table_does_without_block_characters(model: Path, tmp_path: Path) -> None:
    done = mnc("compile", model, "-o", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "##" in done.stdout
    assert not re.search(r"^  .*\.\.\.$", done.stdout, re.MULTILINE)


def test_json_is_one_object_with_every_figure(model: Path, tmp_path: Path) -> None:
    done = mnc("compile", model, "-o", tmp_path, "--json", "--name", "digits")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert {"name", "backend", "target", "dtype", "macs", "params", "ram", "flash", "files", "layers"} <= report.keys()
    assert report["name"] == "digits"
    assert report["backend"] == "c"
    assert report["dtype"] == "float32"
    assert report["macs"] == 125331
    assert report["params"] == 1636
    assert report["ram"].keys() >= {"total", "arena", "state", "lower_bound", "optimal"}
    assert report["ram"]["total"] >= report["ram"]["arena"] >= report["ram"]["lower_bound"]
    assert report["ram"]["optimal"] == (report["ram"]["arena"] == report["ram"]["lower_bound"])
    assert report["flash"]["total_constants"] >= report["flash"]["weights"] >= 4 * 1636
    assert sorted(report["files"]) == sorted(path.name for path in tmp_path.iterdir()) == ["digits.c", "digits.h"]
    for layer in report["layers"]:
        assert layer.keys() >= {"name", "op", "output_shape", "dtype", "macs", "weights_bytes"}
    assert sum(layer["macs"] for layer in report["layers"]) == report["macs"]
    assert sum(layer["weights_bytes"] for layer in report["layers"]) == report["flash"]["weights"]


def test_two_runs_give_the_same_bytes(model: Path, tmp_path: Path) -> None:
    first = mnc("compile", model, "-o", "a", "--json", cwd=tmp_path, PYTHONHASHSEED="1")
    second = mnc("compile", model, "-o", "b", "--json", cwd=tmp_path, PYTHONHASHSEED="2")
    assert first.stdout == second.stdout
    for name in json.loads(first.stdout)["files"]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_budget_that_is_exceeded_is_status_1_and_writes_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["compile", str(model), "-o", str(out), "--max-ram", "1K", "--max-flash", "2k", "--json"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert not out.exists()
    ram, ram_hint, *rest = (line for line in printed.err.splitlines() if not line.startswith("hint: tried "))
    flash, flash_hint = rest
    assert re.search(
        r"^hint: tried --quantize int8: [\d,]+ bytes of RAM, (which fits|still)", printed.err, re.MULTILINE
    )
    assert re.fullmatch(r"error: network 'nano': needs [\d,]+ bytes of RAM, [\d,]+ more than the budget of 1,024", ram)
    assert re.fullmatch(
        r"error: network 'nano': needs [\d,]+ bytes of flash for constants alone, code not counted,"
        r" [\d,]+ more than the budget of 2,048",
        flash,
    )
    assert ram_hint.startswith("hint: at the peak, ")
    assert flash_hint.startswith("hint: the largest weights are those of '")


def test_a_budget_that_is_just_enough_is_enough(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", str(model), "-o", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    ram, flash = report["ram"]["total"], report["flash"]["total_constants"]
    compile_ = ["compile", str(model), "-o", str(tmp_path)]
    assert run([*compile_, "--max-ram", str(ram), "--max-flash", str(flash)]) == 0
    assert run([*compile_, "--max-ram", str(ram - 1)]) == 1
    assert run([*compile_, "--max-flash", str(flash - 1)]) == 1


def test_operations_and_stack_are_budgets_too(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compile_ = ["compile", str(model), "-o", str(tmp_path / "out")]
    assert run([*compile_, "--max-macs", "100K"]) == 1
    assert "multiply-accumulate operations, 25,331 more than the budget of 100,000" in capsys.readouterr().err
    assert run([*compile_, "--max-stack", "2K"]) == 1
    assert "error: --max-stack: the stack was not measured: no target is named" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*compile_, "--max-macs", "1M"]) == 0


def test_the_summary_says_how_it_knows_the_flash(
    model: Path, tmp_path: Path, arm_gcc: str, qemu_arm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compile_ = ["compile", str(model), "-o", str(tmp_path)]
    assert run(compile_) == 0
    assert "constants only, 1,636 parameters; code is not counted: no target is named" in capsys.readouterr().out
    assert run([*compile_, "--target", "cortex-m4"]) == 0
    printed = capsys.readouterr().out
    assert re.search(
        r"^flash +[\d,]+ B  code [\d,]+ B, constants [\d,]+ B, .*; linked by arm-none-eabi-gcc", printed, re.MULTILINE
    )
    assert re.search(r"^stack +\d+ B  of a run on cortex-m4, which takes [\d,]+ instr", printed, re.MULTILINE)
    assert run([*compile_, "--target", "cortex-m4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    flash = report["flash"]
    assert 0.9 * flash["total_constants"] < flash["total"] - flash["code"] < 1.1 * flash["total_constants"]
    assert 0 < report["stack"] < 4096


def test_a_failed_compile_leaves_old_output_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "nano.c").write_text("mine")
    (tmp_path / "nano.h").mkdir()
    done = mnc("compile", model, "-o", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'nano.h'}: ")
    assert (tmp_path / "nano.c").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nano.c", "nano.h"]


def test_an_unknown_backend_or_target_is_refused_by_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--backend", "--target"):
        assert run(["compile", str(model), "-o", str(tmp_path / "out"), option, "abacus"]) == 1
        assert "'abacus'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["9lives", "int", "a b", "", "*/", "\u00fc", "x" * 10_000])
def test_a_name_that_c_cannot_have_never_gets_into_the_code(name: str, model: Path, tmp_path: Path) -> None:
    status = run(["compile", str(model), "-o", str(tmp_path / "out"), "--name", name])
    assert status in (0, 1)
    written = list((tmp_path / "out").glob("*")) if status == 0 else []
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}\.[ch]", path.name) for path in written)


def test_check_finds_nothing_in_a_good_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(model)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{model}: everything is supported\n"
    assert printed.err == ""


def test_verify_compares_every_layer(model: Path, tmp_path: Path, cc: str) -> None:
    samples = np.random.default_rng(1).random((3, 96, 96, 1), np.float32)
    np.save(tmp_path / "x.npy", samples)
    done = mnc("verify", model, "--inputs", tmp_path / "x.npy")
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["layer", "op", "type", "max", "abs", "error", "ULP", "worst", "at"]
    assert re.fullmatch(r"\d+ layers, 3 samples: the same as the reference within .+", lines[-1])
    assert all(line.endswith("ok") for line in lines[:-1])


def test_verify_runs_on_a_microcontroller(model: Path, arm_gcc: str, qemu_arm: str) -> None:
    done = mnc("verify", model, "--on", "cortex-m4")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ layers, \d+ samples: the same as", done.stdout)


def test_verify_names_the_first_layer_that_differs(
    model: Path, cc: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference is made to lie about one layer: the code must be found to differ there, and nowhere else."""
    from mnc import reference, verify

    def lie(graph: Graph, x: list[Array]) -> dict[str, Array]:
        values = dict(reference.evaluate(graph, x))
        if "hidden_2__relu_2" in values:
            values["hidden_2__relu_2"] = values["hidden_2__relu_2"].copy()
            values["hidden_2__relu_2"][1, 2, 3, 4] += 0.5
        return values

    monkeypatch.setattr(verify, "evaluate", lie)
    assert run(["verify", str(model)]) == 1
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines() if line.endswith("differs")] == ["hidden_2__relu_2"]
    assert printed.err.startswith(
        "error: layer 'hidden_2__relu_2': the generated code differs from the reference by 0.5 ("
    )
    assert " ULP); at [1, 2, 3, 4] it gives " in printed.err
    assert "\nhint: it is the first layer that is not the same as the reference within 1e-05 " in printed.err


def test_samples_that_do_not_fit_are_refused(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8, 1), np.float32))
    assert run(["verify", str(model), "--inputs", str(tmp_path / "x.npy")]) == 1
    assert "the samples have shape 3x8x8x1\nhint: the network takes (samples, 96, 96, 1)" in capsys.readouterr().err


def test_layers_backends_and_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers"]) == 0
    layers = capsys.readouterr().out
    assert re.search(r"^DepthwiseConv2D +c\b", layers, re.MULTILINE)
    assert re.search(r"\bSpatialDropout2D\b", layers)
    assert run(["targets"]) == 0
    assert re.search(r"^cortex-m4 .*qemu-system-arm$", capsys.readouterr().out, re.MULTILINE)
    assert run(["backends"]) == 0
    backends = capsys.readouterr().out
    assert re.search(r"^c +\S", backends, re.MULTILINE)
    assert re.search(r"^cmsis-nn +-X ram=\.\.\. +plain", backends, re.MULTILINE)


CHARTS = ("altair", "vl_convert", "jinja2")
"""Of the extra `report`: only a report draws."""
FRAMEWORKS = ("tensorflow", "keras", "tf_keras", "torch", "jax", "onnx", "onnxruntime", "scipy", "sklearn", *CHARTS)

WATCHED = f"""
import sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FRAMEWORKS!r}:
            raise AssertionError("imports " + name)

sys.meta_path.insert(0, Watch())
from mnc.cli import run
from mnc.ir.graph import Graph
from mnc.ir.types import Array
sys.exit(run(sys.argv[1:]))
"""


def test_compiling_never_so_much_as_tries_to_import_a_framework(model: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "compile", str(model), "-o", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_fault_of_ours_is_one_sentence_and_the_stack_only_on_request(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("wheels \x1b[31mcame off")

    monkeypatch.setattr("mnc.frontends.read", broken)
    assert run(["compile", str(model)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: internal: RuntimeError: wheels \\x1b[31mcame off\nhint: this is a fault of mnc")
    assert "Traceback" not in printed
    assert run(["--traceback", "compile", str(model)]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("fault", "status"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_an_interrupt_and_a_closed_pipe_are_silent(
    fault: BaseException, status: int, model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise fault

    monkeypatch.setattr("mnc.frontends.read", interrupted)
    assert run(["compile", str(model)]) == status
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_goes_away_is_no_fault() -> None:
    process = subprocess.Popen([sys.executable, "-m", "mnc", "layers"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait() in (0, 141)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"mnc \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_refusal_names_the_option_as_it_is_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it names a layer or an input as well."""
    statements = ("input x: float32[4]", "state old: float32[4] = 0", "y = add(x, old)", "next old = y", "output y")
    model = tmp_path / "net.mnc"
    model.write_text("\n".join(("network net", *statements)))
    assert run(["compile", str(model), "--feed", "rows", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: --feed, 'x': the network keeps states")
