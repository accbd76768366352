"""Softmax."""

from __future__ import annotations

from mnc.backends.select.cmsis.structs import call
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.elementwise import vectors
from mnc.backends.select.quantised.activation16 import softmax_tables
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layers import Softmax
from mnc.program import Const, In, Out, Record, Step
from mnc.reference.quantised.layers import softmax16_multiplier, softmax_parameters

ROW_INT16 = range(2, 9)
"""Numbers of elements that `arm_softmax_s16` computes rightly: it does not saturate.

Of one, the share of 1 becomes -1; with nine and more the powers can have a sum
that rounds up to a power of two, whose reciprocal becomes twice as large.
"""
MOST_LEFT_INT16 = 15
"""Largest shift to the left of a difference of int16 values that stays within 32 bits."""

ACROSS = Refusal("CMSIS-NN's goes along the last axis only")


def softmax(context: Context[Softmax]) -> Step | Refusal:
    """`arm_softmax_s8`, along the last axis; it shifts to the left only."""
    multiplier, shift, smallest = softmax_parameters(quant(context).scale[0])
    nest = vectors(context)
    if not _along_rows(context):
        return ACROSS
    if shift < 0:
        return Refusal("CMSIS-NN's shifts differences to the left only")
    made = call(
        "arm_softmax_s8",
        input=In(),
        num_rows=nest.sizes[0],
        row_size=nest.sizes[-1],
        mult=multiplier,
        shift=shift,
        diff_min=smallest,
        output=Out(),
    )
    return context.whole((made,), nest=nest)


def softmax_int16(context: Context[Softmax]) -> Step | Refusal:
    """`arm_softmax_s16`, along the last axis, which is short; the tables are TensorFlow Lite Micro's."""
    multiplier, shift = softmax16_multiplier(quant(context).scale[0])
    nest = vectors(context)
    if not _along_rows(context):
        return ACROSS
    if nest.sizes[-1] not in ROW_INT16 or shift > MOST_LEFT_INT16:
        return Refusal("CMSIS-NN's overflows in int16 outside of 2 to 8 elements, or at this scale")
    made = call(
        "arm_softmax_s16",
        input=In(),
        num_rows=nest.sizes[0],
        row_size=nest.sizes[-1],
        mult=multiplier,
        shift=shift,
        softmax_params=Record(
            "cmsis_nn_softmax_lut_s16", {"exp_lut": Const("powers"), "one_by_one_lut": Const("reciprocals")}
        ),
        output=Out(),
    )
    return context.whole((made,), softmax_tables(), nest)


def _along_rows(context: Context[Softmax]) -> bool:
    """Whether the axis is the last."""
    rank = len(context.output.type.shape)
    return context.layer.axis % rank == rank - 1
