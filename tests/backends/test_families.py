"""Generated C against Keras, for models as Keras' users write them: operations, attention, masks, initial states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from goldens import golden

import mnc

FAMILIES = (
    *("bilstm_mask.k3.keras", "cbam.k3.keras", "dueling.k2.h5", "mnv3_hand.k3.keras", "pre_div255.k3.keras"),
    *("pre_sub_div.k2.h5", "se_operators.k3.keras", "seq2seq_lstm.k3.keras", "siamese_ops.k3.keras"),
    *("spectral_norm.k3.keras", "tcn_last.k3.keras", "transformer_text.k3.keras"),
)


@pytest.mark.parametrize("name", FAMILIES)
def test_generated_code_gives_what_keras_gave(models: Path, gcc: str, name: str) -> None:
    path = models / "families" / name
    inputs, expected = golden(path)
    y = mnc.compile(mnc.load(path), name="net").predict(inputs if len(inputs) > 1 else inputs[0])
    for own, want in zip(y if isinstance(y, list) else [y], expected, strict=True):
        np.testing.assert_allclose(own, want, rtol=0, atol=1e-4 * np.abs(want).max())


def test_every_model_is_here(models: Path) -> None:
    files = {path.name for path in (models / "families").iterdir() if path.suffix in (".h5", ".keras")}
    assert files == set(FAMILIES)
