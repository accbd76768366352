"""Comparisons, what is made of them, and the choice between two tensors; true is 1, false 0."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operand, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import pair, without_batch
from mnc.ir.layers import Comparison, Equal, Greater, GreaterEqual, Maximum, Multiply, NotEqual, Where
from mnc.ir.types import Constant

NEAR = 64
"""How many layers before an operation are looked at."""


def _constant(array: Operand) -> Constant:
    assert not isinstance(array, Value)
    return Constant(array.astype(np.float32))


def _compared(op: Operands, kind: type[Comparison], first: str = "x1", second: str = "x2") -> Value:
    a, b = pair(op, first, second)
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(kind(), a, b)
    if isinstance(a, Value):
        return op.emit(kind(operand=_constant(b)), a)
    assert isinstance(b, Value)
    return op.emit(kind(operand=_constant(a), operand_first=True), b)


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
    return op.emit(Multiply(), _truth(op, "x1"), _truth(op, "x2"))


@operation("LogicalOr", "x1 x2")
def logical_or(op: Operands) -> Result:
    """1 where either is not 0."""
    return op.emit(Maximum(), _truth(op, "x1"), _truth(op, "x2"))


@operation("LogicalXor", "x1 x2")
def logical_xor(op: Operands) -> Result:
    """1 where one is 0 and the other not."""
    return op.emit(NotEqual(), _truth(op, "x1"), _truth(op, "x2"))


@operation("LogicalNot")
def logical_not(op: Operands) -> Result:
    """1 where a tensor is 0."""
    return op.emit(Equal(operand=_constant(np.array(0.0))), op.value("x"))


@operation("Where", "condition x1 x2")
def where(op: Operands) -> Result:
    """x1 where the condition is not 0, else x2."""
    condition, one, other = op.value("condition"), op.operand("x1"), op.operand("x2")
    if not isinstance(other, Value):
        chosen = Where(operand=_constant(without_batch(op, other, len(condition.shape))))
        if isinstance(one, Value):
            return op.emit(chosen, condition, one)
        # A layer has one constant: the second stands where the condition is 0, anything elsewhere.
        other = op.emit(chosen, condition, condition, part="others")
    if isinstance(one, Value):
        return op.emit(Where(), condition, one, other)
    first = _constant(without_batch(op, one, len(condition.shape)))
    return op.emit(Where(operand=first, operand_first=True), condition, other)


def _truth(op: Operands, name: str) -> Value:
    """Whether a tensor is not 0, as 1 and 0; the tensor itself where a comparison has given it."""
    value = op.value(name)
    near = op.call.assembly.nodes[-NEAR:]
    if any(node.name == value.name and isinstance(node.layer, Comparison) for node in near):
        return value
    return op.emit(NotEqual(operand=_constant(np.array(0.0))), value, part=f"{name}_truth")
