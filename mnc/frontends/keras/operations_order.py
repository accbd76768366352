"""Operations that go by places along an axis: the largest element's, vectors of places, sums up to a place."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Converter, Operands, Result, operation
from mnc.frontends.keras.operations_shape import permuted
from mnc.ir import activations as fn
from mnc.ir.layers import Activation, Add, Dense, Multiply, ReduceMax, Reshape, Subtract
from mnc.ir.types import Constant

MOST = 2**8
"""Elements along the axis of a sum: the triangle has their square.  Places of a vector."""


def _extreme(sign: float, what: str) -> Converter:
    """The place of the largest element of sign * x, the first where several are equal.

    With n elements the place i is n less the largest of n - i among the largest elements.
    """

    def convert(op: Operands) -> Result:
        x = op.value()
        if "axis" not in op:
            raise op.call.fault("without axis the operation goes over the batch, too", "name the axis")
        axis, keepdims = op.axis("axis", x), op.config.boolean("keepdims", False)
        op.config.choice("output_type", "int32", "int64", default="int64")
        size = x.shape[axis]
        if sign < 0:
            x = op.affine(x, sign, part="negative")
        largest = op.emit(ReduceMax((axis,), True), x, part="largest")
        below = op.emit(Activation(fn.Sign()), op.emit(Subtract(), x, largest, part="below"), part="sign")
        is_largest = op.affine(below, 1.0, 1.0, part="is_largest")
        shape = tuple(size if k == axis else 1 for k in range(len(x.shape)))
        left = Constant(np.arange(size, 0, -1, dtype=np.float32).reshape(shape))
        reached = op.emit(Multiply(operand=left), is_largest, part="left")
        first = op.emit(ReduceMax((axis,), keepdims), reached, part="first")
        return op.emit(Subtract(operand=Constant(np.float32(size)), operand_first=True), first)

    convert.__doc__ = what
    return convert


operation("Argmax", "x axis")(_extreme(1.0, "The place of the largest element along an axis, as a number."))
operation("Argmin", "x axis")(_extreme(-1.0, "The place of the smallest element along an axis, as a number."))


@operation("OneHot", "x num_classes", axis=-1)
def one_hot(op: Operands) -> Result:
    """Whole numbers as vectors with 1 at their place; numbers outside are in none."""
    x, count = op.value(), op.config.integer("num_classes")
    op.config.ignore("dtype")
    op.config.only("sparse", False)
    op.config.only("axis", -1)
    if count > MOST:
        raise op.call.fault(f"vectors of {count} places are too long; the limit is {MOST}")
    on, off = (op.config.number(key, default) for key, default in (("on_value", 1.0), ("off_value", 0.0)))
    row = op.emit(Reshape((*x.shape, 1)), x, part="row")
    distance = op.emit(Add(operand=Constant(-np.arange(count, dtype=np.float32))), row, part="distance")
    size = op.emit(Activation(fn.Abs()), distance, part="size")
    return op.affine(op.emit(Activation(fn.Sign()), size, part="apart"), off - on, on)


@operation("Cumsum", "x axis", exclusive=False, reverse=False)
def cumsum(op: Operands) -> Result:
    """The sum of all elements up to each: a product with a triangle of ones."""
    x = op.value()
    op.config.only("dtype", None, "float32")
    if "axis" not in op:
        raise op.call.fault("without axis the operation goes over the batch, too", "name the axis")
    axis = op.axis("axis", x)
    size = x.shape[axis]
    if size > MOST:
        raise op.call.fault(f"sums along {size} elements are too many; the limit is {MOST}")
    triangle = np.triu(np.ones((size, size), np.float32), int(op.config.boolean("exclusive")))
    if op.config.boolean("reverse"):
        triangle = triangle[::-1, ::-1]
    last = len(x.shape) - 1
    order = tuple(last if k == axis else axis if k == last else k for k in range(last + 1))
    sums = op.emit(Dense(Constant(np.ascontiguousarray(triangle))), permuted(op, x, order, "turned"), part="sums")
    return permuted(op, sums, order)


@operation("AddN", "xs")
def add_n(op: Operands) -> Result:
    """The sum of several tensors."""
    xs = op.values("xs")
    return op.emit(Add(), *xs) if len(xs) > 1 else op.nothing(xs[0])


@operation("BatchFlatten")
def batch_flatten(op: Operands) -> Result:
    """All elements of a sample in one row."""
    x: Value = op.value()
    return op.emit(Reshape((math.prod(x.shape),)), x)
