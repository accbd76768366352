"""Kernels for convolutions and dense layers in int8."""

from __future__ import annotations

import numpy as np

from mnc.backends.select.blocks import VECTOR, column_block, overlapping, pack_vectors, vector_block
from mnc.backends.select.context import Context
from mnc.backends.select.conv import interior, strides, window
from mnc.backends.select.quantised.accumulators import Accumulators
from mnc.backends.select.quantised.dots import dots
from mnc.backends.select.quantised.paired import pairing
from mnc.backends.select.quantised.planes import from_one_channel, planar
from mnc.backends.select.quantised.requantise import quant
from mnc.backends.select.quantised.two import two_products
from mnc.backends.select.quantised.winograd import winograd
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D, Linear
from mnc.program import Argument, Call, Const, In, Out, RowPointers, Step, Window

TAPS_3X3 = [0, 1, 3, 4, 2, 6, 5, 7, 8]
"""The order in which mnc_depthwise3x3_s8 reads a channel's taps."""

ROW_3X3 = 6
"""How many pixels wide a row is at most to be one block of mnc_depthwise3x3_s8."""

LARGEST_WINDOW = 128
"""How many elements mnc_conv2d_window_s8 copies at most."""


def conv2d(context: Context[Conv2D]) -> Step:
    """A convolution: by a kernel for DSP instructions, else by `mnc_pointwise_s8` or `mnc_conv2d_s8`."""
    otherwise = _pointwise(context) if context.layer.is_pointwise else _by_runs(context)
    return from_one_channel(context) or winograd(
        context, pairing(context, two_products(context, dots(context, otherwise)))
    )


def _by_runs(context: Context[Conv2D]) -> Step:
    """A convolution of any kernel, by runs of neighbouring elements as they lie."""
    layer = context.layer
    (x,), y = context.inputs, context.output
    begin, end = interior(layer, x.image[1], y.image[1])
    height, width, group_in, filters = layer.weights.shape
    group_out = filters // layer.groups
    pixels, channels = vector_block(max(end - begin, 1), group_out, **context.registers)
    sums = Accumulators.of(context)
    fits = group_in % VECTOR == 0 or height * width * group_in <= LARGEST_WINDOW
    joined = fits and layer.dilation[1] == 1 and layer.groups == 1
    runs, run = (1, width * group_in) if joined else (width, group_in)
    shared: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        **sums.arguments(),
        "in_channels": group_in,
        "out_channels": group_out,
        "kernel_height": height,
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "begin": begin,
        "end": end,
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_channels": channels,
        "in_zero": quant(context).zero_point,
    }
    grouped: dict[str, Argument] = {"groups": layer.groups, "dilation": layer.dilation[1]}
    sides: dict[str, Argument] = {"kernel_width": width, "in_width": x.image[1], "out_width": y.image[1]}
    calls = []
    if begin < end:
        inner: dict[str, Argument] = {
            "runs": runs,
            "run": run,
            "block_pixels": pixels,
            "unroll": _unroll(run, context.core),
        }
        calls.append(Call("mnc_conv2d_s8", {**shared, **grouped, **inner}))
    if (begin, end) != (0, y.image[1]) and joined and group_in % VECTOR:
        calls.append(Call("mnc_conv2d_window_s8", {**shared, **sides, "unroll": _unroll(run, context.core)}))
    elif (begin, end) != (0, y.image[1]):
        calls.append(
            Call("mnc_conv2d_border_s8", {**shared, **grouped, **sides, "unroll": _unroll(group_in, context.core)})
        )
    order = [g * group_out + c for g in range(layer.groups) for c in overlapping(group_out, channels)]
    by_group = layer.weights.array.reshape(height, runs, run, layer.groups, group_out)
    packed = [pack_vectors(by_group[:, :, :, g], channels) for g in range(layer.groups)]
    return context.by_rows(window(layer), tuple(calls), sums.constants(np.concatenate(packed), order))


def dense(context: Context[Dense]) -> Step:
    """A dense layer on each pixel of its input; a plain vector is one pixel."""
    return pairing(context, two_products(context, dots(context, _pointwise(context))))


def _pointwise(context: Context[Linear]) -> Step:
    (x,), y, matrix = context.inputs, context.output, context.layer.as_matrix()[0, 0]
    inputs, outputs = matrix.shape
    pixels, channels = vector_block(y.image[1], outputs, **context.registers)
    sums = Accumulators.of(context)
    call = Call(
        "mnc_pointwise_s8",
        {
            "in": In(),
            "out": Out(),
            "weights": Const("weights"),
            **sums.arguments(),
            "in_channels": inputs,
            "out_channels": outputs,
            "pixels": y.image[1],
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "out_channel": y.layout.channel,
            "block_pixels": pixels,
            "block_channels": channels,
            "unroll": _unroll(inputs, context.core),
        },
    )
    packed = pack_vectors(matrix, channels)
    return context.by_rows(Window(), (call,), sums.constants(packed, overlapping(outputs, channels)))


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution, channel by channel; 3x3 has a kernel of its own, and one for input in planes."""
    layer = context.layer
    (x,), y = context.inputs, context.output
    begin, end = interior(layer, x.image[1], y.image[1])
    sums = Accumulators.of(context)
    shared: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        **sums.arguments(),
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        **strides(x, y),
        "in_zero": quant(context).zero_point,
    }
    packed = layer.weights.array.transpose(2, 3, 0, 1).reshape(-1, *layer.kernel)
    if _is_3x3(context):
        whole = y.image[1] <= (1 if context.few_registers else ROW_3X3)
        wide = 1 if context.few_registers else column_block(end - begin, layer.stride[1])
        begin, end = (0, y.image[1]) if whole else (begin, end)
        call = Call(
            "mnc_depthwise3x3_s8",
            {
                **shared,
                "channels": x.image[2],
                "begin": begin,
                "end": end,
                "block_pixels": end if whole else wide,
                "whole_row": int(whole),
            },
        )
        packed = packed.reshape(-1, 9)[:, TAPS_3X3]
    else:
        pixels = min(max(end - begin, 1), 4)
        call = Call(
            "mnc_depthwise2d_s8",
            {
                **shared,
                "in_channels": x.image[2],
                "multiplicity": layer.depth_multiplier,
                "kernel_height": layer.kernel[0],
                "kernel_width": layer.kernel[1],
                "dilation": layer.dilation[1],
                "inner_begin": begin,
                "blocks": (end - begin) // pixels,
                "block_pixels": pixels,
            },
        )
    return planar(context, context.by_rows(window(layer), (call,), sums.constants(packed.ravel(), range(y.image[2]))))


def _is_3x3(context: Context[DepthwiseConv2D]) -> bool:
    """Whether mnc_depthwise3x3_s8 takes the layer: each of its output rows sees some row of the image, too."""
    layer, rows = context.layer, context.inputs[0].image[0]
    plain = layer.kernel == (3, 3) and layer.dilation == (1, 1) and layer.depth_multiplier == 1
    return plain and all(window(layer).rows(y, rows) for y in range(context.output.image[0]))


def _unroll(run: int, core: frozenset[str] | None) -> int:
    """How many of a run's 4-vectors go at once: a core without DSP instructions spills more than one."""
    counts = (3, 2, 1) if core is None or "dsp" in core else (1,)
    return next(count for count in counts if run // VECTOR % count == 0)
