"""Rounding weights together: later weights compensate the error of earlier ones.

The error of the layer's sums counts, not that of each weight.  With the second
moments H of a layer's inputs the squared error of its sums is d' H d for weights
that are off by d.  The weights are rounded one after another, and the rest is
moved each time to compensate (Frantar et al., "GPTQ", arXiv 2210.17323).
Coordinate descent over whole steps follows.  If the result is worse than
rounding to nearest, rounding to nearest is kept.
"""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Linear
from mnc.ir.types import Array
from mnc.reference.conv import pad, taps

DAMPING = 0.01
"""Power added to each input, as a share of the inputs' mean power: for directions absent from the samples."""
SWEEPS = 2
"""How often all weights are tried again."""
LARGEST = 127


def has_windows(layer: Layer) -> TypeGuard[Conv2D | DepthwiseConv2D | Dense]:
    """Whether `windows` knows the inputs of the layer's sums; a transposed convolution's are not fitted."""
    return isinstance(layer, Linear) and not isinstance(layer, Conv2DTranspose)


def windows(layer: Conv2D | DepthwiseConv2D | Dense, x: Array) -> Array:
    """The inputs of every sum, (groups, places, taps * group inputs), in the order of `Linear.as_matrix`."""
    if isinstance(layer, Dense):
        return x.reshape(1, -1, x.shape[-1])
    seen = [view for _, view in taps(pad(x, layer.padding), layer.kernel, layer.stride, layer.dilation)]
    stacked = np.stack(seen, axis=-2)  # (samples, height, width, taps, channels)
    parted = stacked.reshape(-1, len(seen), layer.groups, layer.group_inputs)
    return np.moveaxis(parted, 2, 0).reshape(layer.groups, len(parted), -1)


def round_together(weights: Array, second: Array) -> Array:
    """The integers for `weights`, given in steps, (groups, inputs, outputs), under the moments `second`.

    No sum is further off than with each of its weights rounded to the nearest.
    """
    inputs = weights.shape[1]
    power = np.diagonal(second, axis1=1, axis2=2).mean(axis=1)
    damping = np.where(power > 0.0, DAMPING * power, 1.0)
    second = second + np.eye(inputs) * damping[:, np.newaxis, np.newaxis]
    ways = _improved(_in_turn(weights, second), weights, second), _whole(weights)
    errors = [np.sum((way - weights) * (second @ (way - weights)), axis=1, keepdims=True) for way in ways]
    return np.where(errors[0] <= errors[1], *ways)


def _in_turn(weights: Array, second: Array) -> Array:
    """Weights rounded in the order of their inputs' power, the strongest first; the rest compensate the errors."""
    groups, inputs, _ = weights.shape
    order = np.argsort(-np.diagonal(second, axis1=1, axis2=2), axis=1, kind="stable")
    each = np.arange(groups)[:, np.newaxis]
    sorted_moments = second[each[..., np.newaxis], order[:, :, np.newaxis], order[:, np.newaxis, :]]
    spread = np.swapaxes(np.linalg.cholesky(np.linalg.inv(sorted_moments)), 1, 2)
    rest, rounded = weights[each, order], np.empty_like(weights)
    for i in range(inputs):
        rounded[:, i] = _whole(rest[:, i])
        lost = (rest[:, i] - rounded[:, i]) / spread[:, i, i, np.newaxis]
        rest[:, i + 1 :] -= spread[:, i, i + 1 :, np.newaxis] * lost[:, np.newaxis]
    chosen = np.empty_like(weights)
    chosen[each, order] = rounded
    return chosen


def _improved(chosen: Array, weights: Array, second: Array) -> Array:
    """Each weight moved by whole steps where that lessens the error."""
    slope = second @ (chosen - weights)
    for _ in range(SWEEPS):
        for i in range(weights.shape[1]):
            moved = _whole(chosen[:, i] - slope[:, i] / second[:, i, i, np.newaxis])
            difference = moved - chosen[:, i]
            if difference.any():
                chosen[:, i] = moved
                slope += second[:, :, i, np.newaxis] * difference[:, np.newaxis]
    return chosen


def _whole(weights: Array) -> Array:
    return np.clip(np.round(weights), -LARGEST, LARGEST)
