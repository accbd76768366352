"""Kernels for convolutions and dense layers in int16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.backends.program import Argument, Call, Const, In, Name, Out, RowNumber, Rows, Step, Window
from mnc.backends.select.blocks import block, pack, split
from mnc.backends.select.conv import interior, window
from mnc.backends.select.quantised.requantise import REGISTERS, limits, operands
from mnc.backends.select.site import Site
from mnc.backends.select.transpose_conv import Gathering
from mnc.ir.layers import NO_PADDING, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.reference.quantised.arithmetic import narrow
from mnc.reference.quantised.layers import channel_multipliers, has_wide_sums

Weighted = Conv2D | Conv2DTranspose | Dense | DepthwiseConv2D

LARGEST_INPUT = 2**15


def conv2d(site: Site[Conv2D]) -> Step:
    """A convolution: `mnc_pointwise_s16` where it is 1x1, else `mnc_conv2d_s16`."""
    layer = site.layer
    if layer.is_pointwise:
        return _pointwise(site, layer.weights.array[0, 0])
    (x,), y = site.inputs, site.output
    height, width, group_in, filters = layer.weights.shape
    group_out = filters // layer.groups
    sums = Sums.of(site, layer.weights.array)
    if not sums.fit_int32:
        return _wide(site, layer.weights.array.transpose(3, 0, 1, 2), sums, layer.groups)
    begin, end = interior(layer, x.image[1], y.image[1])
    pixels, channels = block(max(end - begin, 1), group_out, registers=REGISTERS)
    weights = layer.weights.array.reshape(height, width, group_in, layer.groups, group_out)
    plain = layer.dilation[1] == 1 and layer.groups == 1
    run = width * group_in if plain else group_in
    calls: list[Call] = []
    packed: list[Array] = []
    order: list[int] = []
    for first, count, part in split(group_out, channels):
        before = len(order)
        arguments: dict[str, Argument] = {
            "rows": Rows(),
            "out": Out(first),
            "weights": Const("weights", before * height * width * group_in),
            **sums.arguments(before),
            "groups": layer.groups,
            "in_channels": group_in,
            "out_channels": count,
            "group_size": group_out,
            **_geometry(site),
            "inner_begin": begin,
            "blocks": (end - begin) // pixels,
            "runs": 1 if plain else width,
            "run": run,
            "block_pixels": pixels,
            "block_channels": part,
            "unroll": _unroll(run),
        }
        calls.append(Call("mnc_conv2d_s16", arguments))
        packed += [pack(weights[:, :, :, g, first : first + count], part) for g in range(layer.groups)]
        order += [g * group_out + c for g in range(layer.groups) for c in range(first, first + count)]
    return site.by_rows(window(layer), tuple(calls), sums.constants(np.concatenate(packed), order))


def dense(site: Site[Dense]) -> Step:
    """A dense layer on each pixel of its input; a plain vector is one pixel."""
    return _pointwise(site, site.layer.weights.array)


def _pointwise(site: Site[Conv2D] | Site[Dense], matrix: Array) -> Step:
    (x,), y = site.inputs, site.output
    inputs, outputs = matrix.shape
    sums = Sums.of(site, matrix)
    if not sums.fit_int32:
        return _wide(site, matrix.T, sums, 1)
    pixels, channels = block(max(y.image[1], 1), outputs, registers=REGISTERS)
    calls = [
        Call(
            "mnc_pointwise_s16",
            {
                "in": In(),
                "out": Out(first),
                "weights": Const("weights", first * inputs),
                **sums.arguments(first),
                "in_channels": inputs,
                "out_channels": count,
                "pixels": y.image[1],
                "in_pixel": x.layout.pixel,
                "out_pixel": y.layout.pixel,
                "block_pixels": pixels,
                "block_channels": part,
                "unroll": _unroll(inputs),
            },
        )
        for first, count, part in split(outputs, channels)
    ]
    return site.by_rows(Window(), tuple(calls), sums.constants(pack(matrix, channels), range(outputs)))


def depthwise_conv2d(site: Site[DepthwiseConv2D]) -> Step:
    """A depthwise convolution, channel by channel."""
    layer, (x,), y = site.layer, site.inputs, site.output
    sums = Sums.of(site, layer.weights.array.reshape(*layer.kernel, -1))
    by_filter = layer.weights.array.transpose(2, 3, 0, 1)
    if not sums.fit_int32:
        return _wide(site, by_filter, sums, x.image[2])
    begin, end = interior(layer, x.image[1], y.image[1])
    pixels = min(max(end - begin, 1), 4)
    call = Call(
        "mnc_depthwise2d_s16",
        {
            "rows": Rows(),
            "out": Out(),
            "weights": Const("weights"),
            **sums.arguments(0),
            "in_channels": x.image[2],
            "multiplicity": layer.depth_multiplier,
            **_geometry(site),
            "inner_begin": begin,
            "blocks": (end - begin) // pixels,
            "block_pixels": pixels,
        },
    )
    return site.by_rows(window(layer), (call,), sums.constants(by_filter.ravel(), range(y.image[2])))


def conv2d_transpose(site: Site[Conv2DTranspose]) -> Step:
    """Each output row gathered from the input rows that reach it."""
    layer, (x,), y = site.layer, site.inputs, site.output
    gathering = Gathering.of(site)
    pixels, channels = block(gathering.inner_pixels, layer.filters, registers=REGISTERS)
    matrix = layer.weights.array.transpose(0, 1, 3, 2)
    sums = Sums.of(site, matrix)
    calls = tuple(
        Call(
            "mnc_conv2d_transpose_s16",
            {
                "rows": Rows(),
                "out": Out(first),
                "weights": Const("weights", first * matrix[..., 0].size),
                **sums.arguments(first),
                "row": RowNumber(),
                "in_channels": x.image[2],
                "out_channels": count,
                **gathering.arguments,
                "in_pixel": x.layout.pixel,
                "out_pixel": y.layout.pixel,
                "block_pixels": pixels,
                "block_channels": part,
            },
        )
        for first, count, part in split(layer.filters, channels)
    )
    return site.by_rows(gathering.window, calls, sums.constants(pack(matrix, channels), range(layer.filters)))


def _wide(site: Site[Conv2D] | Site[Dense] | Site[DepthwiseConv2D], by_filter: Array, sums: Sums, groups: int) -> Step:
    """Any of these layers, slowly, with sums of 64 bits; the weights are (filters, ...)."""
    (x,), y = site.inputs, site.output
    call = Call(
        "mnc_conv2d_wide_s16",
        {
            "rows": Rows(),
            "out": Out(),
            "weights": Const("weights"),
            **sums.arguments(0),
            "groups": groups,
            "in_channels": x.image[2] // groups,
            "out_channels": y.image[2] // groups,
            **_geometry(site),
        },
    )
    reach = Window() if isinstance(site.layer, Dense) else window(site.layer)
    return site.by_rows(reach, (call,), sums.constants(by_filter.ravel(), range(y.image[2])))


def _geometry(site: Site[Conv2D] | Site[Dense] | Site[DepthwiseConv2D]) -> dict[str, Argument]:
    layer, (x,), y = site.layer, site.inputs, site.output
    if isinstance(layer, Dense):
        kernel, stride, dilation, padding = (1, 1), (1, 1), (1, 1), NO_PADDING
    else:
        kernel, stride, dilation, padding = layer.kernel, layer.stride, layer.dilation, layer.padding
    return {
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride": stride[1],
        "dilation": dilation[1],
        "padding": padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
    }


def _unroll(run: int) -> int:
    return next(count for count in (8, 6, 5, 4, 3, 7, 2, 1) if run % count == 0)


@dataclass(frozen=True)
class Sums:
    """How the sums of a weighted layer begin and end, by output channel."""

    bias: Array
    """(channels,) int64."""
    multiplier: Array
    """(channels,) or (1,), as the kernel's rounding wants it."""
    shift: Array
    fit_int32: bool
    """Whether no sum can leave int32, whatever the input is."""
    rounding: str
    """A macro of requantise_s16.c."""
    limits: Mapping[str, Argument]

    @classmethod
    def of(cls, site: Site[Weighted], by_channel: Array) -> Sums:
        """From a layer and its weights as (..., channels)."""
        layer, types = site.layer, operands(site)
        channels = by_channel.shape[-1]
        bias = np.zeros(channels, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)
        multiplier, shift = channel_multipliers(layer, types)
        fits = int(largest_sums(by_channel, bias).max()) < 2**31
        ends = {name: value for name, value in limits(site, layer.activation).items() if name != "zero"}
        if not has_wide_sums(layer, types):
            return cls(bias, multiplier, shift, fits, "MNC_TWICE", ends)
        # multiplier / 2^right, which is multiplier * 2^(32 - right) / 2^32.
        multiplier, right = narrow(multiplier), 15 - shift
        in_one = fits and bool((((right >= 16) & (right <= 32)) | (multiplier == 0)).all())
        if in_one:
            return cls(bias, multiplier << np.clip(32 - right, 0, 16), right, fits, "MNC_ONCE", ends)
        return cls(bias, multiplier, right, fits, "MNC_ONCE_SHIFTED", ends)

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a multiplier of its own."""
        return self.multiplier.size > 1

    def arguments(self, first: int) -> dict[str, Argument]:
        """A kernel's arguments about them from a channel on, counted in the kernel's order."""
        scaled = first if self.per_channel else 0
        return {
            "bias": Const("bias", first),
            "multiplier": Const("multiplier", scaled),
            "shift": Const("shift", scaled),
            "per_channel": int(self.per_channel),
            **({"rounding": Name(self.rounding)} if self.fit_int32 else {}),
            **self.limits,
        }

    def constants(self, packed: Array, order: Sequence[int]) -> dict[str, Constant]:
        """The step's constants: the weights as they are packed, the others by channel in the kernel's order."""
        channels = list(order)
        scaled = channels if self.per_channel else [0]
        bias = self.bias[channels]
        if not self.fit_int32:
            bias = np.stack([bias >> 32, (bias & 0xFFFFFFFF).astype(np.uint32).view(np.int32)], axis=-1).ravel()
        return {
            "weights": Constant(np.ascontiguousarray(packed)),
            "bias": Constant(bias.astype(np.int32)),
            "multiplier": Constant(self.multiplier[scaled].astype(np.int32)),
            "shift": Constant(self.shift[scaled].astype(np.int8)),
        }


def largest_sums(by_channel: Array, bias: Array) -> Array:
    """(channels,) float64: what no sum of int16 values times these weights (..., channels), with the bias, exceeds."""
    weights = np.abs(by_channel.astype(np.float64)).reshape(-1, by_channel.shape[-1]).sum(axis=0)
    return np.asarray(weights * LARGEST_INPUT + np.abs(bias.astype(np.float64)))
