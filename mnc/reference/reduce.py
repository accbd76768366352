"""Reductions along any axes, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mnc.ir.layers import ArgExtreme, ArgMax, ArgMin, MatMul, ReduceMax, ReduceMean, ReduceMin, ReduceSum, Reduction
from mnc.ir.types import Array
from mnc.reference.dispatch import compute


def _reduce(function: Callable[..., Any], layer: Reduction, x: Array) -> Array:
    axes = tuple(place + 1 for place in layer.places(x.ndim - 1))
    return np.asarray(function(x, axis=axes, keepdims=layer.keepdims))


@compute.register
def reduce_sum(layer: ReduceSum, x: Array) -> Array:
    return _reduce(np.sum, layer, x)


@compute.register
def reduce_mean(layer: ReduceMean, x: Array) -> Array:
    return _reduce(np.mean, layer, x)


@compute.register
def reduce_max(layer: ReduceMax, x: Array) -> Array:
    return _reduce(np.max, layer, x)


@compute.register
def reduce_min(layer: ReduceMin, x: Array) -> Array:
    return _reduce(np.min, layer, x)


@compute.register(ArgMax)
@compute.register(ArgMin)
def arg_extreme(layer: ArgExtreme, x: Array) -> Array:
    found = np.argmin if isinstance(layer, ArgMin) else np.argmax
    return np.asarray(found(x, axis=layer.axis % (x.ndim - 1) + 1), np.int32)


@compute.register
def matmul(layer: MatMul, a: Array, b: Array) -> Array:
    left = a.swapaxes(-1, -2) if layer.transpose_a else a
    right = b.swapaxes(-1, -2) if layer.transpose_b else b
    return np.asarray(left @ right)
