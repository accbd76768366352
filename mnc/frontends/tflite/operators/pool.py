"""Pooling, reductions over axes, and padding."""

from __future__ import annotations

from mnc.frontends.tflite.assembly import Call, converts
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling2D,
    Permute,
)
from mnc.ir.types import show


@converts("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool_2d(call: Call) -> Value:
    """A window over each channel; elements outside do not count."""
    call.keeps_scale()
    pool = call.pair("FilterHeight", "FilterWidth")
    stride = call.pair("StrideH", "StrideW")
    layer = MaxPooling2D if call.operator.kind == "MAX_POOL_2D" else AveragePooling2D
    if min(pool) < 1:
        raise call.fault(f"its window {pool} must be at least 1")
    return call.activated(call.emit(layer(pool, stride, call.padding(pool, stride)), call.value()))


@converts("MEAN", "REDUCE_MAX")
def reduce(call: Call) -> Value:
    """Over any axes: those that stay are turned to the end and taken for channels."""
    x = call.value()
    rank = x.type.rank
    given = [axis % len(x.shape) for axis in call.integers(1, "axes") if -len(x.shape) <= axis < len(x.shape)]
    if len(given) != call.array(1, "axes").size:
        raise call.fault(f"its axes are not those of {show(x.shape)}")
    axes = {axis - x.dropped for axis in given if axis >= x.dropped}  # the batch of one needs no reduction
    if call.operator.kind == "REDUCE_MAX":
        call.keeps_scale()
        layer: GlobalMaxPooling | GlobalAveragePooling = GlobalMaxPooling()
    else:
        layer = GlobalAveragePooling(output=call.output)
    order = (*sorted(axes), *sorted(set(range(rank)) - axes))
    if order != tuple(range(rank)):
        x = call.emit(Permute(order), x, part="turned")
    if axes != set(range(rank - 1)) or rank < 2:
        count = 1
        for size in x.type.shape[: len(axes)]:
            count *= size
        x = call.reshaped(x, (count, x.type.elements // count), "columns")
    return call.shaped(call.emit(layer, x))
