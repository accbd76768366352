"""Kernels for functions of single int8 values, and for softmax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.elementwise import along, slopes, unshared, vectors
from mnc.backends.select.loops import flat
from mnc.backends.select.norm import across, places, too_deep, walk
from mnc.backends.select.quantised.requantise import call, operands, pair, quant, scale_of
from mnc.ir.activations import HardSwish
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, LogSoftmax, PReLU, Softmax, UnitNormalization
from mnc.ir.types import Array, Constant, DType, Quantisation, TensorType
from mnc.program import Call, Const, In, Out, Step
from mnc.reference.quantised.arithmetic import high_multiply, quantise_multiplier
from mnc.reference.quantised.fixed_point import exp_of_negative
from mnc.reference.quantised.layers import (
    LOG_UNIT,
    apply_quantised,
    hard_swish_fits,
    is_fine_share,
    log_softmax_reverse,
    softmax_parameters,
)

SMALLEST_SOFTMAX = 2.0**-27
"""An input scale below this rounds all differences to 0."""


def faults(layer: Activation, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Scales between which a hard swish, which is not tabulated from real numbers, has no multipliers."""
    if isinstance(layer.function, HardSwish) and not hard_swish_fits(scale_of(inputs[0]), scale_of(output)):
        yield "for scales so far apart"


def softmax_faults(_layer: Softmax, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Inputs whose differences are all rounded to 0, and shares in int32 that are not 65536ths."""
    if scale_of(inputs[0]) < SMALLEST_SOFTMAX:
        yield f"for an input of scale {scale_of(inputs[0]):g}"
    if output.dtype is DType.INT32 and not is_fine_share(scale_of(output)):
        yield f"for an output in int32 of scale {scale_of(output):g}"


def tabulated(context: Context[Layer]) -> Step:
    """Any function of one int8 is a table of 256 values, made by the reference."""
    (x,), y = context.inputs, context.output
    every = np.arange(-128, 128, dtype=np.int8).reshape(256, *(1,) * max(x.type.rank, 1))
    with np.errstate(all="ignore"):  # what overflows is clipped
        (table,) = apply_quantised(context.layer, [x.type], [y.type], every)
    lookup = Call("mnc_lookup_s8", {"in": In(), "out": Out(), "count": y.type.elements, "table": Const("table")})
    return context.whole((lookup,), {"table": Constant(table.ravel())}, flat(y.type.elements))


def prelu(context: Context[PReLU]) -> Step | Refusal:
    """A slope of its own for each element below 0, or for each index of the axes that do not share one."""
    given, alpha, nest = quant(context), context.layer.alpha, slopes(context)
    assert alpha.quant is not None
    if nest.too_deep:
        return unshared(nest)
    rows, (step, alpha_step), inside = nest.rows(3)
    scale = operands(context).scale
    prelu = call(
        context,
        "prelu",
        {
            "in": In(stride=step),
            "out": Out(stride=step),
            "alpha": Const("alpha", stride=alpha_step),
            **inside.sized("rows", "pixels", "channels"),
            **inside.moved(0, "row", "pixel", "channel"),
            **inside.moved(1, "alpha_row", "alpha_pixel", "alpha_channel"),
            "in_zero": given.zero_point,
            "alpha_zero": alpha.quant.zero_point,
            **pair("", quantise_multiplier(given.scale[0] / scale)),
            **pair("below_", quantise_multiplier(given.scale[0] * alpha.quant.scale[0] / scale)),
            "zero": operands(context).zero,
        },
    )
    return context.whole((prelu,), {"alpha": alpha}, inside.of(0, 0), rows)


def softmax(context: Context[Softmax]) -> Step:
    """Softmax along any axis, to int8 or in 65536ths of int32; the exponentials are a table."""
    _, _, powers = _powers(context)
    nest = vectors(context)
    arguments = {**along(nest), "powers": Const("powers"), "powers_count": powers.size}
    constants = {"powers": Constant(powers)}
    narrow = context.output.type.dtype is DType.INT8
    return context.whole((Call(context.kernel("softmax"), arguments),), constants, nest if narrow else None)


LARGEST_LOG = 2**12 - 1
"""Largest number of exponentials whose sum the kernel holds."""
SMALLEST_LOG_SOFTMAX = 2.0**-26
"""An input scale up to this has no multiplier to Q5 that is above 1."""


def log_softmax_faults(layer: LogSoftmax, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Other scales than TensorFlow Lite Micro's, and too many elements."""
    if output.quant != LOG_UNIT:
        yield "for an output of a scale other than 1/16 round 127"
    if scale_of(inputs[0]) <= SMALLEST_LOG_SOFTMAX:
        yield f"for an input of scale {scale_of(inputs[0]):g}"
    if inputs[0].shape[layer.axis] > LARGEST_LOG:
        yield f"for more than {LARGEST_LOG:,} elements along its axis"


def log_softmax(context: Context[LogSoftmax]) -> Step:
    """The logarithm of softmax along any axis; the exponentials are a table."""
    multiplier, shift, powers = _powers(context)
    nest = vectors(context)
    arguments = {
        **along(nest),
        "powers": Const("powers"),
        "powers_count": powers.size,
        **pair("", (multiplier, shift)),
        **pair("reverse_", log_softmax_reverse(quant(context).scale[0])),
    }
    return context.whole((Call(context.kernel("log_softmax"), arguments),), {"powers": Constant(powers)}, nest)


def _powers(context: Context[LogSoftmax] | Context[Softmax]) -> tuple[int, int, Array]:
    """Multiplier and shift of differences to Q5, and the exponentials of all that count, in Q0."""
    multiplier, shift, smallest = softmax_parameters(quant(context).scale[0])
    differences = -np.arange(min(256, 1 - smallest), dtype=np.int64)
    powers = exp_of_negative(high_multiply(differences << shift, multiplier), 5)
    return multiplier, shift, powers.astype(np.int32)


UNIT = Quantisation((1 / 128,))
"""The only quantisation of what is brought to unit length."""
LARGEST_UNIT = 2**15
"""Largest number of squares whose sum int32 holds."""


def unit_faults(_layer: UnitNormalization, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Other scales than that of unit length, and sums of too many squares."""
    if output.quant != UNIT:
        yield "for an output of a scale other than 1/128 round 0"
    if inputs[0].elements > LARGEST_UNIT:
        yield f"for more than {LARGEST_UNIT:,} elements"


def unit_normalization(context: Context[UnitNormalization]) -> Step | Refusal:
    """Each slice along the axes divided by its length."""
    (x,), layer = context.inputs, context.layer
    slices, inside = across(x.type.shape, places(layer.axes, x.type.rank))
    if (refused := too_deep(context, slices, inside)) is not None:
        return refused
    arguments = {"in": In(), "out": Out(), **walk(slices, inside), "in_zero": quant(context).zero_point}
    nest = slices.around(inside).of(0, 0)
    return context.whole((Call("mnc_unit_normalization_s8", arguments),), nest=nest)
