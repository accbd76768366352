"""`mnc show`, `mnc fmt`, and the options of network texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.cli import commands, run
from mnc.errors import CompileError
from mnc.frontends import load
from mnc.passes import PASSES, optimise

TEXT = """\
network tiny(units = 3)

input x: float32[4]

dense = dense(x, units = units)

output dense

weights "tiny.npz"
"""


@pytest.fixture
def pico(fixtures: Path) -> Path:
    return fixtures / "pico.keras3.h5"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A network text with a parameter, and weights for three units and for five."""
    rng = np.random.default_rng(5)
    for name, units in (("tiny.npz", 3), ("five.npz", 5)):
        arrays = {"dense/weights": rng.standard_normal((4, units)), "dense/bias": np.zeros(units)}
        np.savez(tmp_path / name, **{key: array.astype(np.float32) for key, array in arrays.items()})  # type: ignore[arg-type]  # see test_samples
    (tmp_path / "tiny.mnc").write_text(TEXT)
    return tmp_path / "tiny.mnc"


def test_show_prints_the_network_as_it_was_read(pico: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(pico)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("network pico\n\ninput ")
    assert "zero_padding2d(" in printed.out
    assert printed.out.endswith("\n")
    assert printed.err == ""


def test_show_after_a_pass(pico: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(pico), "--after", "fuse-pad"]) == 0
    assert "zero_padding2d(" not in capsys.readouterr().out


def test_a_pass_that_is_misspelt_is_guessed_and_all_are_listed(pico: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(pico), "--after", "fold-batchnrom"]) == 1
    error, guess, passes = capsys.readouterr().err.splitlines()
    assert error == "error: there is no pass 'fold-batchnrom'"
    assert guess == "hint: did you mean 'fold-batchnorm' or 'lower-batchnorm'?"
    assert all(each.name in passes for each in PASSES)


def test_what_show_writes_is_the_same_network(pico: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out" / "net.mnc"
    assert run(["show", str(pico), "--after", "fuse-pad", "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in file.parent.iterdir()) == ["net.mnc", "net.npz"]
    assert load(file) == optimise(load(pico), "fuse-pad")
    before = (file.read_bytes(), file.with_suffix(".npz").read_bytes())
    assert run(["show", str(file), "-o", str(file)]) == 0
    assert load(file) == optimise(load(pico), "fuse-pad")
    assert (file.read_bytes(), file.with_suffix(".npz").read_bytes()) == before


def test_show_writes_text_and_weights_or_neither(
    pico: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.npz").mkdir()
    assert run(["show", str(pico), "-o", str(tmp_path / "net.mnc")]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'net.npz'}: cannot write the file")
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]
    assert run(["show", str(pico), "-o", str(tmp_path / "other.npz")]) == 2
    assert run(["show", str(pico), "-o", "/dev/null"]) == 1
    assert "not a file that can be replaced" in capsys.readouterr().err


def test_show_of_a_quantised_network(
    pico: Path, fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quantised = ["--quantize", "int8", "--calibration", str(fixtures / "pico.golden.npz")]
    assert run(["show", str(pico), *quantised, "-o", str(tmp_path / "pico.mnc")]) == 0
    assert "\ninput `input`: int8[96, 96, 1] " in (tmp_path / "pico.mnc").read_text()
    assert run(["show", str(pico), *quantised]) == 0
    assert "int8" in capsys.readouterr().out
    assert run(["show", str(pico), *quantised, "--after", "fuse-pad"]) == 2


@pytest.mark.parametrize("command", ["compile", "check", "verify", "show"])
def test_parameters_and_weights_of_a_text(
    command: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([command, "tiny.mnc", "--set", "units=5", "--weights", "five.npz"]) == 0
    assert run([command, "tiny.mnc", "--set", "units=5"]) == 1
    assert "tiny.npz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--set", "units"], "Invalid value for '--set': expected name=value, not 'units'"),
        (["--set", "units=(", "--set", "x=1"], "Invalid value for '--set': "),
        (["--set", "units=1", "--set", "units=2"], "Invalid value for '--set': 'units' is given twice"),
        (["--weights", "absent.npz"], "Invalid value for '--weights': "),
    ],
)
def test_a_setting_that_is_none_is_wrong_usage(
    options: list[str], what: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(tiny), *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: mnc check: {what}")


@pytest.mark.parametrize("command", ["compile", "check", "verify", "show"])
@pytest.mark.parametrize("option", ["--set", "--weights"])
def test_only_a_text_has_parameters(command: str, option: str, pico: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, str(pico), option, "units=5" if option == "--set" else str(pico)]) == 2
    texts = "network texts (.mnc)"
    what = f"{texts}, and 'pico.keras3.h5' is none" if option == "--set" else f"{texts} and Keras' .json, and"
    what = f"error: mnc {command}: {option} is for {what}"
    assert capsys.readouterr().err.startswith(what)


def test_fmt_lays_out_in_place_and_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.mnc", tmp_path / "bad.mnc"
    good.write_text(TEXT)
    bad.write_bytes(TEXT.replace("units = ", "units=").replace("\n", "\r\n").encode("utf-8-sig"))
    assert run(["fmt", "--check", str(good), str(bad)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"error: {bad}: is not laid out as it should be\nhint: `mnc fmt` lays it out\n"
    assert run(["fmt", str(good), str(bad)]) == 0
    assert capsys.readouterr().out == f"formatted {bad}\n"
    assert bad.read_bytes() == good.read_bytes() == TEXT.encode()
    assert run(["fmt", "--check", str(good), str(bad)]) == 0
    assert capsys.readouterr() == ("", "")


def test_fmt_changes_nothing_where_one_file_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loose = TEXT.replace("units = ", "units=")
    for name, text in (("loose.mnc", loose), ("wrong.mnc", "network (\n"), ("also.mnc", "output ,\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.mnc").write_bytes(b"\xff\x00")
    assert run(["fmt", *(str(path) for path in sorted(tmp_path.iterdir()))]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert [line.split(":")[1].strip() for line in errors] == ["also.mnc", "binary.mnc", "wrong.mnc"]
    assert (tmp_path / "loose.mnc").read_text() == loose
    assert len(list(tmp_path.iterdir())) == 4


def test_fmt_goes_through_links(tmp_path: Path) -> None:
    (tmp_path / "real.mnc").write_text(TEXT.replace("units = ", "units="))
    (tmp_path / "link.mnc").symlink_to("real.mnc")
    assert run(["fmt", str(tmp_path / "link.mnc")]) == 0
    assert (tmp_path / "link.mnc").is_symlink()
    assert (tmp_path / "real.mnc").read_text() == TEXT


def test_python_sets_parameters_and_weights(tiny: Path, pico: Path) -> None:
    graph = mnc.load(tiny, parameters={"units": 5}, weights=tiny.with_name("five.npz"))
    assert graph.types["dense"].shape == (5,)
    with np.load(tiny.with_name("five.npz")) as five:
        x = np.eye(4, dtype=np.float32)
        assert np.allclose(graph.predict(x), five["dense/weights"])
    for given, what in (({"parameters": {"units": 5}}, "parameters are"), ({"weights": tiny}, "weights are")):
        with pytest.raises(CompileError, match=rf"pico.keras3.h5: {what} for network texts"):
            mnc.load(pico, **given)


def test_every_command_that_makes_code_takes_what_changes_it() -> None:
    """All of them have the options of compile but for where it writes to, what it packs, and what is over budget.

    The text of a network, which `show` prints, knows nothing of memory.
    """
    own = {"directory", "force", "name", "package", "author", "firmware", "sample", "as_json", "model"}
    own |= {"max_ram", "max_flash", "max_stack", "max_macs", "page"}
    spelt_otherwise = {
        "bench": {"target", "backend"},
        "verify": {"target"},
        "show": {"memory", "owner", "feed", "regions", "hop"},
    }
    wanted = {parameter.name for parameter in commands.commands["compile"].params} - own
    assert {"settings", "parameters", "weights", "quantize", "calibration", "backend", "target"} <= wanted
    for name in ("check", "show", "plan", "report", "verify", "bench"):
        missing = wanted - {parameter.name for parameter in commands.commands[name].params}
        assert missing <= spelt_otherwise.get(name, set()), name


def test_what_would_be_shipped_is_checked_and_measured(
    tiny: Path, tmp_path: Path, cc: str, valgrind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32))
    options = ["--set", "units=5", "--weights", str(tmp_path / "five.npz")]
    options += ["--quantize", "int8", "--calibration", str(tmp_path / "x.npy")]
    assert run(["bench", str(tiny), *options, "--on", "host", "--json"]) == 0
    printed = capsys.readouterr()
    (cost,) = json.loads(printed.out)["costs"]
    assert cost["warnings"][0].startswith("calibration: 20 samples are few")
    assert f"warning: tiny: {cost['warnings'][0]}\n" in printed.err
    assert (cost["dtype"], cost["macs"]) == ("int8", 20)
    assert run(["check", str(tiny), *options]) == 0
    assert "everything is supported" in capsys.readouterr().out
    assert run(["check", str(tiny), *options[:4], "-X", "colour=red"]) == 1
    assert "backend 'c': has no option 'colour'" in capsys.readouterr().err
    assert run(["check", str(tiny), *options[:4], "--target", "abacus"]) == 1
    assert "abacus" in capsys.readouterr().err
    np.save(tmp_path / "x.npy", np.full((40, 4), np.nan, np.float32))
    assert run(["check", str(tiny), *options]) == 1
    assert "a sample is not finite" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--backend", "c"], ["--target", "host"], ["-X", "code=fast"]])
def test_show_takes_a_backend_only_to_quantise_for(
    option: list[str], tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["show", str(tiny), *option]) == 2
    assert f"{option[0]} serves no purpose without --quantize" in capsys.readouterr().err
