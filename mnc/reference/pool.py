"""Pooling and padding."""

from __future__ import annotations

import functools

import numpy as np

from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling2D,
    ZeroPadding2D,
)
from mnc.ir.types import Array
from mnc.reference.conv import pad, taps
from mnc.reference.dispatch import compute


@compute.register
def max_pooling2d(layer: MaxPooling2D, x: Array) -> Array:
    image = pad(x, layer.padding, -np.inf)
    return functools.reduce(np.maximum, (view for _, view in taps(image, layer.pool, layer.stride)))


@compute.register
def average_pooling2d(layer: AveragePooling2D, x: Array) -> Array:
    inside = np.ones((1, *x.shape[1:3], 1))
    counted = pad(inside, layer.padding, value=1.0 if layer.count_padding else 0.0)
    total = sum(view for _, view in taps(pad(x, layer.padding), layer.pool, layer.stride))
    count = sum(view for _, view in taps(counted, layer.pool, layer.stride))
    return np.asarray(total / count)


@compute.register
def global_max_pooling(layer: GlobalMaxPooling, x: Array) -> Array:
    return np.asarray(x.max(_all_but_channels(x), keepdims=layer.keepdims))


@compute.register
def global_average_pooling(layer: GlobalAveragePooling, x: Array) -> Array:
    return np.asarray(x.mean(_all_but_channels(x), keepdims=layer.keepdims))


@compute.register
def zero_padding2d(layer: ZeroPadding2D, x: Array) -> Array:
    return pad(x, layer.padding)


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))
