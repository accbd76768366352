"""Layers that only rearrange."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import Broadcast, Concatenate, Flatten, Permute, Reshape, Reverse, Slice, Take
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


@compute.register
def slice_(layer: Slice, x: Array) -> Array:
    for axis, (first, size, step) in enumerate(zip(layer.starts, layer.sizes, layer.steps, strict=True)):
        x = np.take(x, first + step * np.arange(size), axis + 1)
    return x


@compute.register
def take(layer: Take, x: Array) -> Array:
    return np.take(x, layer.indices, batch_axis(layer.axis, x))


@compute.register
def broadcast(layer: Broadcast, x: Array) -> Array:
    new = (1,) * (len(layer.shape) + 1 - x.ndim)
    return np.broadcast_to(x.reshape(len(x), *new, *x.shape[1:]), (len(x), *layer.shape))
