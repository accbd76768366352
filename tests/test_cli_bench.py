"""`mnc bench`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from mnc.cli import run


@pytest.fixture
def pico(fixtures: Path) -> str:
    return str(fixtures / "pico.keras3.h5")


@pytest.fixture
def dense(tmp_path: Path) -> str:
    """A network that costs next to nothing."""
    layer = "y = dense(x, units = 2, weights = [[1, 2], [3, 4]], bias = [0, 1])"
    text = f"network dense\n\ninput x: float32[2]\n\n{layer}\n\noutput y\n"
    (tmp_path / "dense.mnc").write_text(text)
    return str(tmp_path / "dense.mnc")


def test_every_model_backend_and_target_is_a_row(
    pico: str, dense: str, arm_gcc: str, qemu_arm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", dense, pico, "--backend", "c,cpp", "--on", "cortex-m3, cortex-m4"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == [
        *(
            "model",
            "type",
            "backend",
            "target",
            "MACs",
            "instructions",
            "per",
            "MAC",
            "code",
            "constants",
            "RAM",
            "stack",
        )
    ]
    rows = [line.split() for line in lines[: lines.index("")]]
    assert [tuple(row[:4]) for row in rows] == [
        (model, "float32", backend, target)
        for model in ("dense", "pico_keras3")
        for target in ("cortex-m3", "cortex-m4")
        for backend in ("c", "cpp")
    ]
    instructions = [int(row[5].replace(",", "")) for row in rows]
    assert instructions[0] < 1000 < instructions[-1]
    assert all(
        float(row[6]) == round(count / int(row[4].replace(",", "")), 2)
        for row, count in zip(rows, instructions, strict=True)
    )
    assert re.search(r"^cortex-m4: arm-none-eabi-gcc .* -O2$", "\n".join(lines), re.MULTILINE)
    assert "instructions are not cycles" in lines[-1]


def test_layers_and_the_level_of_optimisation(
    dense: str, arm_gcc: str, qemu_arm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", dense, "--layers", "-O", "s", "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    assert cost["compiler"].endswith("-Os")
    assert [(layer["name"], layer["macs"]) for layer in cost["layers"]] == [("y", 4)]
    assert run(["bench", dense, "--layers", "-O", "s"]) == 0
    printed = capsys.readouterr().out
    assert "\ndense, c on cortex-m4\nlayer  op     MACs  instructions  per MAC  " in printed
    assert re.search(r"^y +dense +4 +\d+ +\d+\.\d\d +\d+ +\d+\.\d%$", printed, re.MULTILINE)


def test_a_missing_tool_is_one_line_and_the_rest_is_measured(
    dense: str,
    pico: str,
    arm_gcc: str,
    qemu_arm: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find = shutil.which
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "avr-gcc" else find(program))
    assert run(["bench", dense, dense, "--on", "avr,cortex-m4", "--json"]) == 1
    printed = capsys.readouterr()
    assert [cost["target"] for cost in json.loads(printed.out)["costs"]] == ["cortex-m4", "cortex-m4"]
    assert printed.err == "error: avr-gcc is not installed; Debian has it in the package gcc-avr and avr-libc\n"


def test_what_cannot_be_measured_is_said_and_the_rest_is_measured(
    dense: str, tmp_path: Path, arm_gcc: str, qemu_arm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.h5").write_bytes(b"")
    assert run(["bench", str(tmp_path / "bad.h5"), dense]) == 1
    printed = capsys.readouterr()
    assert "\ndense " in printed.out
    assert printed.err.startswith("error: bad.h5: the file is empty")
    assert run(["bench", str(tmp_path / "bad.h5")]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "status", "what"),
    [
        (["--on", "abacus"], 1, "error: unknown target 'abacus'"),
        (["--backend", "c,abacus"], 1, "'abacus'"),
        (["--on", ","], 2, "error: mnc bench: Invalid value for '--on': there is no name in it"),
        (["-O", "4"], 2, "error: mnc bench: Invalid value for '-O': '4'"),
    ],
)
def test_what_is_not_known_is_said_at_once(
    options: list[str], status: int, what: str, dense: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", dense, *options]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert what in printed.err


def test_the_backend_is_set_up_as_for_compile(
    dense: str, arm_gcc: str, qemu_arm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", dense, "-X", "code=compact", "--json"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    assert cost["settings"] == {"code": "compact"}
    assert run(["bench", dense, "-X", "code=compact"]) == 0
    assert "c code=compact" in capsys.readouterr().out
    assert run(["bench", dense, "-X", "code=tiny"]) == 1
    assert capsys.readouterr().err == "error: option 'code': is fast or compact, not 'tiny'\n"
