"""The integer constants of quantised layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.backends.program import Argument, Call, Const
from mnc.backends.select.site import Site
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant, DType, Quantisation
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import Operands, channel_multipliers

Weighted = Conv2D | Conv2DTranspose | Dense | DepthwiseConv2D

REGISTERS = 11
"""Of the thirteen general registers of a Cortex-M, those a block's sums and operands may fill."""

WORST_INPUT = 255
"""The largest distance of an int8 input from its zero point."""

PLAIN_SHIFT = -20
"""How far to the right a sum is shifted at most where the zero point goes with what rounds."""


def operands(site: Site[Layer]) -> Operands:
    """The types of the layer's operands, as the reference wants them."""
    return Operands(tuple(value.type for value in site.inputs), site.outputs[0].type)


def quant(site: Site[Layer], read: int = 0) -> Quantisation:
    """The quantisation of an input."""
    return operands(site).quant(read)


def limits(site: Site[Layer], function: Function | None = None) -> dict[str, Argument]:
    """A kernel's `zero`, `low` and `high`."""
    types = operands(site)
    low, high = types.limits(function)
    return {"zero": types.zero, "low": low, "high": high}


def is_plain(multiplier: int, shift: int) -> bool:
    """Whether mnc_rescale_plain takes them."""
    return multiplier >= 2**30 and PLAIN_SHIFT <= shift <= 0


def pair(prefix: str, multiplier_and_shift: tuple[int, int]) -> dict[str, Argument]:
    """A kernel's `multiplier` and `shift`, their names begun with `prefix`."""
    return {f"{prefix}multiplier": multiplier_and_shift[0], f"{prefix}shift": multiplier_and_shift[1]}


def rescaling(site: Site[Layer], read: int = 0) -> tuple[int, int, int]:
    """(zero point, multiplier, shift) that take an input to the output's scale."""
    given = quant(site, read)
    return (given.zero_point, *quantise_multiplier(given.scale[0] / operands(site).scale))


INT8_ONLY = ("zero", "in_zero", "a_zero", "b_zero", "general")
"""What kernels for int16 are not told: there is no zero point but 0, and one way to round."""


def call(site: Site[Layer], kernel: str, arguments: Mapping[str, Argument]) -> Call:
    """A call of a kernel, by its name without the element type; those for int16 take fewer arguments."""
    if site.output.type.dtype is DType.INT16:
        arguments = {name: value for name, value in arguments.items() if name not in INT8_ONLY}
    return Call(site.kernel(kernel), arguments)


@dataclass(frozen=True)
class Weights:
    """A weighted layer's constants, by output channel, not yet in the kernel's order."""

    bias: Array
    """(channels,) int32, the input's zero point multiplied in where every output sees as many weights."""
    multiplier: Array
    """(channels,) or (1,) int32."""
    shift: Array
    """As multiplier, int8; positive is to the left."""

    @classmethod
    def of(cls, site: Site[Weighted], by_channel: Array) -> Weights:
        """From a layer and its weights as (..., channels)."""
        layer = site.layer
        channels = by_channel.shape[-1]
        zero = 0 if isinstance(layer, Conv2DTranspose) else quant(site).zero_point
        bias = np.zeros(channels, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)
        folded = bias - zero * by_channel.reshape(-1, channels).astype(np.int64).sum(axis=0)
        multiplier, shift = channel_multipliers(layer, operands(site))
        return cls(folded.astype(np.int32), multiplier.astype(np.int32), shift.astype(np.int8))

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a multiplier of its own."""
        return self.multiplier.size > 1

    def arguments(self, by_channel: Array) -> Mapping[str, Argument]:
        """A kernel's `per_channel` and `general`."""
        sums = np.abs(by_channel.reshape(-1, by_channel.shape[-1]).astype(np.int64)).sum(axis=0) * WORST_INPUT
        largest = int((sums + np.abs(self.bias.astype(np.int64))).max())
        plain = all(
            is_plain(m, s) and s < 0 for m, s in zip(self.multiplier.tolist(), self.shift.tolist(), strict=True)
        )
        return {"per_channel": int(self.per_channel), "general": int(not (plain and largest < 2**30))}

    def at(self, first: int) -> dict[str, Argument]:
        """A kernel's `bias`, `multiplier` and `shift` from a channel on, counted in the kernel's order."""
        scaled = first if self.per_channel else 0
        return {
            "bias": Const("bias", first),
            "multiplier": Const("multiplier", scaled),
            "shift": Const("shift", scaled),
        }

    def constants(self, packed: Array, order: Sequence[int]) -> dict[str, Constant]:
        """The step's constants: the weights as they are packed, the others by channel in the kernel's order."""
        channels = list(order)
        scaled = channels if self.per_channel else [0]
        return {
            "weights": Constant(packed),
            "bias": Constant(self.bias[channels]),
            "multiplier": Constant(self.multiplier[scaled]),
            "shift": Constant(self.shift[scaled]),
        }
