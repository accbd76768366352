"""Layers that only rearrange."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import Concatenate, Flatten, Permute, Reshape, Reverse
from mnc.ir.types import Array
from mnc.reference.dispatch import compute
from mnc.reference.elementwise import batch_axis


@compute.register
def reshape(layer: Reshape, x: Array) -> Array:
    return x.reshape(len(x), *layer.shape)


@compute.register
def flatten(layer: Flatten, x: Array) -> Array:
    return x.reshape(len(x), np.prod(x.shape[1:], dtype=int))


@compute.register
def permute(layer: Permute, x: Array) -> Array:
    return np.asarray(x.transpose(0, *(axis + 1 for axis in layer.axes)))


@compute.register
def reverse(layer: Reverse, x: Array) -> Array:
    return np.flip(x, batch_axis(layer.axis, x))


@compute.register
def concatenate(layer: Concatenate, *inputs: Array) -> Array:
    return np.asarray(np.concatenate(inputs, axis=batch_axis(layer.axis, inputs[0])))
