"""Pooling and padding in integers."""

from __future__ import annotations

import math

import numpy as np

from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling2D,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    ZeroPadding2D,
)
from mnc.ir.types import Array
from mnc.reference.conv import pad, taps
from mnc.reference.dispatch import compute
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale
from mnc.reference.quantised.operands import Operands, clip, compute_quantised, requantise


@compute_quantised.register
def _average_pooling2d(layer: AveragePooling2D, operands: Operands, x: Array) -> Array:
    assert not layer.count_padding
    inside = pad(np.ones_like(x), layer.padding)
    padded = pad(x, layer.padding)
    total = sum(view for _, view in taps(padded, layer.pool, layer.stride))
    count = np.asarray(sum(view for _, view in taps(inside, layer.pool, layer.stride)))
    magnitude = (np.abs(total) + count // 2) // count
    return np.asarray(np.where(np.asarray(total) >= 0, magnitude, -magnitude))


@compute_quantised.register
def _max_pooling2d(layer: MaxPooling2D, operands: Operands, x: Array) -> Array:
    padded = pad(x, layer.padding, int(np.iinfo(np.int32).min))
    views = [view for _, view in taps(padded, layer.pool, layer.stride)]
    return np.asarray(np.maximum.reduce(views))


def mean_multiplier(given: float, out: float, count: int) -> tuple[int, int]:
    """(multiplier, shift) that takes the sum of `count` elements to their mean on the output's scale."""
    multiplier, shift = quantise_multiplier(given / out)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


@compute_quantised.register
def _global_average_pooling(layer: GlobalAveragePooling, operands: Operands, x: Array) -> Array:
    axes = _all_but_channels(x)
    count = math.prod(x.shape[axis] for axis in axes)
    total = x.sum(axes, keepdims=layer.keepdims) - operands.quant().zero_point * count
    multiplier, shift = mean_multiplier(operands.quant().scale[0], operands.scale, count)
    return clip(rescale(total, multiplier, shift) + operands.zero, *operands.limits())


@compute_quantised.register
def _global_max_pooling(layer: GlobalMaxPooling, operands: Operands, x: Array) -> Array:
    return np.asarray(x.max(_all_but_channels(x), keepdims=layer.keepdims))


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))


@compute_quantised.register
def _zero_padding2d(layer: ZeroPadding2D, operands: Operands, x: Array) -> Array:
    return np.asarray(pad(x, layer.padding, operands.quant().zero_point))


@compute_quantised.register(ReduceMean)
@compute_quantised.register(ReduceSum)
def _reduce_sum(layer: ReduceMean | ReduceSum, operands: Operands, x: Array) -> Array:
    axes = tuple(place + 1 for place in layer.places(x.ndim - 1))
    count = math.prod(x.shape[axis] for axis in axes)
    total = x.sum(axes, keepdims=layer.keepdims) - operands.quant().zero_point * count
    scales = operands.quant().scale[0], operands.scale
    is_mean = isinstance(layer, ReduceMean)
    factor = mean_multiplier(*scales, count) if is_mean else quantise_multiplier(scales[0] / scales[1])
    return clip(rescale(total, *factor) + operands.zero, *operands.limits())


@compute_quantised.register(ReduceMax)
@compute_quantised.register(ReduceMin)
def _reduce_extreme(layer: ReduceMax | ReduceMin, operands: Operands, x: Array) -> Array:
    chosen = compute(layer, x)
    assert isinstance(chosen, np.ndarray)
    return requantise(chosen, operands.quant(), operands)
