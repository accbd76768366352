"""Every trained model with golden outputs of real Keras: read, computed by the reference, compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mnc.frontends import check, load
from mnc.ir.types import Array

FOLDERS = ("micromobilenet", "mlperf_tiny", "public_ops")
SAMPLES = 4


def golden(file: Path) -> tuple[list[Array], list[Array]]:
    """Inputs and outputs; files of two Keras versions of one trained model share theirs."""
    stem = file.name.rsplit(".", 1)[0]
    names = (f"{stem}.golden.npz", f"{stem.split('.')[0]}.golden.npz", f"{stem}.k3.golden.npz")
    data = np.load(next(file.with_name(name) for name in names if file.with_name(name).exists()))

    def numbered(letter: str) -> list[Array]:
        keys = [key for key in data.files if key[0] == letter and key[1:].isdigit()]
        return [data[key][:SAMPLES] for key in sorted(keys) or [letter]]

    return numbered("x"), numbered("y")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_reference_gives_what_keras_gave(models: Path, folder: str) -> None:
    files = sorted(file for file in (models / folder).iterdir() if file.suffix in (".h5", ".keras"))
    assert files
    wrong = []
    for file in files:
        refused = check(file)
        if refused:
            wrong.append(f"{file.name}: {refused[0]}")
            continue
        inputs, expected = golden(file)
        graph = load(file)
        given = graph.predict(inputs if len(inputs) > 1 else inputs[0])
        outputs = given if isinstance(given, list) else [given]
        for y, want in zip(outputs, expected, strict=True):
            if y.shape != want.shape or not np.allclose(y, want, rtol=1e-4, atol=1e-5):
                wrong.append(f"{file.name}: {y.shape}, off by {np.abs(y - want).max()}")
    assert not wrong, "\n".join(wrong)
