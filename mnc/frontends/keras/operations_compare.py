"""Comparisons, what is made of them, and the choice between two tensors; true is 1, false 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operand, Operands, Result, operation
from mnc.frontends.keras.operations_arithmetic import pair, without_batch
from mnc.ir import activations as fn
from mnc.ir.graph import Node
from mnc.ir.layers import Activation, Add, BatchNormalization, Divide, Identity, Maximum, Merge, Multiply, Subtract
from mnc.ir.types import Constant

NOT_ALWAYS_NUMBERS = (fn.Log, fn.Log1p, fn.Sqrt, fn.Rsqrt, fn.Power)
"""Functions that give no number for some, which 0 times it would not take away."""
NEAR = 64
"""How many layers before a choice are looked at."""


def _difference(op: Operands, first: str, second: str) -> Value:
    """One operand less the other, which is above 0 where it is larger, however little."""
    a, b = pair(op, first, second)
    if isinstance(a, Value) and isinstance(b, Value):
        return op.emit(Subtract(), a, b, part="difference")
    if isinstance(a, Value):
        return op.emit(Add(operand=_constant(-np.asarray(b))), a, part="difference")
    assert isinstance(b, Value)
    return op.emit(Subtract(operand=_constant(a), operand_first=True), b, part="difference")


def _constant(array: Operand) -> Constant:
    assert not isinstance(array, Value)
    return Constant(array.astype(np.float32))


def _exceeds(op: Operands, first: str, second: str, part: str = "") -> Value:
    """1 where the first is larger, else 0."""
    sign = op.emit(Activation(fn.Sign()), _difference(op, first, second), part="sign")
    return op.emit(Activation(fn.Relu()), sign, part=part)


def _differs(op: Operands, part: str = "") -> Value:
    size = op.emit(Activation(fn.Abs()), _difference(op, "x1", "x2"), part="size")
    return op.emit(Activation(fn.Sign()), size, part=part)


def _opposite(op: Operands, x: Value, part: str = "") -> Value:
    return op.affine(x, -1.0, 1.0, part)


@operation("Greater", "x1 x2")
def greater(op: Operands) -> Result:
    """x1 > x2."""
    return _exceeds(op, "x1", "x2")


@operation("Less", "x1 x2")
def less(op: Operands) -> Result:
    """x1 < x2."""
    return _exceeds(op, "x2", "x1")


@operation("GreaterEqual", "x1 x2")
def greater_equal(op: Operands) -> Result:
    """x1 >= x2."""
    return _opposite(op, _exceeds(op, "x2", "x1", "less"))


@operation("LessEqual", "x1 x2")
def less_equal(op: Operands) -> Result:
    """x1 <= x2."""
    return _opposite(op, _exceeds(op, "x1", "x2", "greater"))


@operation("NotEqual", "x1 x2")
def not_equal(op: Operands) -> Result:
    """1 where two differ, else 0."""
    return _differs(op)


@operation("Equal", "x1 x2")
def equal(op: Operands) -> Result:
    """1 where two are the same, else 0."""
    return _opposite(op, _differs(op, "differs"))


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
    difference = op.emit(Subtract(), _truth(op, "x1"), _truth(op, "x2"), part="difference")
    return op.emit(Activation(fn.Abs()), difference)


@operation("LogicalNot")
def logical_not(op: Operands) -> Result:
    """1 where a tensor is 0."""
    return _opposite(op, _truth(op, "x"))


@operation("Where", "condition x1 x2")
def where(op: Operands) -> Result:
    """x1 where the condition is not 0, else x2; both are computed, so both must be numbers everywhere."""
    chosen = _truth(op, "condition")
    one, other = op.operand("x1"), op.operand("x2")
    for name, branch in (("x1", one), ("x2", other)):
        if isinstance(branch, Value) and (kind := _no_number(op, branch)):
            raise op.call.fault(
                f"both branches are computed, and {name} comes from {kind}, which is not a number everywhere",
                "put keras.ops.maximum(x, 1e-7) in front of it: the answer stays the same where it is chosen",
            )
    first = _kept(op, chosen, one, "chosen")
    second = _kept(op, _opposite(op, chosen, "left"), other, "others")
    return op.emit(Add(), first, second)


def _kept(op: Operands, chosen: Value, branch: Operand, part: str) -> Value:
    """A branch where it is chosen, else 0."""
    if isinstance(branch, Value):
        return op.emit(Multiply(), chosen, branch, part=part)
    return op.emit(Multiply(operand=_constant(without_batch(op, branch, len(chosen.shape)))), chosen, part=part)


def _producers(op: Operands) -> dict[str, Node]:
    """The nodes just before, by the name of what they give."""
    return {node.name: node for node in op.call.assembly.nodes[-NEAR:]}


def _no_number(op: Operands, value: Value) -> str | None:
    """The kind of an operation before a tensor, element by element, that may give no number; None where none does."""
    producers, waiting = _producers(op), [value.name]
    for name in waiting:
        node = producers.get(name)
        layer = None if node is None else node.layer
        if isinstance(layer, Divide):
            return "a division"
        if isinstance(layer, Activation) and isinstance(layer.function, NOT_ALWAYS_NUMBERS):
            return type(layer.function).__name__.lower()
        if node is not None and isinstance(layer, Activation | Merge | BatchNormalization | Identity):
            waiting += [each for each in node.inputs if each not in waiting]
    return None


def _truth(op: Operands, name: str) -> Value:
    """Whether a tensor is not 0, as 1 and 0."""
    value = op.value(name)
    if _is_truth(_producers(op), value.name):
        return value
    size = op.emit(Activation(fn.Abs()), value, part=f"{name}_size")
    return op.emit(Activation(fn.Sign()), size, part=f"{name}_truth")


def _is_truth(producers: Mapping[str, Node], name: str) -> bool:
    """Whether a comparison has given a tensor."""
    node = producers.get(name)
    if node is None or not isinstance(node.layer, Activation) or node.layer.function not in (fn.Sign(), fn.Relu()):
        return False
    before = producers.get(node.inputs[0])
    expected = fn.Sign() if node.layer.function == fn.Relu() else fn.Abs()
    return before is not None and isinstance(before.layer, Activation) and before.layer.function == expected
