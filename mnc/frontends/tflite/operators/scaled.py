"""Sums and products of a value and a constant."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layers import BatchNormalization
from mnc.ir.types import Array, Constant, show


def is_with_constant(call: Call) -> bool:
    """Whether one of the two operands is a constant."""
    return any(call.optional_array(i) is not None for i in (0, 1))


def parts(call: Call) -> tuple[Value, Array]:
    """The operand that the network computes, and the one that is a constant; float32 only."""
    place = 0 if call.optional_array(0) is not None else 1
    if call.is_quantised:
        raise call.fault(
            "one of its operands is a constant, which is supported in float32 only",
            "put batch normalisation right behind a convolution or a dense layer: the converter folds it into that",
        )
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
