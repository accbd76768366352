"""Layers that combine two values element by element."""

from __future__ import annotations

from mnc.backends.select.cmsis.structs import call, ctx, dims, named
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import flat
from mnc.backends.select.quantised.requantise import operands, quant
from mnc.ir.layers import Add, Maximum, Merge, Minimum, Multiply
from mnc.ir.types import DType
from mnc.program import Argument, In, Out, Step
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import add_multipliers
from mnc.reference.quantised.merge import headroom

MOST_LEFT = {(Add, DType.INT8): 2, (Add, DType.INT16): 0, (Multiply, DType.INT8): 14, (Multiply, DType.INT16): 0}
"""Largest shift to the left of a sum or a product that stays within 32 bits."""

BROADCAST = Refusal("CMSIS-NN's needs operands of one shape that the network computes")
SHIFTED = Refusal("CMSIS-NN's would leave 32 bits where it shifts to the output's scale")


def add(context: Context[Add]) -> Step | Refusal:
    """`arm_elementwise_add_*`, for two values of one shape, int8 or int16."""
    *given, total = add_multipliers(operands(context))
    if not _alike(context):
        return BROADCAST
    if total[1] > MOST_LEFT[Add, context.output.type.dtype]:
        return SHIFTED
    scales = {
        f"input_{i + 1}_{what}": number
        for i, (multiplier, shift) in enumerate(given)
        for what, number in (("offset", -quant(context, i).zero_point), ("mult", multiplier), ("shift", shift))
    }
    made = call(
        named(context, "elementwise_add"),
        input_1_vect=In(0),
        input_2_vect=In(1),
        **scales,
        left_shift=headroom(operands(context)),
        **_output(context, *total),
    )
    return context.whole((made,), nest=flat(context.output.type.elements, 3))


def multiply(context: Context[Multiply]) -> Step | Refusal:
    """`arm_elementwise_mul_*`, for two values of one shape, int8 or int16."""
    multiplier, shift = quantise_multiplier(
        quant(context).scale[0] * quant(context, 1).scale[0] / operands(context).scale
    )
    if not _alike(context):
        return BROADCAST
    if shift > MOST_LEFT[Multiply, context.output.type.dtype]:
        return SHIFTED
    made = call(
        named(context, "elementwise_mul"),
        input_1_vect=In(0),
        input_2_vect=In(1),
        input_1_offset=-quant(context).zero_point,
        input_2_offset=-quant(context, 1).zero_point,
        **_output(context, multiplier, shift),
    )
    return context.whole((made,), nest=flat(context.output.type.elements, 3))


def _output(context: Context[Add] | Context[Multiply], multiplier: int, shift: int) -> dict[str, Argument]:
    low, high = operands(context).limits(context.layer.activation)
    return {
        "output": Out(),
        "out_offset": operands(context).zero,
        "out_mult": multiplier,
        "out_shift": shift,
        "out_activation_min": low,
        "out_activation_max": high,
        "block_size": context.output.type.elements,
    }


def extreme(context: Context[Maximum | Minimum]) -> Step | Refusal:
    """`arm_maximum_s8` or `arm_minimum_s8`, for values of one shape and one scale, without a clamp."""
    if not _alike(context):
        return BROADCAST
    same_scale = all(quant(context, i) == context.output.type.quant for i in range(len(context.inputs)))
    if not same_scale or operands(context).limits(context.layer.activation) != (-128, 127):
        return Refusal("CMSIS-NN's needs one scale for all operands, and has no clamp")
    size = dims(1, 1, 1, context.output.type.elements)
    calls = tuple(
        call(
            "arm_maximum_s8" if isinstance(context.layer, Maximum) else "arm_minimum_s8",
            ctx=ctx(0),
            input_1_data=In(0) if i == 1 else Out(),
            input_1_dims=size,
            input_2_data=In(i),
            input_2_dims=size,
            output_data=Out(),
            output_dims=size,
        )
        for i in range(1, len(context.inputs))
    )
    return context.whole(calls, nest=flat(context.output.type.elements, 1 + len(context.inputs)))


def _alike(context: Context[Merge]) -> bool:
    """Whether no input is repeated along an axis, nor any operand a constant."""
    return context.layer.operand is None and all(x.type.shape == context.output.type.shape for x in context.inputs)
