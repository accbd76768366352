"""`mnc verify --oracle tflm`: generated code against TensorFlow Lite Micro's own interpreter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import mnc.oracle
from mnc import verify
from mnc.cli import run
from mnc.ir.types import Array

TFLM = "TensorFlow Lite Micro"


@pytest.fixture
def pico(fixtures: Path) -> str:
    return str(fixtures / "pico.int8.tflite")


@pytest.fixture
def interpreter() -> None:
    pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro is not installed")


@pytest.mark.usefixtures("interpreter", "gcc")
def test_a_sequence_goes_through_both(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = models / "real" / "ww_v2_hey_jarvis.tflite"
    with np.load(f"{model}.golden.npz") as golden:
        x, y = (next(golden[key][:60] for key in golden if key.startswith(letter)) for letter in "xy")
    np.save(tmp_path / "x.npy", x.reshape(-1, 3, 40))
    arguments = ["verify", str(model), "--oracle", "tflm", "--inputs", str(tmp_path / "x.npy")]
    assert run(arguments) == 0
    assert f"60 samples: the same as the reference to the bit; {TFLM} gives the same bytes" in capsys.readouterr().out
    assert run([*arguments, "--feed", "frames", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["passed"] for each in found["oracle"]] == [True]
    np.testing.assert_array_equal(
        np.concatenate(mnc.oracle.interpreted(model.read_bytes(), [x.reshape(-1, 3, 40)], 1)), y.reshape(-1, 1)
    )


@pytest.mark.usefixtures("interpreter", "gcc")
def test_a_difference_is_a_failure(
    pico: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def moved(content: bytes, inputs: list[Array], count: int) -> list[Array]:
        return [y + np.int8(1) for y in mnc.oracle.interpreted(content, inputs, count)]

    monkeypatch.setattr(verify, "interpreted", moved)
    assert run(["verify", pico, "--oracle", "tflm"]) == 1
    assert f"the generated code differs from {TFLM} by 1" in capsys.readouterr().err


@pytest.mark.usefixtures("gcc")
def test_refusals(
    pico: str, fixtures: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert run(["verify", *arguments, "--oracle", "tflm"]) == 1
        return capsys.readouterr().err

    assert f"error: --oracle: {TFLM} runs .tflite files, and this model is none" in refused(
        str(fixtures / "pico.keras3.h5")
    )
    x = str(fixtures / "pico.golden.npz")
    assert "not what --quantize makes of it" in refused(
        str(fixtures / "pico.keras3.h5"), "--quantize", "int8", "--calibration", x
    )
    monkeypatch.setattr(mnc.oracle, "ARENA", 2**10)
    pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro is not installed")
    assert f"{TFLM} does not run this file" in refused(pico)
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    message = refused(pico)
    assert f"needs {TFLM}'s interpreter, which is not installed" in message
    assert "hint: install it with: pip install 'tflite-micro" in message
