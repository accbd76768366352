"""The one place that knows how weights lie: as a matrix, and back."""

from __future__ import annotations

import numpy as np
import pytest

from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Linear
from mnc.ir.types import Constant
from mnc.reference import apply


def weights(*shape: int) -> Constant:
    return Constant(np.random.default_rng(3).normal(size=shape).astype(np.float32))


KINDS = (
    Conv2D(weights(3, 2, 4, 6)),
    Conv2D(weights(2, 3, 2, 6), groups=3),
    DepthwiseConv2D(weights(2, 3, 4, 2)),
    Conv2DTranspose(weights(3, 2, 5, 4)),
    Dense(weights(4, 3)),
)


@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: f"{type(layer).__name__}, {layer.groups} groups")
def test_a_matrix_comes_back_as_weights(layer: Linear) -> None:
    matrix = layer.as_matrix()
    assert matrix.shape == (layer.groups, layer.taps, layer.group_inputs, layer.group_outputs)
    assert layer.with_matrix(matrix, layer.bias) == layer


@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: f"{type(layer).__name__}, {layer.groups} groups")
def test_the_matrix_says_what_each_output_makes_of_each_input(layer: Linear) -> None:
    """Against the reference: an image with a single 1 shows the weights that read it, one for each tap."""
    matrix, channels = layer.as_matrix(), layer.groups * layer.group_inputs
    for channel in range(channels):
        group, place = divmod(channel, layer.group_inputs)
        expected = np.zeros((layer.taps, layer.filters), np.float32)
        mine = slice(group * layer.group_outputs, (group + 1) * layer.group_outputs)
        expected[:, mine] = matrix[group, :, place]
        assert np.array_equal(seen(layer, channel, channels), expected)


def seen(layer: Linear, channel: int, channels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(taps, filters): the outputs that an input of 1 in one channel reaches."""
    one = np.eye(channels, dtype=np.float32)[channel]
    if isinstance(layer, Dense):
        return apply(layer, one[np.newaxis])[0]
    if isinstance(layer, Conv2DTranspose):
        return apply(layer, one.reshape(1, 1, 1, channels))[0].reshape(layer.taps, layer.filters)
    height, width = layer.weights.shape[:2]
    image = np.zeros((1, 2 * height - 1, 2 * width - 1, channels), np.float32)
    image[0, height - 1, width - 1] = one
    (outputs,) = apply(layer, image)
    return outputs[0, ::-1, ::-1].reshape(layer.taps, layer.filters)
