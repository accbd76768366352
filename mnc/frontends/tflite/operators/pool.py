"""Pooling, reductions over axes, and padding."""

from __future__ import annotations

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.ir.activations import Sqrt, Square
from mnc.ir.layers import (
    Activation,
    ArgMax,
    ArgMin,
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Pooling2D,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    Reduction,
)


def average_pool_2d(call: Call) -> Value:
    """The mean of each window; elements outside do not count."""
    return _pooled(call, AveragePooling2D)


def max_pool_2d(call: Call) -> Value:
    """The largest of each window."""
    return _pooled(call, MaxPooling2D)


def l2_pool_2d(call: Call) -> Value:
    """The root of the mean square of each window."""
    call.not_quantised()
    pool = call.pair("FilterHeight", "FilterWidth")
    stride = call.pair("StrideH", "StrideW")
    if min(pool) < 1:
        raise call.fault(f"its window {pool} must be at least 1")
    squares = call.emit(Activation(Square()), call.value(), part="squares")
    mean = call.emit(AveragePooling2D(pool, stride, call.padding(pool, stride)), squares, part="mean")
    return call.activated(call.emit(Activation(Sqrt()), mean))


def _pooled(call: Call, kind: type[Pooling2D]) -> Value:
    call.keeps_scale()
    pool = call.pair("FilterHeight", "FilterWidth")
    stride = call.pair("StrideH", "StrideW")
    if min(pool) < 1:
        raise call.fault(f"its window {pool} must be at least 1")
    return call.activated(call.emit(kind(pool, stride, call.padding(pool, stride)), call.value()))


def mean(call: Call) -> Value:
    """The mean over any axes."""
    return reduced(call, ReduceMean, GlobalAveragePooling)


def sum_(call: Call) -> Value:
    """The sum over any axes."""
    return reduced(call, ReduceSum)


def arg_extreme(call: Call) -> Value:
    """The place of the largest or of the smallest element along an axis, of equal ones the first, in INT32."""
    if call.result.type != "INT32" or call.result.scale:
        raise call.fault(f"its output must be INT32 without a scale, not {call.result.type}")
    axes = call.integers(1, "axis")
    if len(axes) != 1:
        raise call.fault("its axis must be one number")
    x, axis = call.along(axes[0], call.value())
    kind = ArgMin if call.operator.kind == "ARG_MIN" else ArgMax
    return call.shaped(call.emit(kind(axis), x))


def reduce_max(call: Call) -> Value:
    """The largest over any axes."""
    call.not_int16()
    call.keeps_scale()
    return reduced(call, ReduceMax, GlobalMaxPooling)


def reduce_min(call: Call) -> Value:
    """The smallest over any axes."""
    call.not_int16()
    call.keeps_scale()
    return reduced(call, ReduceMin)


def reduced(call: Call, kind: type[Reduction], pooling: type[GlobalPooling] | None = None) -> Value:
    """Over all axes but the last, by a global pooling where there is one."""
    x = call.value()
    axes = tuple(sorted({axis for axis in map(call.axis, call.integers(1, "axes")) if axis >= 0}))
    if not axes:  # that of a batch of one at most: each element by itself
        x, axes = call.reshaped(x, (1, x.type.elements), "alone"), (0,)
    output = call.output if kind in (ReduceMean, ReduceSum) else None
    channels = axes == tuple(range(x.type.rank - 1))
    layer = pooling(output=output) if pooling is not None and channels else kind(axes, output=output)
    return call.shaped(call.emit(layer, x))
