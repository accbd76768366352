"""Kernels for int8 layers that combine values element by element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.elementwise import Walk
from mnc.backends.select.quantised.activation import tabulated
from mnc.backends.select.quantised.requantise import call, is_plain, limits, operands, pair, quant, rescaling
from mnc.ir.layers import Add, Divide, Maximum, Merge, Minimum, Multiply, SquaredDifference, Subtract, Where
from mnc.ir.types import DType, TensorType
from mnc.program import Argument, Step
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import add_multipliers, difference_multipliers, quotient_multiplier


def faults(
    _layer: Add | Multiply | SquaredDifference | Subtract, inputs: Sequence[TensorType], _output: TensorType
) -> Iterator[str]:
    """Sums, differences and products of more than two values."""
    if len(inputs) > 2:
        yield f"for {len(inputs)} operands; combine them two by two"


def is_function(context: Context[Merge]) -> bool:
    """Whether all that the layer combines one int8 with is one number."""
    constant, (x, *others) = context.layer.operand, context.inputs
    return constant is not None and not others and constant.array.size == 1 and x.type.dtype is DType.INT8


def add(context: Context[Add | Subtract]) -> Step | Refusal:
    """A sum or a difference of two values of any scales."""
    if is_function(context):
        return tabulated(context)
    minus = isinstance(context.layer, Subtract)
    *scaled, total = add_multipliers(operands(context))
    plain = all(is_plain(*each) for each in (*scaled, total)) and total[1] < 0
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    a, b = walk.place(0), walk.place(1)
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "sign": -1 if minus else 1,
        "reverse": int(walk.turned),
        "a_zero": quant(context, a).zero_point,
        **pair("a_", scaled[a]),
        "b_zero": quant(context, b).zero_point,
        **pair("b_", scaled[b]),
        **pair("", total),
        "general": int(not plain),
        **limits(context, context.layer.activation),
    }
    return walk.step(context, [call(context, "add", arguments)])


def squared_difference(context: Context[SquaredDifference]) -> Step | Refusal:
    """The square of the difference of two values of any scales."""
    if is_function(context):
        return tabulated(context)
    *scaled, square = difference_multipliers(operands(context))
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    a, b = walk.place(0), walk.place(1)
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "a_zero": quant(context, a).zero_point,
        **pair("a_", scaled[a]),
        "b_zero": quant(context, b).zero_point,
        **pair("b_", scaled[b]),
        **pair("", square),
        **limits(context, context.layer.activation),
    }
    return walk.step(context, [call(context, "squared_difference", arguments)])


def multiply(context: Context[Multiply]) -> Step | Refusal:
    """A product of two values of any scales."""
    if is_function(context):
        return tabulated(context)
    real = quant(context).scale[0] * quant(context, 1).scale[0] / operands(context).scale
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "a_zero": quant(context, walk.place(0)).zero_point,
        "b_zero": quant(context, walk.place(1)).zero_point,
        **pair("", quantise_multiplier(real)),
        **limits(context, context.layer.activation),
    }
    return walk.step(context, [call(context, "multiply", arguments)])


def divide(context: Context[Divide]) -> Step | Refusal:
    """A quotient of two values of any scales."""
    if is_function(context):
        return tabulated(context)
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "reverse": int(walk.turned),
        "a_zero": quant(context, walk.place(0)).zero_point,
        "b_zero": quant(context, walk.place(1)).zero_point,
        **pair("", quotient_multiplier(operands(context))),
        **limits(context, context.layer.activation),
    }
    return walk.step(context, [call(context, "divide", arguments)])


def extreme(context: Context[Maximum | Minimum]) -> Step | Refusal:
    """The largest or the smallest of several values, each brought to the output's scale where it is on another."""
    if is_function(context):
        return tabulated(context)
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    calls = [
        call(
            context,
            "extreme",
            {
                **walk.operands(i),
                "smaller": int(isinstance(context.layer, Minimum)),
                **brought(context, "a_", walk.place(0) if i == 1 else None),
                **brought(context, "b_", walk.place(i)),
                **limits(context, context.layer.activation),
            },
        )
        for i in range(1, len(walk.sources))
    ]
    return walk.step(context, calls)


def brought(context: Context[Maximum | Minimum | Where], prefix: str, read: int | None) -> dict[str, Argument]:
    """How an operand comes to the output's scale; None: it is the output itself."""
    if read is None or quant(context, read) == context.output.type.quant:
        return {f"{prefix}scaled": 0, f"{prefix}zero": 0, **pair(prefix, (0, 0))}
    zero, multiplier, shift = rescaling(context, read)
    return {f"{prefix}scaled": 1, f"{prefix}zero": zero, **pair(prefix, (multiplier, shift))}
