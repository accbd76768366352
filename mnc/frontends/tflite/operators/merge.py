"""Element-by-element operators of two values."""

from __future__ import annotations

from mnc.frontends.tflite.assembly import Call, converts
from mnc.frontends.tflite.tensors import Value
from mnc.ir.layers import Add, Concatenate, Maximum, Merge, Minimum, Multiply, Subtract

MERGES: dict[str, type[Merge]] = {"ADD": Add, "SUB": Subtract, "MUL": Multiply}


@converts(*MERGES)
def arithmetic(call: Call) -> Value:
    """ADD, SUB, MUL with their fused activation."""
    layer = MERGES[call.operator.kind](call.activation(), output=call.output)
    return call.emit(layer, call.value(0), call.value(1))


@converts("MAXIMUM", "MINIMUM")
def extreme(call: Call) -> Value:
    """TFLite compares stored integers as they are, so all must have one scale."""
    call.keeps_scale(0)
    call.keeps_scale(1)
    layer = Maximum if call.operator.kind == "MAXIMUM" else Minimum
    return call.emit(layer(output=call.output), call.value(0), call.value(1))


@converts("CONCATENATION")
def concatenation(call: Call) -> Value:
    """Any axis but the batch."""
    values = [call.value(i) for i in range(len(call.inputs))]
    return call.activated(
        call.emit(Concatenate(call.axis(call.integer("Axis"), values[0]), output=call.output), *values)
    )
