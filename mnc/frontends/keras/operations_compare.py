"""Comparisons, what is made of them, and the choice between two tensors; true is 1, false 0."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operand, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import combined, constant, pair, without_batch
from mnc.frontends.keras.operations_reduce import axes_of
from mnc.ir.layers import (
    Comparison,
    Equal,
    Greater,
    GreaterEqual,
    Maximum,
    Multiply,
    NotEqual,
    ReduceMax,
    ReduceMin,
    ReduceSum,
    Reduction,
    Where,
)

NEAR = 64
"""How many layers before an operation are looked at."""


def _compared(op: Operands, kind: type[Comparison], first: str = "x1", second: str = "x2") -> Value:
    return combined(op, kind, *pair(op, first, second))


@operation("Greater", "x1 x2")
def greater(op: Operands) -> Result:
    """x1 > x2."""
    return _compared(op, Greater)


@operation("Less", "x1 x2")
def less(op: Operands) -> Result:
    """x1 < x2."""
    return _compared(op, Greater, "x2", "x1")


@operation("GreaterEqual", "x1 x2")
def greater_equal(op: Operands) -> Result:
    """x1 >= x2."""
    return _compared(op, GreaterEqual)


@operation("LessEqual", "x1 x2")
def less_equal(op: Operands) -> Result:
    """x1 <= x2."""
    return _compared(op, GreaterEqual, "x2", "x1")


@operation("NotEqual", "x1 x2")
def not_equal(op: Operands) -> Result:
    """1 where two differ, else 0."""
    return _compared(op, NotEqual)


@operation("Equal", "x1 x2")
def equal(op: Operands) -> Result:
    """1 where two are the same, else 0."""
    return _compared(op, Equal)


@operation("LogicalAnd", "x1 x2")
def logical_and(op: Operands) -> Result:
    """1 where neither is 0."""
    return combined(op, Multiply, *_truths(op))


@operation("LogicalOr", "x1 x2")
def logical_or(op: Operands) -> Result:
    """1 where either is not 0."""
    return combined(op, Maximum, *_truths(op))


@operation("LogicalXor", "x1 x2")
def logical_xor(op: Operands) -> Result:
    """1 where one is 0 and the other not."""
    return combined(op, NotEqual, *_truths(op))


@operation("LogicalNot")
def logical_not(op: Operands) -> Result:
    """1 where a tensor is 0."""
    return op.emit(Equal(operand=constant(np.array(0.0))), op.value("x"))


@operation("Where", "condition x1 x2")
def where(op: Operands) -> Result:
    """x1 where the condition is not 0, else x2."""
    condition, one, other = op.value("condition"), op.operand("x1"), op.operand("x2")
    if not isinstance(other, Value):
        chosen = Where(operand=constant(without_batch(op, other, len(condition.shape))))
        if isinstance(one, Value):
            return op.emit(chosen, condition, one)
        # A layer has one constant: the second stands where the condition is 0, anything elsewhere.
        other = op.emit(chosen, condition, condition, part="others")
    if isinstance(one, Value):
        return op.emit(Where(), condition, one, other)
    first = constant(without_batch(op, one, len(condition.shape)))
    return op.emit(Where(operand=first, operand_first=True), condition, other)


@operation("Any", "x axis keepdims")
def any_of(op: Operands) -> Result:
    """1 where an element along the axes is not 0."""
    return _counted(op, ReduceMax)


@operation("All", "x axis keepdims")
def all_of(op: Operands) -> Result:
    """1 where no element along the axes is 0."""
    return _counted(op, ReduceMin)


@operation("CountNonzero", "x axis")
def count_nonzero(op: Operands) -> Result:
    """How many elements along the axes are not 0."""
    return _counted(op, ReduceSum)


def _counted(op: Operands, kind: type[Reduction]) -> Value:
    x = op.value()
    axes, keepdims = axes_of(op, x), op.config.boolean("keepdims", False)
    return op.emit(kind(axes, keepdims), truth(op, x, "x"))


def _truths(op: Operands) -> tuple[Operand, Operand]:
    first, second = (
        truth(op, each, name) if isinstance(each, Value) else (each != 0.0).astype(np.float64)
        for each, name in zip(pair(op), ("x1", "x2"), strict=True)
    )
    return first, second


def truth(op: Operands, value: Value, name: str) -> Value:
    """Whether a tensor is not 0, as 1 and 0; the tensor itself where a comparison has given it."""
    if is_truth(op, value):
        return value
    return op.emit(NotEqual(operand=constant(np.array(0.0))), value, part=f"{name}_truth")


def is_truth(op: Operands, value: Value) -> bool:
    """Whether a comparison has given a tensor."""
    near = op.call.assembly.nodes[-NEAR:]
    return any(node.name == value.name and isinstance(node.layer, Comparison) for node in near)
