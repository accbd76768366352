"""Operators that give or read true and false, which are 1 and 0 in the element type of what was compared."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.frontends.tflite.operators.merge import combined
from mnc.frontends.tflite.operators.pool import reduced
from mnc.frontends.tflite.tensors import TRUTH, element_type
from mnc.ir.layers import (
    Comparison,
    Dequantize,
    Equal,
    Greater,
    GreaterEqual,
    Maximum,
    Minimum,
    NotEqual,
    Quantize,
    ReduceMin,
    Where,
)
from mnc.ir.types import Constant, DType, ElementType, show

COMPARISONS: Mapping[str, tuple[type[Comparison], bool]] = {
    "EQUAL": (Equal, False),
    "GREATER": (Greater, False),
    "GREATER_EQUAL": (GreaterEqual, False),
    "LESS": (Greater, True),
    "LESS_EQUAL": (GreaterEqual, True),
    "NOT_EQUAL": (NotEqual, False),
}
"""The layer of each comparison, and whether its operands are exchanged."""


def comparison(call: Call) -> Value:
    """Of two values of one type, or a value and a constant."""
    types = [tensor.type for tensor in call.inputs if tensor is not None]
    if len(types) != 2 or len(set(types)) > 1 or call.result.type != "BOOL":
        raise call.fault(f"it compares {' with '.join(types)}, which TensorFlow Lite Micro does not")
    if types[0] == "INT16":
        raise call.fault("it is not supported in int16, nor by TensorFlow Lite Micro", "convert the model in int8")
    computed = [i for i in (0, 1) if call.optional_array(i) is None]
    dtype = call.value((*computed, 0)[0]).type.dtype
    operands: list[Value | Constant]
    if types[0] == "BOOL":
        operands = [_truth(call, i, dtype) for i in (0, 1)]
    else:
        operands = [call.value(i) if i in computed else call.operand(i, "operand", types[i]) for i in (0, 1)]
    kind, exchanged = COMPARISONS[call.operator.kind]
    return call.shaped(combined(call, kind(output=_stored(dtype)), operands[::-1] if exchanged else operands))


def logical_and(call: Call) -> Value:
    """True where both are."""
    return _logical(call, Minimum)


def logical_or(call: Call) -> Value:
    """True where one of two is."""
    return _logical(call, Maximum)


def _logical(call: Call, kind: type[Minimum | Maximum]) -> Value:
    _only_truths(call)
    first = next((x for x in call.values if x is not None), None) or call.value()
    dtype = first.type.dtype
    operands = [_truth(call, i, dtype) for i in (0, 1)]
    return call.shaped(combined(call, kind(output=_stored(dtype)), operands))


def logical_not(call: Call) -> Value:
    """True where a value is not."""
    _only_truths(call)
    x = call.value()
    zero = Constant(x.type.dtype.numpy.type(0), x.type.quant)
    return call.emit(Equal(operand=zero, output=_stored(x.type.dtype)), x)


def reduce_all(call: Call) -> Value:
    """True where all along some axes are."""
    _only_truths(call, 1)
    return reduced(call, ReduceMin)


def _only_truths(call: Call, count: int = 2) -> None:
    """Refuse other results than true and false, and others among the first operands."""
    types = [tensor.type for tensor in (*call.inputs[:count], call.result) if tensor is not None]
    if set(types) != {"BOOL"}:
        raise call.fault(f"it is for BOOL values only, not for {', '.join(types)}")


def select(call: Call) -> Value:
    """The first where the condition is true, else the second."""
    made = element_type(call.where, call.result)
    types = [tensor.type for tensor in call.inputs if tensor is not None]
    if types != ["BOOL", call.result.type, call.result.type] or call.result.type == "BOOL":
        raise call.fault(f"it makes {call.result.type} of {', '.join(types)}, which TensorFlow Lite Micro does not")
    condition = _shaped_condition(call, _value_of(call, call.value(0), made.dtype))
    for i in (1, 2):
        call.keeps_scale(i)
    branches = [call.operand(i, "operand") if call.optional_array(i) is not None else call.value(i) for i in (1, 2)]
    layer = Where(output=call.output)
    if all(isinstance(branch, Constant) for branch in branches):
        # A layer has one constant: the second stands where the condition is false, anything where it is true.
        anything = condition
        if call.output is not None and call.output.quant != condition.type.quant:
            anything = call.emit(Quantize(output=call.output), condition, part="anything")
        branches[1] = combined(call, layer, (condition, anything, branches[1]), "second")
    return call.shaped(combined(call, layer, (condition, *branches)))


def _shaped_condition(call: Call, condition: Value) -> Value:
    """The condition of SELECT, which says for each index of the first axis what is taken, or for each element."""
    shape = condition.shape
    if call.operator.kind != "SELECT" or shape == call.result.shape or condition.type.elements == 1:
        return condition
    if len(shape) != 1 or shape != call.result.shape[:1]:
        raise call.fault(f"its condition {show(shape)} does not fit {show(call.result.shape)}")
    return call.reshaped(condition, (shape[0], *(1,) * (len(call.result.shape) - 1)), "rows")


def cast(call: Call) -> Value:
    """True and false as numbers, and numbers as whether they are not 0."""
    x, made = call.value(), call.result.type
    if made == "BOOL":
        zero = Constant(x.type.dtype.numpy.type(0), x.type.quant)
        return call.emit(NotEqual(operand=zero, output=_stored(x.type.dtype)), x)
    element = element_type(call.where, call.result)
    if element.quant not in (None, TRUTH.quant):
        raise call.fault(
            f"it makes {made} of BOOL, on another scale than 1 or round another zero point than 0",
            "let CAST make FLOAT32 of it, and QUANTIZE make integers of that",
        )
    return _value_of(call, x, element.dtype)


def _truth(call: Call, index: int, dtype: DType) -> Value | Constant:
    """An operand that is true or false, as 1 and 0 of an element type."""
    array = call.optional_array(index)
    if array is None:
        return _value_of(call, call.value(index), dtype)
    stored = _stored(dtype)
    return Constant(array.astype(dtype.numpy), None if stored is None else stored.quant)


def _value_of(call: Call, x: Value, dtype: DType) -> Value:
    """1 and 0 in another element type."""
    if x.type.dtype is dtype:
        return x
    stored = _stored(dtype)
    return call.emit(Dequantize() if stored is None else Quantize(output=stored), x, part="truth")


def _stored(dtype: DType) -> ElementType | None:
    """How a layer stores 1 and 0 in an element type; None in float32."""
    return None if dtype is DType.FLOAT32 else ElementType(dtype, TRUTH.quant)
