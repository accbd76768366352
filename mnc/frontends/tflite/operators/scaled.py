"""Sums and products of a float32 value and a constant, as the normalisations that passes fold into what is beside."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.ir.layers import BatchNormalization
from mnc.ir.types import Array, Constant, show


def is_scaled(call: Call) -> bool:
    """Whether one of the two operands is a float32 constant that does not enlarge the other."""
    if call.is_quantised:
        return False
    for i, constant in enumerate(call.known[:2]):
        x = call.values[1 - i] if len(call.values) > 1 else None
        if constant is not None and x is not None:
            shape = (*(1,) * (len(x.shape) - constant.ndim), *constant.shape)
            return len(shape) == len(x.shape) and all(n in (1, own) for n, own in zip(shape, x.shape, strict=True))
    return False


def parts(call: Call) -> tuple[Value, Array]:
    """The operand that the network computes, and the one that is a constant."""
    place = 0 if call.optional_array(0) is not None else 1
    return call.value(1 - place), call.operand(place, "operand").array


def scaled(call: Call, x: Value, factor: Array | None, offset: Array | None) -> Value:
    """Factor * x + offset with its fused activation, as a batch normalisation along the axis on which they differ.

    Both have one shape; where they differ along several axes, the value is flattened for it.
    """
    given = offset if factor is None else factor
    assert given is not None
    whole, rank = x.type.shape, x.type.rank
    shape = (*(1,) * (rank - given.ndim), *given.shape)
    if any(n != 1 for n in shape[:-rank]) or any(
        n not in (1, size) for n, size in zip(shape[-rank:], whole, strict=True)
    ):
        raise call.fault(f"its constant {show(given.shape)} does not fit {show(x.shape)}")
    shape = shape[-rank:]
    varying = [axis for axis, n in enumerate(shape) if n > 1]
    axis = varying[0] if varying else rank - 1
    extent = tuple(n if len(varying) > 1 or i == axis else 1 for i, n in enumerate(whole))

    def vector(array: Array | None) -> Constant | None:
        return None if array is None else Constant(np.broadcast_to(array.reshape(shape), extent).reshape(-1))

    count = math.prod(extent)
    mean, variance = Constant(np.zeros(count, np.float32)), Constant(np.ones(count, np.float32))
    if len(varying) > 1:
        x, axis = call.reshaped(x, (count,), "flat"), 0
    y = call.emit(BatchNormalization(mean, variance, vector(factor), vector(offset), 0.0, axis), x)
    return call.activated(call.reshaped(y, whole))
