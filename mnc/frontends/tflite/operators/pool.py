"""Pooling, reductions over axes, and padding."""

from __future__ import annotations

import math

from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Permute,
    Pooling2D,
)


def average_pool_2d(call: Call) -> Value:
    """The mean of each window; elements outside do not count."""
    return _pooled(call, AveragePooling2D)


def max_pool_2d(call: Call) -> Value:
    """The largest of each window."""
    return _pooled(call, MaxPooling2D)


def _pooled(call: Call, kind: type[Pooling2D]) -> Value:
    call.keeps_scale()
    pool = call.pair("FilterHeight", "FilterWidth")
    stride = call.pair("StrideH", "StrideW")
    if min(pool) < 1:
        raise call.fault(f"its window {pool} must be at least 1")
    return call.activated(call.emit(kind(pool, stride, call.padding(pool, stride)), call.value()))


def mean(call: Call) -> Value:
    """The mean over any axes."""
    return _reduced(call, GlobalAveragePooling(output=call.output))


def reduce_max(call: Call) -> Value:
    """The largest over any axes."""
    call.keeps_scale()
    return _reduced(call, GlobalMaxPooling())


def _reduced(call: Call, layer: GlobalPooling) -> Value:
    """The axes that stay are turned to the end and taken for channels."""
    x = call.value()
    rank = x.type.rank
    axes = {axis for axis in map(call.axis, call.integers(1, "axes")) if axis >= 0}
    order = (*sorted(axes), *sorted(set(range(rank)) - axes))
    if order != tuple(range(rank)):
        x = call.emit(Permute(order), x, part="turned")
    if len(axes) != rank - 1:
        count = math.prod(x.type.shape[: len(axes)])
        x = call.reshaped(x, (count, x.type.elements // count), "columns")
    return call.shaped(call.emit(layer, x))
