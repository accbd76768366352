"""Kernels for convolutions and dense layers in int8."""

from __future__ import annotations

import numpy as np

from mnc.backends.program import Argument, Call, Const, In, Out, Rows, Step, Window
from mnc.backends.select.blocks import block, pack, split
from mnc.backends.select.conv import interior, window
from mnc.backends.select.quantised.requantise import REGISTERS, Weights, limits, quant
from mnc.backends.select.site import Site
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array


def conv2d(site: Site[Conv2D]) -> Step:
    """A convolution: `mnc_pointwise_s8` where it is 1x1, else `mnc_conv2d_s8`."""
    layer = site.layer
    if layer.is_pointwise:
        return _pointwise(site, layer.weights.array[0, 0])
    (x,), y = site.inputs, site.output
    begin, end = interior(layer, x.image[1], y.image[1])
    height, width, group_in, filters = layer.weights.shape
    group_out = filters // layer.groups
    pixels, channels = _block(end - begin, group_out)
    weights = layer.weights.array.reshape(height, width, group_in, layer.groups, group_out)
    constants = Weights.of(site, layer.weights.array)
    plain = layer.dilation[1] == 1 and layer.groups == 1
    run = width * group_in if plain else group_in
    parts = split(group_out, channels)
    order = [
        g * group_out + c for first, count, _ in parts for g in range(layer.groups) for c in range(first, first + count)
    ]
    packed, calls, before = [], [], 0
    for first, count, part in parts:
        calls.append(
            Call(
                "mnc_conv2d_s8",
                {
                    "rows": Rows(),
                    "out": Out(first),
                    "weights": Const("weights", before * height * width * group_in),
                    **constants.at(before),
                    **constants.arguments(layer.weights.array),
                    "groups": layer.groups,
                    "in_channels": group_in,
                    "out_channels": count,
                    "group_size": group_out,
                    **_window(layer),
                    "in_width": x.image[1],
                    "out_width": y.image[1],
                    "inner_begin": begin,
                    "blocks": (end - begin) // pixels,
                    "in_pixel": x.layout.pixel,
                    "out_pixel": y.layout.pixel,
                    "runs": 1 if plain else width,
                    "run": run,
                    "block_pixels": pixels,
                    "block_channels": part,
                    "unroll": _unroll(run),
                    "in_zero": quant(site).zero_point,
                    **limits(site, layer.activation),
                },
            )
        )
        packed += [pack(weights[:, :, :, g, first : first + count], part) for g in range(layer.groups)]
        before += count * layer.groups
    return site.by_rows(window(layer), tuple(calls), constants.constants(np.concatenate(packed), order))


def dense(site: Site[Dense]) -> Step:
    """A dense layer on each pixel of its input; a plain vector is one pixel."""
    return _pointwise(site, site.layer.weights.array)


def _pointwise(site: Site[Conv2D] | Site[Dense], matrix: Array) -> Step:
    (x,), y = site.inputs, site.output
    inputs, outputs = matrix.shape
    pixels, channels = _block(y.image[1], outputs)
    constants = Weights.of(site, matrix)
    calls = [
        Call(
            "mnc_pointwise_s8",
            {
                "in": In(),
                "out": Out(first),
                "weights": Const("weights", first * inputs),
                **constants.at(first),
                **constants.arguments(matrix),
                "in_channels": inputs,
                "out_channels": count,
                "pixels": y.image[1],
                "in_pixel": x.layout.pixel,
                "out_pixel": y.layout.pixel,
                "block_pixels": pixels,
                "block_channels": part,
                "unroll": _unroll(inputs),
                **limits(site, site.layer.activation),
            },
        )
        for first, count, part in split(outputs, channels)
    ]
    return site.by_rows(Window(), tuple(calls), constants.constants(pack(matrix, channels), range(outputs)))


def depthwise_conv2d(site: Site[DepthwiseConv2D]) -> Step:
    """A depthwise convolution, channel by channel."""
    layer = site.layer
    (x,), y = site.inputs, site.output
    begin, end = interior(layer, x.image[1], y.image[1])
    by_channel = layer.weights.array.reshape(*layer.kernel, -1)
    constants = Weights.of(site, by_channel)
    pixels = min(max(end - begin, 1), 4)
    call = Call(
        "mnc_depthwise2d_s8",
        {
            "rows": Rows(),
            "out": Out(),
            "weights": Const("weights"),
            **constants.at(0),
            **constants.arguments(by_channel),
            "in_channels": x.image[2],
            "multiplicity": layer.depth_multiplier,
            **_window(layer),
            "in_width": x.image[1],
            "out_width": y.image[1],
            "inner_begin": begin,
            "blocks": (end - begin) // pixels,
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "block_pixels": pixels,
            "in_zero": quant(site).zero_point,
            **limits(site, layer.activation),
        },
    )
    packed = layer.weights.array.transpose(2, 3, 0, 1).ravel()
    return site.by_rows(window(layer), (call,), constants.constants(packed, range(by_channel.shape[-1])))


def _window(layer: Conv2D | DepthwiseConv2D) -> dict[str, Argument]:
    return {
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "stride": layer.stride[1],
        "dilation": layer.dilation[1],
        "padding": layer.padding[1][0],
    }


def _block(pixels: int, channels: int) -> tuple[int, int]:
    return block(max(pixels, 1), channels, registers=REGISTERS)


def _unroll(run: int) -> int:
    return next(count for count in (8, 6, 5, 4, 3, 7, 2, 1) if run % count == 0)
