"""Operators that only move values."""

from __future__ import annotations

from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layers import Permute
from mnc.ir.types import show


def reshape(call: Call) -> Value:
    """To the shape that the file declares, or where it leaves that open, to the one that is given."""
    call.keeps_scale()
    return call.shaped(call.value())


def transpose(call: Call) -> Value:
    """The axes in any order, that of a batch of one included."""
    call.keeps_scale()
    x = call.value()
    order = call.integers(1, "order of axes")
    if sorted(order) != list(range(len(x.shape))):
        raise call.fault(f"its order {order} must name each axis of {show(x.shape)} once")
    if x.dropped and order[0] == 0:
        return call.emit(Permute(tuple(axis - 1 for axis in order[1:])), x)
    return call.shaped(call.emit(Permute(order), call.reshaped(x, x.shape, "axes"), part="turned"))
