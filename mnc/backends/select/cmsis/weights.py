"""The constants of layers with weights, in TFLite's own order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mnc.backends.select.cmsis.core import Core, Cores
from mnc.backends.select.cmsis.structs import dims, image
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised.accumulators import LARGEST_INPUT, by_channel, largest_sums
from mnc.backends.select.quantised.requantise import operands
from mnc.ir.layers import Linear
from mnc.ir.types import Array, Constant
from mnc.program import NULL, Argument, Const, In, Record
from mnc.reference.quantised.arithmetic import narrow
from mnc.reference.quantised.layers import Operands
from mnc.reference.quantised.weighted import channel_multipliers, has_wide_sums

TOO_LARGE = Refusal("CMSIS-NN's could leave 32 bits in its sums")
READ_BEYOND = 16
"""Bytes after the last weight that may be read on MVE: a loop loads the next vector before it knows that it ends."""


@dataclass(frozen=True)
class Weights:
    """Weights as they lie in memory, and the multiplier, shift and bias of each output channel."""

    data: Array
    """int8, flat."""
    bias: Array | None
    """(channels,) int32, the zero point not multiplied in: the kernels add it to the input."""
    multiplier: Array
    """(channels,) int32."""
    shift: Array
    """(channels,) int32; positive is to the left."""
    per_channel: bool
    """Whether channels have multipliers of their own."""

    @classmethod
    def of(cls, context: Context[Linear], ordered: Array) -> Weights | None:
        """From weights in the order that the kernel wants; None where its arithmetic could leave 32 bits."""
        layer, channels = context.layer, context.layer.filters
        multiplier, shift = (np.broadcast_to(each, channels) for each in channel_multipliers(layer, operands(context)))
        if _largest(layer, operands(context), multiplier, shift) >= 2**31:
            return None
        scales = layer.weights.quant.scale if layer.weights.quant else ()
        return cls(
            ordered.ravel(),
            None if layer.bias is None else layer.bias.array,
            multiplier.astype(np.int32),
            shift.astype(np.int32),
            per_channel=len(scales) > 1,
        )

    @property
    def quant_params(self) -> Record:
        """The multipliers and shifts of all channels."""
        return Record("cmsis_nn_per_channel_quant_params", {"multiplier": Const("multiplier"), "shift": Const("shift")})

    @property
    def tensor_quant_params(self) -> Record:
        """The multiplier and the shift that all channels have."""
        return Record(
            "cmsis_nn_per_tensor_quant_params", {"multiplier": int(self.multiplier[0]), "shift": int(self.shift[0])}
        )

    @property
    def with_bias(self) -> Weights:
        """The weights with a bias of zeros where they have none: some kernels do not take NULL."""
        return self if self.bias is not None else replace(self, bias=np.zeros(self.multiplier.size, np.int32))

    def arguments(self, context: Context[Linear], filter_dims: Record) -> dict[str, Argument]:
        """A kernel's arguments from `quant_params` to `bias_data`, in their order."""
        return {
            "quant_params": self.quant_params,
            "input_dims": image(context.inputs[0]),
            "input_data": In(),
            "filter_dims": filter_dims,
            "filter_data": Const("weights"),
            "bias_dims": dims(1, 1, 1, self.multiplier.size),
            "bias_data": NULL if self.bias is None else Const("bias"),
        }

    def constants(self, cores: Cores, *, by_four: bool = False) -> Mapping[str, Constant]:
        """The step's constants.

        On MVE kernels read up to `READ_BEYOND` bytes after the weights, and
        those that go `by_four` four channels at a time, of which the last may
        be beyond the end: the constants are longer than what they hold.
        """
        mve = Core.MVE in cores
        channels = self.multiplier.size
        size = math.ceil(channels / 4) * 4 if by_four and mve else channels
        constants = {"weights": Constant(_lengthened(self.data, self.data.size + READ_BEYOND * mve))}
        for name, values in (("bias", self.bias), ("multiplier", self.multiplier), ("shift", self.shift)):
            if values is not None:
                constants[name] = Constant(_lengthened(values, size))
        return constants


def _largest(layer: Linear, operands: Operands, multiplier: Array, shift: Array) -> float:
    """The largest number that kernels keep in 32 bits.

    For int8 it is a sum shifted to the left.  For int16, whose sums may have 64
    bits, it is the sum of the products, the bias, for which C89 has no longer
    literals, or the scaled sum before its last bit is rounded off.
    """
    weights, none = by_channel(layer), np.zeros(multiplier.size)
    bias = none if layer.bias is None else layer.bias.array
    largest_input = LARGEST_INPUT[operands.inputs[0].dtype]
    sums = largest_sums(weights, bias, largest_input)
    if not operands.is_int16:
        return float((sums * 2.0 ** np.maximum(shift, 0)).max())
    wide = has_wide_sums(layer, operands)
    scaled = sums * (narrow(multiplier) * 2.0 ** (shift - 14.0) if wide else 2.0 ** np.maximum(shift, 0))
    products = largest_sums(weights, none, largest_input)
    return float(max(products.max(), np.abs(bias.astype(np.float64)).max(), scaled.max() + 1))


def _lengthened(values: Array, size: int) -> Array:
    return np.concatenate([values, np.zeros(size - values.size, values.dtype)])
