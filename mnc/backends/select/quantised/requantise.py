"""The integer constants of quantised layers."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.backends.select.context import Context
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.types import DType, Quantisation, TensorType
from mnc.program import Argument, Call, Out
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import Operands

REGISTERS = 11
"""Of the thirteen general registers of a Cortex-M, those a block's sums and operands may fill."""

PLAIN_SHIFT = -20
"""Lowest shift (to the right) of a sum to which zero point and rounding offset are added as one constant."""


def operands(context: Context[Layer]) -> Operands:
    """The types of the layer's operands, as the reference wants them."""
    return Operands.of(context.layer, [value.type for value in context.inputs], context.outputs[0].type)


def scale_of(type_: TensorType) -> float:
    """The scale of an operand that is known to be quantised, with one scale; 1 of float32."""
    return 1.0 if type_.quant is None else type_.quant.scale[0]


def quant(context: Context[Layer], read: int = 0) -> Quantisation:
    """The quantisation of an operand: of an input, or of the constant of a merge."""
    return operands(context).quant(read)


def limits(context: Context[Layer], function: Function | None = None) -> dict[str, Argument]:
    """A kernel's `zero`, `low` and `high`."""
    types = operands(context)
    low, high = types.limits(function)
    return {"zero": types.zero, "low": low, "high": high}


def is_plain(multiplier: int, shift: int) -> bool:
    """Whether mnc_rescale_plain takes them."""
    return multiplier >= 2**30 and PLAIN_SHIFT <= shift <= 0


def pair(prefix: str, multiplier_and_shift: tuple[int, int]) -> dict[str, Argument]:
    """A kernel's `multiplier` and `shift`, their names begun with `prefix`."""
    return {f"{prefix}multiplier": multiplier_and_shift[0], f"{prefix}shift": multiplier_and_shift[1]}


def rescaling(context: Context[Layer], read: int = 0) -> tuple[int, int, int]:
    """(zero point, multiplier, shift) that take an input to the output's scale."""
    given = quant(context, read)
    return (given.zero_point, *quantise_multiplier(given.scale[0] / operands(context).scale))


INT8_ONLY = ("zero", "in_zero", "a_zero", "b_zero", "condition_zero", "general")
"""Parameters that int16 kernels do not have: int16 is symmetric, and is rounded in one way."""


def call(context: Context[Layer], kernel: str, arguments: Mapping[str, Argument]) -> Call:
    """A call of a kernel, by its name without the element type; those for int16 take fewer arguments."""
    if context.output.type.dtype is DType.INT16:
        arguments = {name: value for name, value in arguments.items() if name not in INT8_ONLY}
    return Call(context.kernel(kernel), arguments)


def moved(context: Context[Layer], read: int, arguments: Mapping[str, Argument]) -> Call:
    """A call that copies elements of an input, in any element type; to the output's scale where that is another."""
    if context.inputs[read].type.quant == context.output.type.quant:
        return Call(context.kernel("copy"), arguments)
    return call(context, "rescale", {**arguments, **_to_output(context, read)})


def rescaled(context: Context[Layer]) -> tuple[Call, ...]:
    """Calls that bring all of the output from the input's scale to its own; none where they are one."""
    if context.inputs[0].type.quant == context.output.type.quant:
        return ()
    flat: dict[str, Argument] = {"rows": 1, "pixels": 1, "channels": context.output.type.elements}
    places: dict[str, Argument] = {
        f"{side}_{axis}": int(axis == "channel") for side in ("in", "out") for axis in ("row", "pixel", "channel")
    }
    return (call(context, "rescale", {"in": Out(), "out": Out(), **flat, **places, **_to_output(context, 0)}),)


def _to_output(context: Context[Layer], read: int) -> dict[str, Argument]:
    zero, multiplier, shift = rescaling(context, read)
    return {"in_zero": zero, **pair("", (multiplier, shift)), **limits(context)}
