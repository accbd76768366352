"""Products of matrices."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.ir.layers import Broadcast, Dense, MatMul, Permute
from mnc.ir.types import Constant, show

MAX_SUMS = 256
"""Elements along the axis of CUMSUM: the triangle has their square."""


def batch_matmul(call: Call) -> Value:
    """Products of the last two axes, for each index of those before; a constant may be the second matrix."""
    adjoint = bool(call.option("AdjX")), bool(call.option("AdjY"))
    if call.optional_array(1) is not None:
        return _by_constant(call, adjoint_x=adjoint[0], adjoint_y=adjoint[1])
    a, b = call.value(0), call.value(1)
    if min(len(a.shape), len(b.shape)) < 2:
        raise call.fault(f"{show(a.shape)} and {show(b.shape)} are not matrices")
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise call.fault(f"{show(a.shape)} and {show(b.shape)} are not equally many matrices") from None
    batch = batch[next((i for i, n in enumerate(batch) if n != 1), len(batch)) :]
    a, b = (_stacked(call, x, batch) for x in (a, b))
    return call.shaped(call.emit(MatMul(*adjoint, output=call.output), a, b))


def _stacked(call: Call, x: Value, batch: tuple[int, ...]) -> Value:
    """As many matrices as `batch` has."""
    own = (1,) * (len(batch) + 2 - len(x.shape)) + x.shape[max(len(x.shape) - len(batch) - 2, 0) :]
    x = call.reshaped(x, own, "matrices")
    whole = (*batch, *own[-2:])
    return x if own == whole else call.emit(Broadcast(whole), x, part="repeated")


def _by_constant(call: Call, *, adjoint_x: bool, adjoint_y: bool) -> Value:
    constant = call.operand(1, "second matrix")
    shape = constant.shape
    if adjoint_x or len(shape) < 2 or any(n != 1 for n in shape[:-2]):
        raise call.fault(f"a constant of {show(shape)} is supported as one matrix only, by which rows are multiplied")
    if constant.quant is not None and constant.quant.zero_point != 0:
        raise call.fault(f"its constant has the zero point {constant.quant.zero_point}; it must be 0")
    matrix = constant.array.reshape(shape[-2:])
    dense = Dense(Constant(matrix.T if adjoint_y else matrix, constant.quant), output=call.output)
    return call.shaped(call.emit(dense, call.value(0)))


def cumsum(call: Call) -> Value:
    """Sums of all elements up to each along an axis: products with a triangle of ones."""
    call.not_in_integers()
    axis = call.integers(1, "axis")
    if len(axis) != 1:
        raise call.fault("its axis must be one number")
    x, place = call.along(axis[0], call.value())
    count = x.type.shape[place]
    if count > MAX_SUMS:
        raise call.fault(f"sums over {count:,} elements are not supported; the limit is {MAX_SUMS}")
    triangle = np.tri(count, k=-1 if call.option("Exclusive") else 0, dtype=np.float32)
    dense = Dense(Constant(triangle if call.option("Reverse") else triangle.T))
    order = (*(i for i in range(x.type.rank) if i != place), place)
    if place == x.type.rank - 1:
        return call.shaped(call.emit(dense, x))
    sums = call.emit(dense, call.emit(Permute(order), x, part="turned"), part="sums")
    return call.shaped(call.emit(Permute(tuple(order.index(i) for i in range(x.type.rank))), sums))
