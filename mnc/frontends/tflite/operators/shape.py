"""Operators that only move values."""

from __future__ import annotations

import math
from dataclasses import replace

from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import Value, held
from mnc.ir.layers import Permute
from mnc.ir.types import show


def reshape(call: Call) -> Value:
    """To the shape that is given, where it is known, else to the one that the file declares."""
    call.keeps_scale()
    x = call.value()
    given = call.optional_array(1)
    if given is None or given.dtype.kind != "i":
        return call.shaped(x)
    shape = tuple(int(n) for n in given.ravel())
    rest = math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and rest > 0 and x.type.elements % rest == 0:
        shape = tuple(x.type.elements // rest if n == -1 else n for n in shape)
    if min(shape, default=1) < 1 or math.prod(shape) != x.type.elements:
        raise call.fault(f"{show(x.shape)} has {x.type.elements:,} elements, so it cannot be reshaped to {show(shape)}")
    return replace(call.reshaped(x, held(shape)), shape=shape)


def rearranged(call: Call) -> Value:
    """SQUEEZE and EXPAND_DIMS: to the shape that the file declares."""
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
