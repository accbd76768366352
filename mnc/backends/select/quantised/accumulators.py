"""Accumulators of weighted layers: their largest values, their initial ones, and the epilogue that requantises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.backends.select.context import Context
from mnc.backends.select.quantised.requantise import is_plain, limits, operands, quant
from mnc.ir.layers import Conv2DTranspose, Linear
from mnc.ir.types import Array, Constant, DType
from mnc.program import Argument, Const, Name
from mnc.reference.quantised.arithmetic import narrow
from mnc.reference.quantised.weighted import channel_multipliers, has_wide_sums

LARGEST_INPUT = {DType.INT8: 255, DType.INT16: 2**15}
"""The largest distance of an input from its zero point."""


def by_channel(layer: Linear) -> Array:
    """A layer's weights as (taps, input channels of a group, output channels)."""
    by_tap = layer.as_matrix().transpose(1, 2, 0, 3)
    return np.asarray(by_tap.reshape(layer.taps, layer.group_inputs, layer.filters))


def largest_sums(weights: Array, bias: Array, largest_input: int) -> Array:
    """(channels,) float64: a bound of all sums of inputs times these weights (..., channels), with the bias."""
    absolute = np.abs(weights.astype(np.float64)).reshape(-1, weights.shape[-1]).sum(axis=0)
    return np.asarray(absolute * largest_input + np.abs(bias.astype(np.float64)))


LARGEST_FACTOR = 256
"""By which an int8 weight may be multiplied and fit int16, -128 too."""


@dataclass(frozen=True)
class Enlarged:
    """Sums of a layer with weights of 16 bits: those of a channel, and its bias, are multiplied by a power of two."""

    factor: Array
    """(channels,) int64."""
    scales: Array
    """(channels, 3) int32, multiplier, offset and own shift, as mnc_requantise_enlarged_s8 takes them."""
    shift: int
    """Of all channels to the right, at the end."""


@dataclass(frozen=True)
class Accumulators:
    """Initial values and epilogue of a weighted layer's accumulators, by output channel in the layer's order."""

    bias: Array
    """(channels,) int32; or (channels, 2) of them, the upper word and the lower one of sums of 64 bits."""
    multiplier: Array
    """(channels,) or (1,) int32, as the kernel's rounding wants it."""
    shift: Array
    """As multiplier, int8."""
    epilogue: Mapping[str, Argument]
    """A kernel's `zero`, `low`, `high`, and how it rounds: `general` of int8, `rounding` of int16."""
    largest: int
    """A bound of all sums, whatever the input is."""

    @classmethod
    def of(cls, context: Context[Linear]) -> Accumulators:
        """The accumulators of a layer."""
        return _of_int16(context) if context.output.type.dtype is DType.INT16 else _of_int8(context)

    @property
    def fit_int32(self) -> bool:
        """Whether no sum can leave int32, whatever the input is."""
        return self.bias.ndim == 1

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a multiplier of its own."""
        return self.multiplier.size > 1

    def arguments(self, first: int = 0) -> dict[str, Argument]:
        """A kernel's arguments about them from a channel on, counted in the kernel's order."""
        scaled = first if self.per_channel else 0
        return {
            "bias": Const("bias", first),
            "multiplier": Const("multiplier", scaled),
            "shift": Const("shift", scaled),
            "per_channel": int(self.per_channel),
            **self.epilogue,
        }

    @property
    def positive(self) -> bool:
        """Whether negative sums are clipped, as after ReLU: then rounding needs no look at the sign."""
        zero, low = self.epilogue["zero"], self.epilogue["low"]
        assert isinstance(zero, int) and isinstance(low, int)
        return low >= zero

    def enlarged(self) -> Enlarged:
        """Sums as large as weights of 16 bits make them, at one shift for all channels where that can be."""
        scales = np.broadcast_to(self.ready(doubled=False), (self.bias.shape[0], 3))
        shift, zero = scales[:, 2].astype(np.int64), self.epilogue["zero"]
        assert isinstance(zero, int)
        common = int(shift.max()) + int(self.positive)
        factor = 2 << (common - shift)
        if factor.max() > (LARGEST_FACTOR if self.positive else 2) or int(factor.max()) * self.largest >= 2**31:
            return Enlarged(np.full_like(factor, 2), scales, 0)
        # factor // 4 is 0 unless the sums are positive: the first rounding is then a part of the multiplication
        offset = (2 * zero + 1) * 2 ** (common - 1) + factor // 4
        return Enlarged(factor, np.stack([scales[:, 0], offset.astype(np.int32), scales[:, 2]], axis=-1), common)

    def ready(self, *, doubled: bool = True) -> Array:
        """(channels or 1, 3) int32: multiplier, doubled for mnc_requantise_ready_s8, offset, and shift to the right."""
        zero = self.epilogue["zero"]
        assert isinstance(zero, int) and not self.epilogue["general"]
        shift = -self.shift.astype(np.int64)
        multiplier = self.multiplier.astype(np.int64) * (2 if doubled else 1)
        scales = np.stack([multiplier, (2 * zero + 1) << (shift - 1), shift], axis=-1)
        return np.asarray((scales & 0xFFFFFFFF).astype(np.uint32).view(np.int32))

    def constants(self, packed: Array, order: Sequence[int]) -> dict[str, Constant]:
        """The step's constants: the weights as they are packed, the others by channel in the kernel's order."""
        channels = list(order)
        scaled = channels if self.per_channel else [0]
        return {
            "weights": Constant(packed),
            "bias": Constant(self.bias[channels].ravel()),
            "multiplier": Constant(self.multiplier[scaled]),
            "shift": Constant(self.shift[scaled]),
        }


def _of_int8(context: Context[Linear]) -> Accumulators:
    """The input's zero point is multiplied into the bias where every output sees as many weights."""
    weights = by_channel(context.layer)
    zero = 0 if isinstance(context.layer, Conv2DTranspose) else quant(context).zero_point
    bias = _bias(context.layer) - zero * weights.reshape(-1, weights.shape[-1]).astype(np.int64).sum(axis=0)
    multiplier, shift = channel_multipliers(context.layer, operands(context))
    plain = all(is_plain(m, s) and s < 0 for m, s in zip(multiplier.tolist(), shift.tolist(), strict=True))
    largest = int(largest_sums(weights, bias, LARGEST_INPUT[DType.INT8]).max())
    epilogue = {"general": int(not (plain and largest < 2**30)), **limits(context, context.layer.activation)}
    return Accumulators(bias.astype(np.int32), multiplier.astype(np.int32), shift.astype(np.int8), epilogue, largest)


def _of_int16(context: Context[Linear]) -> Accumulators:
    """In 64 bits where a sum could leave int32; `rounding` is a macro of requantise_s16.c."""
    bias = _bias(context.layer)
    multiplier, shift = channel_multipliers(context.layer, operands(context))
    largest = int(largest_sums(by_channel(context.layer), bias, LARGEST_INPUT[DType.INT16]).max())
    fits = largest < 2**31
    rounding = Name("MNC_TWICE")
    if has_wide_sums(context.layer, operands(context)):
        multiplier, shift, rounding = rounded_once(multiplier, shift, fit_int32=fits)
    epilogue = limits(context, context.layer.activation)
    if fits:
        epilogue["rounding"] = rounding
    else:
        bias = np.stack([bias >> 32, (bias & 0xFFFFFFFF).astype(np.uint32).view(np.int32)], axis=-1)
    return Accumulators(bias.astype(np.int32), multiplier.astype(np.int32), shift.astype(np.int8), epilogue, largest)


def rounded_once(multiplier: Array, shift: Array, *, fit_int32: bool = True) -> tuple[Array, Array, Name]:
    """(multiplier, shift) of sums of 64 bits as requantise_s16.c takes them, and its macro for how it rounds.

    multiplier / 2^shift is multiplier * 2^(32 - shift) / 2^32, which takes one multiplication where that fits.
    """
    multiplier, shift = narrow(multiplier), 15 - shift
    if fit_int32 and bool((((shift >= 16) & (shift <= 32)) | (multiplier == 0)).all()):
        return multiplier << np.clip(32 - shift, 0, 16), shift, Name("MNC_ONCE")
    return multiplier, shift, Name("MNC_ONCE_SHIFTED")


def _bias(layer: Linear) -> Array:
    """(channels,) int64, zeros where the layer has none."""
    return np.zeros(layer.filters, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)
