"""Kernels for functions of single int16 values, and for softmax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnc.backends.select.context import Context
from mnc.backends.select.elementwise import along, vectors
from mnc.backends.select.loops import flat
from mnc.backends.select.quantised.activation import softmax_faults as int8_softmax_faults
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant, scale_of
from mnc.ir.activations import Relu, Sigmoid, Tanh
from mnc.ir.layers import Activation, Softmax
from mnc.ir.types import Constant, DType, TensorType
from mnc.program import Argument, Call, Const, In, Out, Step
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import softmax16_multiplier

FIXED16 = 2.0**-15
"""The output's scale of functions that are tabulated in int16."""
SIGMOID16 = (2.0**-27, 2.0)
"""Scales between which the argument of a logistic function or hyperbolic tangent of int16 has 32 bits."""
LARGEST_SOFTMAX16 = 2**16
"""Bound of the number of powers in Q15 whose sum int32 holds."""


def faults(layer: Activation, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """All functions but clamps, other ReLUs of one slope below 0, logistic functions and hyperbolic tangents."""
    function = layer.function
    if isinstance(function, Sigmoid | Tanh):
        yield from _fixed_output(output)
        if not SIGMOID16[0] <= scale_of(inputs[0]) <= SIGMOID16[1]:
            yield f"for an input of scale {scale_of(inputs[0]):g}"
    elif not isinstance(function, Relu) or not (
        function.is_clamp or (function.max_value is None and function.threshold == 0.0)
    ):
        yield f"for {type(function).__name__}"


def softmax_faults(layer: Softmax, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """As for int8, and sums of powers that int32 does not hold."""
    yield from int8_softmax_faults(layer, inputs, output)
    yield from _fixed_output(output)
    if output.shape[layer.axis] >= LARGEST_SOFTMAX16:
        yield f"for {LARGEST_SOFTMAX16:,} elements and more"


def _fixed_output(output: TensorType) -> Iterator[str]:
    if scale_of(output) != FIXED16:
        yield f"for an output of a scale other than {FIXED16:g}"


def activation(context: Context[Activation]) -> Step:
    """A ReLU by multipliers, logistic function and hyperbolic tangent by a table."""
    function, given = context.layer.function, quant(context).scale[0]
    nest = flat(context.output.type.elements)
    arguments: dict[str, Argument] = {"in": In(), "out": Out(), **nest.sized("count")}
    if isinstance(function, Relu):
        return context.whole((call(context, "slopes", {**arguments, **_slopes(context, function)}),), nest=nest)
    if isinstance(function, Sigmoid):
        kernel, factor = "logistic", tables.logistic_multiplier(given)
    else:
        kernel, factor = "tanh", tables.tanh_multiplier(given)
    made = call(context, kernel, {**arguments, **pair("", factor), "table": Const("table")})
    return context.whole((made,), {"table": sigmoid_table()}, nest)


def sigmoid_table() -> Constant:
    """The table of the logistic function and the hyperbolic tangent, less a half."""
    return Constant((tables.LOGISTIC - 2**15).astype(DType.INT16.numpy))


def _slopes(context: Context[Activation], function: Relu) -> dict[str, Argument]:
    ratio = quant(context).scale[0] / operands(context).scale
    return {
        **pair("", quantise_multiplier(ratio)),
        "sign": -1 if function.negative_slope < 0 else 1,
        **pair("below_", quantise_multiplier(ratio * abs(function.negative_slope))),
        **limits(context, function if function.is_clamp else None),
    }


def softmax(context: Context[Softmax]) -> Step:
    """Softmax along any axis, by tables of the exponential function and of reciprocals."""
    nest = vectors(context)
    made = Call(
        "mnc_softmax_s16",
        {
            **along(nest),
            **pair("", softmax16_multiplier(quant(context).scale[0])),
            "powers": Const("powers"),
            "reciprocals": Const("reciprocals"),
        },
    )
    return context.whole((made,), softmax_tables(), nest)


def softmax_tables() -> dict[str, Constant]:
    """TensorFlow Lite Micro's tables for softmax."""
    values = {"powers": tables.EXP, "reciprocals": tables.RECIPROCAL}
    return {name: Constant(table.astype(DType.INT16.numpy)) for name, table in values.items()}
