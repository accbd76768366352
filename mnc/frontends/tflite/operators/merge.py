"""Element-by-element operators of two values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import IN_FLOAT, Call
from mnc.frontends.tflite.operators.scaled import is_scaled, parts, scaled
from mnc.ir.layers import (
    Add,
    Divide,
    FloorDivide,
    FloorMod,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    SquaredDifference,
    Subtract,
)
from mnc.ir.types import Constant


def add(call: Call) -> Value:
    """The sum of two values, with its fused activation."""
    if is_scaled(call):
        x, c = parts(call)
        return scaled(call, x, None, c)
    return _merged(call, Add(call.activation(), output=call.output))


def sub(call: Call) -> Value:
    """The first less the second, with its fused activation."""
    if is_scaled(call):
        x, c = parts(call)
        return scaled(call, x, None, -c) if call.known[0] is None else scaled(call, x, np.full_like(c, -1), c)
    return _merged(call, Subtract(call.activation(), output=call.output))


def mul(call: Call) -> Value:
    """The product of two values, with its fused activation."""
    if is_scaled(call):
        x, c = parts(call)
        return scaled(call, x, c, None)
    return _merged(call, Multiply(call.activation(), output=call.output))


def add_n(call: Call) -> Value:
    """The sum of any number of values of one shape."""
    values = [call.value(i) for i in range(len(call.inputs))]
    call.not_int16()
    if call.is_quantised:
        _add_n_in_int8(call, values)
    return values[0] if len(values) == 1 else call.emit(Add(output=call.output), *values)


def _add_n_in_int8(call: Call, values: Sequence[Value]) -> None:
    if len(values) != 2:
        raise call.fault(f"{len(values)} operands are not supported in int8", IN_FLOAT)
    first, second = (value.type.quant for value in values)
    if first is None or first != second:
        raise call.fault("its operands have different scales or zero points, which TensorFlow Lite Micro refuses, too")
    if first.zero_point != 0:
        what = f"its operands have the zero point {first.zero_point}, which TensorFlow Lite Micro adds once too often"
        raise call.fault(what, "build the network with ADD, two by two, or convert it in float32")


def squared_difference(call: Call) -> Value:
    """The square of the first less the second."""
    return _merged(call, SquaredDifference(output=call.output))


def div(call: Call) -> Value:
    """The first divided by the second, with its fused activation."""
    call.not_int16()
    return _merged(call, Divide(call.activation(), output=call.output))


def floor_div(call: Call) -> Value:
    """The largest whole number not above the first divided by the second."""
    call.not_quantised()
    return _merged(call, FloorDivide())


def floor_mod(call: Call) -> Value:
    """The remainder of the quotient that is rounded down; it has the sign of the second operand."""
    call.not_quantised()
    return _merged(call, FloorMod())


def maximum(call: Call) -> Value:
    """The larger of two values."""
    return _extreme(call, Maximum(output=call.output))


def minimum(call: Call) -> Value:
    """The smaller of two values."""
    return _extreme(call, Minimum(output=call.output))


def _extreme(call: Call, layer: Merge) -> Value:
    """TFLite compares stored integers as they are, so all must have one scale."""
    for i in (0, 1):
        call.keeps_scale(i)
    return _merged(call, layer)


def _merged(call: Call, layer: Merge) -> Value:
    """Two values, or a value and a constant."""
    return call.shaped(combined(call, layer, _operands(call)))


def _operands(call: Call) -> list[Value | Constant]:
    if all(call.optional_array(i) is not None for i in (0, 1)):
        call.value()  # refuses: one must be computed
    return [call.value(i) if call.optional_array(i) is None else call.operand(i, "operand") for i in (0, 1)]


def combined(call: Call, layer: Merge, operands: Sequence[Value | Constant], part: str = "") -> Value:
    """A merge of these operands, one of which may be a constant; axes of 1 in front of it say nothing."""
    values = [each for each in operands if isinstance(each, Value)]
    for place, constant in enumerate(operands):
        if isinstance(constant, Constant):
            extent = tuple(itertools.dropwhile(lambda n: n == 1, constant.shape))
            operand = Constant(constant.array.reshape(extent), constant.quant)
            layer = layer.changed(operand=operand, operand_first=place < len(operands) - 1)
    return call.emit(layer, *values, part=part)
