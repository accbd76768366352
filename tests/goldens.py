"""Trained models beside their golden outputs: `pico.keras2.h5` and `pico.golden.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnc.ir.types import Array


def golden(model: Path) -> tuple[list[Array], list[Array]]:
    """Inputs and outputs, batch first, of a model file; files of two Keras versions may share theirs."""
    stem = model.name.rsplit(".", 1)[0]
    names = (f"{stem}.golden.npz", f"{stem.split('.')[0]}.golden.npz", f"{stem}.k3.golden.npz")
    with np.load(next(model.with_name(name) for name in names if model.with_name(name).exists())) as stored:
        return _numbered(stored, "x"), _numbered(stored, "y")


def _numbered(stored: np.lib.npyio.NpzFile, letter: str) -> list[Array]:
    """x, or x0, x1 and so on."""
    return [stored[name] for name in (letter, *(f"{letter}{i}" for i in range(99))) if name in stored]


def trained_tflite(models: Path) -> list[Path]:
    """The trained .tflite files whose every operator is read, and that have golden outputs of their own or Keras'."""
    return sorted(file for folder in ("micromobilenet", "mlperf_tiny") for file in (models / folder).glob("*.tflite"))


def of_tflite_micro(models: Path) -> dict[Path, tuple[Array, Array]]:
    """Inputs of each trained int8 model, and the bytes that TensorFlow Lite Micro made of them."""
    found = {}
    for file in trained_tflite(models):
        stored = file.with_name(f"{file.name}.golden.npz")
        if stored.exists():
            with np.load(stored) as data:
                if "y_tflm" in data:
                    found[file] = data["x"], data["y_tflm"]
    return found
