"""Normalisation."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import BatchNormalization, GroupNormalization, LayerNormalization, UnitNormalization
from mnc.ir.types import Array, Constant
from mnc.reference.conv import wide
from mnc.reference.dispatch import compute
from mnc.reference.elementwise import batch_axis


@compute.register
def batch_normalization(layer: BatchNormalization, x: Array) -> Array:
    scale, offset = layer.scale_and_offset()
    along = np.swapaxes(x, batch_axis(layer.axis, x), -1)
    return np.swapaxes(along * scale + offset, batch_axis(layer.axis, x), -1)


@compute.register
def layer_normalization(layer: LayerNormalization, x: Array) -> Array:
    axes = tuple(batch_axis(axis, x) for axis in layer.axes)
    sizes = tuple(size if axis in axes else 1 for axis, size in enumerate(x.shape))
    return _scaled(_standardised(x, axes, layer.epsilon), layer.gamma, layer.beta, sizes)


@compute.register
def group_normalization(layer: GroupNormalization, x: Array) -> Array:
    grouped = x.reshape(len(x), -1, layer.groups, x.shape[-1] // layer.groups)
    return _scaled(_standardised(grouped, (1, 3), layer.epsilon).reshape(x.shape), layer.gamma, layer.beta, (-1,))


@compute.register
def unit_normalization(layer: UnitNormalization, x: Array) -> Array:
    axes = tuple(batch_axis(axis, x) for axis in layer.axes)
    length = np.sqrt(np.square(x).sum(axes, keepdims=True))
    return np.asarray(x / np.maximum(length, layer.epsilon))


def _standardised(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    return np.asarray((x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon))


def _scaled(x: Array, gamma: Constant | None, beta: Constant | None, sizes: tuple[int, ...]) -> Array:
    """Gamma * x + beta, both of them brought to the shape `sizes`, which broadcasts."""
    if gamma is not None:
        x = x * wide(gamma).reshape(sizes)
    return x if beta is None else x + wide(beta).reshape(sizes)
