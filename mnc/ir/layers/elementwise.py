"""Element-by-element layers, softmax, and merges of several values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from mnc.ir.activations import Function, Relu
from mnc.ir.layer import Layer
from mnc.ir.types import Constant, ShapeError, TensorType, show

T = TypeVar("T")


@dataclass(frozen=True)
class Identity(Layer):
    """out = in: whatever does nothing at inference, dropout and its family among them."""

    def infer(self, *inputs: TensorType) -> TensorType:
        return inputs[0]


@dataclass(frozen=True)
class Activation(Layer):
    """out = function(in), element by element."""

    function: Function = Relu()

    def infer(self, *inputs: TensorType) -> TensorType:
        return inputs[0]


@dataclass(frozen=True)
class PReLU(Layer):
    """out = in where in > 0, else alpha * in, with a learnt alpha (arXiv 1502.01852)."""

    alpha: Constant
    """As many axes as the input, each as large or, where alpha is shared along it, 1."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if len(self.alpha.shape) != x.rank or any(
            own not in (1, size) for own, size in zip(self.alpha.shape, x.shape, strict=True)
        ):
            raise ShapeError(f"its alpha {show(self.alpha.shape)} does not fit {show(x.shape)}")
        return TensorType(x.shape, x.dtype)


@dataclass(frozen=True)
class Softmax(Layer):
    """out = exp(in) / sum of exp(in) along `axis`, computed without overflow."""

    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not among the {x.rank} axes of its input")
        return x


@dataclass(frozen=True)
class Merge(Layer):
    """Base of the layers that combine values element by element, with NumPy's broadcasting.

    Below, the operands "in 0, in 1, ..." are the inputs and `operand`.
    """

    arity: ClassVar[tuple[int, int | None]] = (1, None)
    least: ClassVar[int] = 2
    """The fewest operands."""

    activation: Function | None = None
    operand: Constant | None = None
    """A constant behind the inputs, without batch."""
    operand_first: bool = False
    """Whether it stands before them instead."""

    def infer(self, *inputs: TensorType) -> TensorType:
        most = self.arity[1]
        operands = inputs if self.operand is None else self.operands(inputs, self.operand.type)
        if len(operands) < self.least:
            raise ShapeError("needs another input, or a constant as its operand")
        if most is not None and len(operands) > most:
            raise ShapeError(f"takes {most} operands, not {len(operands)}")
        if self.operand is not None and self.operand.type.dtype is not inputs[0].dtype:
            raise ShapeError(f"its operand is {self.operand.type}, its input {inputs[0]}")
        shape: tuple[int, ...] = operands[0].shape
        for other in operands[1:]:
            shape = broadcast(shape, other.shape)
        return TensorType(shape, inputs[0].dtype)

    def operands(self, inputs: Sequence[T], operand: T) -> tuple[T, ...]:
        """Facts about the inputs and about the constant operand, in the order in which they are combined."""
        return (operand, *inputs) if self.operand_first else (*inputs, operand)


@dataclass(frozen=True)
class Add(Merge):
    """out = activation(in 0 + in 1 + ...)."""


@dataclass(frozen=True)
class Subtract(Merge):
    """out = activation(in 0 - in 1)."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class Multiply(Merge):
    """out = activation(in 0 * in 1 * ...)."""


@dataclass(frozen=True)
class Average(Merge):
    """out = activation((in 0 + in 1 + ...) / number of inputs)."""


@dataclass(frozen=True)
class Maximum(Merge):
    """out = activation(max(in 0, in 1, ...))."""


@dataclass(frozen=True)
class Minimum(Merge):
    """out = activation(min(in 0, in 1, ...))."""


@dataclass(frozen=True)
class Divide(Merge):
    """out = activation(in 0 / in 1)."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class FloorDivide(Merge):
    """out = activation(in 0 / in 1 rounded down): the quotient itself is not rounded before."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class FloorMod(Merge):
    """out = activation(what in 0 is above a multiple of in 1), without rounding; it has the sign of in 1."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class SquaredDifference(Merge):
    """out = activation((in 0 - in 1)^2)."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class LogSoftmax(Layer):
    """out = in - log(sum of exp(in)) along `axis`, computed without overflow."""

    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(Softmax(self.axis).infer(*inputs).shape, inputs[0].dtype)


@dataclass(frozen=True)
class Sparsemax(Layer):
    """out = max(in - t, 0) along `axis`, with the threshold t that Keras has.

    The support is that of arXiv 1602.02068: the k largest elements of which the
    k-th is above (their sum - 1) / k.  There t is (their sum - 1) / k; Keras
    takes the sum of the sums of the largest, the two largest, ... and all k in
    the place of their sum.
    """

    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(Softmax(self.axis).infer(*inputs).shape, inputs[0].dtype)


@dataclass(frozen=True)
class Dot(Layer):
    """out[i..., j...] = sum over k of in 0[i..., k at axes[0]] * in 1[j..., k at axes[1]].

    The axes that remain of the first input come before those of the second;
    where none remain, the output is (1,).
    """

    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    axes: tuple[int, int] = (-1, -1)
    """One axis of each input, without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        a, b = inputs
        for x, axis in zip(inputs, self.axes, strict=True):
            if not -x.rank <= axis < x.rank:
                raise ShapeError(f"axis {axis} is not among the {x.rank} axes of {x}")
        if a.shape[self.axes[0]] != b.shape[self.axes[1]]:
            raise ShapeError(f"{show(a.shape)} and {show(b.shape)} differ along axes {self.axes}")
        return TensorType((*without(a.shape, self.axes[0]), *without(b.shape, self.axes[1])) or (1,), a.dtype)

    def macs(self, *inputs: TensorType) -> int:
        return self.infer(*inputs).elements * inputs[0].shape[self.axes[0]]


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A shape without one axis, which may be counted from the last."""
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of two operands by NumPy's rule, or ShapeError."""
    pairs = itertools.zip_longest(reversed(a), reversed(b), fillvalue=1)
    merged = []
    for left, right in pairs:
        if left != right and 1 not in (left, right):
            raise ShapeError(f"{show(a)} and {show(b)} do not fit together")
        merged.append(max(left, right))
    return tuple(reversed(merged))
