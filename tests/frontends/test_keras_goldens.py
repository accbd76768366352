"""Outputs of real Keras 2 and 3 for layers in all their forms, and those of the reference for the same files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from goldens import golden

from mnc.frontends import load
from mnc.ir.types import Array, Shape

FOLDER = Path(__file__).parent.parent / "fixtures" / "keras"
MODELS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".h5", ".keras"))


def channels_last(array: Array, shape: Shape) -> Array:
    """A channels-first array brought to the shape of the IR's value, where it differs."""
    return array if array.shape[1:] == shape else np.moveaxis(array, 1, -1)


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_gives_what_keras_gave(name: str) -> None:
    graph = load(FOLDER / name)
    inputs, expected = golden(FOLDER / name)
    inputs = [channels_last(x, given.type.shape) for x, given in zip(inputs, graph.inputs, strict=True)]
    outputs = graph.predict(inputs if len(inputs) > 1 else inputs[0])
    for i, (y, want) in enumerate(zip(outputs if isinstance(outputs, list) else [outputs], expected, strict=True)):
        want = channels_last(want, y.shape[1:])
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5, err_msg=f"output {i} ({graph.outputs[i]})")


def test_both_versions_of_every_group_are_here() -> None:
    groups = {name.split(".")[0] for name in MODELS}
    assert len(groups) == 21
    assert len(MODELS) == 34
