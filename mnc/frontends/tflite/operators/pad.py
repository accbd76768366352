"""Padding along any axis, by a layer that does it for the rows and columns of images."""

from __future__ import annotations

import math

from mnc.frontends.assembly import BATCH, Value
from mnc.frontends.tflite.assembly import Call
from mnc.ir.layers import Pair, ZeroPadding2D
from mnc.ir.types import Array, show

UNTOUCHED: Pair = (0, 0)


def pad(call: Call) -> Value:
    """Zeros round the value: in int8 the zero point."""
    return padded(call, call.value(), call.array(1, "paddings"))


def padv2(call: Call) -> Value:
    """PAD with a value of its own, which must stand for 0."""
    quant = call.value().type.quant
    zero = 0 if quant is None else quant.zero_point
    value = call.array(2, "padding value")
    if value.size != 1 or value.item() != zero:
        shown = f"{value.item():g}" if value.size == 1 else f"of shape {show(value.shape)}"
        raise call.fault(f"its padding value {shown} is not supported; it must be {zero}, which stands for 0")
    return padded(call, call.value(), call.array(1, "paddings"))


def padded(call: Call, x: Value, amounts: Array) -> Value:
    """Zeros round `x`, two numbers of them for each of its axes."""
    call.keeps_scale()
    if amounts.shape != (len(x.shape), 2) or amounts.dtype.kind != "i" or amounts.min(initial=0) < 0:
        raise call.fault(f"its paddings must be two numbers, 0 or more, for each axis of {show(x.shape)}")
    pairs = [(int(before), int(after)) for before, after in amounts]
    if any(any(pair) for pair in pairs[: x.axes.count(BATCH)]):
        x = call.whole(x)
    pairs = pairs[len(pairs) - x.type.rank :] if x.type.rank <= len(pairs) else pairs
    if x.type.rank == 3 and not any(pairs[2]):
        return call.emit(ZeroPadding2D((pairs[0], pairs[1])), x) if any(map(any, pairs)) else x
    shape = x.type.shape
    for axis, pair in enumerate(pairs):
        if any(pair):
            # Along any axis, elements are columns of the runs behind it.
            image = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
            x = call.emit(ZeroPadding2D((UNTOUCHED, pair)), call.reshaped(x, image, "image"), part="padded")
            shape = (*shape[:axis], shape[axis] + sum(pair), *shape[axis + 1 :])
    return call.reshaped(x, shape)
