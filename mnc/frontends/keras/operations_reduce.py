"""Operations along axes: sums, means and norms."""

from __future__ import annotations

import math

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Converter, Operands, Result, operation
from mnc.frontends.keras.ways_out import ONE_SAMPLE
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Multiply,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    Reduction,
    Reshape,
    Subtract,
)
from mnc.ir.types import Constant
from mnc.names import brief


def axes_of(op: Operands, x: Value, name: str = "axis") -> tuple[int, ...]:
    """The axes that an argument names; CompileError where it is left out, which means the batch, too."""
    axes = op.axes(name, x)
    if axes is None:
        raise op.call.fault("without axis the operation goes over the batch, too", ONE_SAMPLE)
    return axes


def _reduced(op: Operands, kind: type[Reduction], x: Value, axes: tuple[int, ...], keepdims: bool, part: str) -> Value:
    return op.emit(kind(axes, keepdims), x, part=part)


def _reduction(kind: type[Reduction]) -> Converter:
    def convert(op: Operands) -> Result:
        x = op.value()
        keepdims = op.config.boolean("keepdims", False)
        return _reduced(op, kind, x, axes_of(op, x), keepdims, "")

    convert.__doc__ = kind.__doc__
    return convert


for _name, _kind in (("Sum", ReduceSum), ("Mean", ReduceMean), ("Max", ReduceMax), ("Min", ReduceMin)):
    operation(_name, "x axis keepdims")(_reduction(_kind))
operation("Amax", "x axis keepdims")(_reduction(ReduceMax))
operation("Amin", "x axis keepdims")(_reduction(ReduceMin))


@operation("Average", "x axis weights")
def average(op: Operands) -> Result:
    """The mean, or one weighed by constants."""
    x = op.value()
    axes = axes_of(op, x)
    if "weights" not in op:
        return op.emit(ReduceMean(axes, False), x)
    weights = op.numbers("weights")
    if len(axes) != 1 or weights.shape != (x.shape[axes[0]],) or not weights.sum():
        raise op.call.fault("the weights must be one for each element along one axis, and their sum not 0")
    shape = [-1 if k == axes[0] else 1 for k in range(len(x.shape))]
    share = Constant((weights / weights.sum()).reshape(shape).astype(np.float32))
    return op.emit(ReduceSum(axes), op.emit(Multiply(operand=share), x, part="weighed"))


@operation("Var", "x axis keepdims")
def variance(op: Operands) -> Result:
    """The mean of the squared distances from the mean."""
    return _variance(op, "")


@operation("Std", "x axis keepdims")
def deviation(op: Operands) -> Result:
    """The square root of the variance."""
    return op.emit(Activation(fn.Sqrt()), _variance(op, "variance"))


def _variance(op: Operands, part: str) -> Value:
    x = op.value()
    return variance_of(op, x, axes_of(op, x), op.config.boolean("keepdims", False), part)


def variance_of(op: Operands, x: Value, axes: tuple[int, ...], keepdims: bool, part: str) -> Value:
    """The mean of the squared distances from the mean."""
    mean = op.emit(ReduceMean(axes, True), x, part=f"{part or 'own'}_mean")
    distance = op.emit(Subtract(), x, mean, part="distance")
    return op.emit(ReduceMean(axes, keepdims), op.emit(Activation(fn.Square()), distance, part="square"), part=part)


@operation("Ptp", "x axis keepdims")
def spread(op: Operands) -> Result:
    """The distance of the largest element from the smallest."""
    x, keepdims = op.value(), op.config.boolean("keepdims", False)
    axes = axes_of(op, x)
    largest, smallest = (op.emit(kind(axes, keepdims), x, part=kind.__name__) for kind in (ReduceMax, ReduceMin))
    return op.emit(Subtract(), largest, smallest)


@operation("Norm", "x ord axis keepdims")
def norm(op: Operands) -> Result:
    """The length of vectors: Euclidean, or the sum or the largest of the absolute values."""
    x = op.value()
    axes, keepdims = axes_of(op, x), op.config.boolean("keepdims", False)
    order = op.raw("ord")
    if order in (None, "euclidean", "fro") or (order == 2 and len(axes) == 1):
        square = op.emit(Activation(fn.Square()), x, part="square")
        return op.emit(Activation(fn.Sqrt()), op.emit(ReduceSum(axes, keepdims), square, part="sum"))
    if order not in (1, "inf", math.inf) or len(axes) != 1:
        raise op.call.fault(
            f"ord = {brief(order)} along {len(axes)} axes is not supported; mnc knows the orders 1, 2 and infinity of "
            "vectors, and the Euclidean one of matrices"
        )
    absolute = op.emit(Activation(fn.Abs()), x, part="absolute")
    return op.emit((ReduceSum if order == 1 else ReduceMax)(axes, keepdims), absolute)


@operation("Logsumexp", "x axis keepdims")
def logsumexp(op: Operands) -> Result:
    """The logarithm of the sum of exponentials, the largest taken out so that nothing overflows."""
    x = op.value()
    axes, keepdims = axes_of(op, x), op.config.boolean("keepdims", False)
    largest = op.emit(ReduceMax(axes, True), x, part="largest")
    below = op.emit(Subtract(), x, largest, part="below")
    total = op.emit(ReduceSum(axes, keepdims), op.emit(Activation(fn.Exponential()), below, part="powers"), part="sum")
    if not keepdims:
        largest = op.emit(Reshape(total.shape), largest, part="offset")
    return op.emit(Add(), op.emit(Activation(fn.Log()), total, part="logarithm"), largest)
