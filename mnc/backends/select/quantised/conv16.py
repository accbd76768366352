"""Kernels for convolutions and dense layers in int16."""

from __future__ import annotations

import numpy as np

from mnc.backends.select.blocks import FEW, block, pack, split
from mnc.backends.select.context import Context
from mnc.backends.select.conv import as_pointwise, interior, placement, window
from mnc.backends.select.quantised import svdf
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.requantise import REGISTERS, call
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D, Linear
from mnc.ir.types import Array, DType
from mnc.program import Argument, Call, Const, In, Out, RowPointers, Step, Value, Window


def conv2d(context: Context[Conv2D]) -> Step:
    """A convolution: `mnc_pointwise_s16` where it is 1x1, else `mnc_conv2d_s16`; with weights of int16 a sum."""
    layer = context.layer
    if layer.weights.array.dtype == np.int16:
        return svdf.window(context)
    if layer.is_pointwise:
        return _pointwise(context)
    (x,), y = context.inputs, context.output
    height, width, group_in, filters = layer.weights.shape
    group_out = filters // layer.groups
    sums = Accumulators.of(context)
    if not sums.fit_int32:
        return _wide(context, sums)
    begin, end = interior(layer, x.image[1], y.image[1])
    pixels, channels = block(max(end - begin, 1), group_out, registers=FEW if context.few_registers else REGISTERS)
    weights = layer.weights.array.reshape(height, width, group_in, layer.groups, group_out)
    plain = layer.dilation[1] == 1 and layer.groups == 1
    run = width * group_in if plain else group_in
    calls: list[Call] = []
    packed: list[Array] = []
    order: list[int] = []
    for first, count, part in split(group_out, channels):
        before = len(order)
        arguments = {
            "rows": RowPointers(),
            "out": Out(first),
            "weights": Const("weights", before * height * width * group_in),
            **sums.arguments(before),
            "groups": layer.groups,
            "in_channels": group_in,
            "out_channels": count,
            "group_size": group_out,
            **_geometry(layer, x, y),
            "inner_begin": begin,
            "blocks": (end - begin) // pixels,
            "runs": 1 if plain else width,
            "run": run,
            "block_pixels": pixels,
            "block_channels": part,
            "unroll": _unroll(run),
        }
        calls.append(call(context, "conv2d", arguments))
        packed += [pack(weights[:, :, :, g, first : first + count], part) for g in range(layer.groups)]
        order += [g * group_out + c for g in range(layer.groups) for c in range(first, first + count)]
    return context.by_rows(window(layer), tuple(calls), sums.constants(np.concatenate(packed), order))


def dense(context: Context[Dense]) -> Step:
    """A dense layer on each pixel of its input; a plain vector is one pixel."""
    return svdf.frame(context) if context.inputs[0].type.dtype is DType.INT8 else _pointwise(context)


def _pointwise(context: Context[Linear]) -> Step:
    (x,), y, matrix = context.inputs, context.output, context.layer.as_matrix()[0, 0]
    inputs, outputs = matrix.shape
    sums = Accumulators.of(context)
    if not sums.fit_int32:
        return _wide(context, sums)
    pixels, channels = block(max(y.image[1], 1), outputs, registers=FEW if context.few_registers else REGISTERS)
    calls = [
        call(
            context,
            "pointwise",
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
    return context.by_rows(Window(), tuple(calls), sums.constants(pack(matrix, channels), range(outputs)))


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution, channel by channel."""
    layer, (x,), y = context.layer, context.inputs, context.output
    sums = Accumulators.of(context)
    if not sums.fit_int32:
        return _wide(context, sums)
    begin, end = interior(layer, x.image[1], y.image[1])
    pixels = min(max(end - begin, 1), 4)
    made = call(
        context,
        "depthwise2d",
        {
            "rows": RowPointers(),
            "out": Out(),
            "weights": Const("weights"),
            **sums.arguments(),
            "in_channels": x.image[2],
            "multiplicity": layer.depth_multiplier,
            **_geometry(layer, x, y),
            "inner_begin": begin,
            "blocks": (end - begin) // pixels,
            "block_pixels": pixels,
        },
    )
    packed = np.moveaxis(by_channel(layer), -1, 0).ravel()
    return context.by_rows(window(layer), (made,), sums.constants(packed, range(y.image[2])))


def _wide(context: Context[Linear], sums: Accumulators) -> Step:
    """Any of these layers, slowly, with sums of 64 bits."""
    (x,), y = context.inputs, context.output
    layer = as_pointwise(context.layer) if isinstance(context.layer, Dense) else context.layer
    assert isinstance(layer, Conv2D | DepthwiseConv2D)
    made = call(
        context,
        "conv2d_wide",
        {
            "rows": RowPointers(),
            "out": Out(),
            "weights": Const("weights"),
            **sums.arguments(),
            "groups": layer.groups,
            "in_channels": layer.group_inputs,
            "out_channels": layer.group_outputs,
            **_geometry(layer, x, y),
        },
    )
    packed = np.moveaxis(by_channel(layer), -1, 0).ravel()
    return context.by_rows(window(layer), (made,), sums.constants(packed, range(y.image[2])))


def _geometry(layer: Conv2D | DepthwiseConv2D, x: Value, y: Value) -> dict[str, Argument]:
    return {**placement(layer, x, y), "in_pixel": x.layout.pixel, "out_pixel": y.layout.pixel}


def _unroll(run: int) -> int:
    return next(count for count in (8, 6, 5, 4, 3, 7, 2, 1) if run % count == 0)
