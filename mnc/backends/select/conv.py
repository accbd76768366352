"""Kernels for convolutions and dense layers in float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mnc.backends.select.activation import epilogue
from mnc.backends.select.blocks import (
    MOST_PIXELS,
    REGISTERS,
    depthwise_block,
    float_block,
    inner_blocks,
    pack,
    split,
    unrolled,
)
from mnc.backends.select.context import Context
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.program import NULL, ROW, Argument, Call, Const, In, Name, Out, RowPointers, Step, Value, Window


def conv2d(context: Context[Conv2D]) -> Step:
    """A convolution: `mnc_pointwise_f32` where it is 1x1, else `mnc_conv2d_f32`."""
    layer = context.layer
    if layer.is_pointwise:
        return _pointwise(context, layer.weights.array[0, 0], layer.bias, context.output.image[1])
    (x,), y = context.inputs, context.output
    begin, end = interior(layer, x.image[1], y.image[1])
    group_in = layer.weights.shape[2]
    group_out = layer.filters // layer.groups
    pixels, channels = float_block(
        max(end - begin, 1), group_out, _taps(layer.kernel[1]), layer.stride[1], registers=context.float_registers
    )
    weights = layer.weights.array.reshape(*layer.weights.shape[:3], layer.groups, group_out)
    constants: dict[str, Constant] = {}
    packed: list[Array] = []
    biases: list[Array] = []
    calls = []
    fused, after = epilogue(layer.activation, y.layout.row)
    for first, count, width in split(group_out, channels):
        part = weights[..., first : first + count]
        calls.append(
            Call(
                "mnc_conv2d_f32",
                {
                    "rows": _row_pointers(context),
                    "out": Out(first * y.layout.channel),
                    "weights": Const("weights", sum(a.size for a in packed)),
                    "bias": bias_at(layer.bias, sum(a.size for a in biases)),
                    "groups": layer.groups,
                    "in_channels": group_in,
                    "out_channels": count,
                    "group_size": group_out,
                    **placement(layer, x, y),
                    "inner_begin": begin,
                    "inner_end": end,
                    **strides(x, y),
                    "block_pixels": pixels,
                    "block_channels": width,
                    "unroll_rows": int(group_in == 1 and _row_pointers(context).written_out),
                    "taps": _taps(layer.kernel[1]),
                    "inside": int(window(layer).is_inside(y.image[0], x.image[0])),
                    **fused,
                },
            )
        )
        packed += [pack(part[:, :, :, g].transpose(0, 2, 1, 3), width) for g in range(layer.groups)]
        if layer.bias is not None:
            biases.append(layer.bias.array.reshape(layer.groups, group_out)[:, first : first + count].ravel())
    constants["weights"] = Constant(np.concatenate(packed))
    if biases:
        constants["bias"] = Constant(np.concatenate(biases))
    return context.by_rows(window(layer), (*calls, *after), constants)


def dense(context: Context[Dense]) -> Step:
    """A dense layer on each pixel of its input; a plain vector is one pixel."""
    layer, y = context.layer, context.output
    return _pointwise(context, layer.weights.array, layer.bias, y.image[1])


def _pointwise(context: Context[Conv2D] | Context[Dense], matrix: Array, bias: Constant | None, pixels: int) -> Step:
    (x,), y = context.inputs, context.output
    inputs, outputs = matrix.shape
    block_pixels, block_channels = float_block(pixels, outputs, registers=context.float_registers)
    fused, after = epilogue(context.layer.activation, y.layout.row)
    calls = [
        Call(
            "mnc_pointwise_f32",
            {
                "in": In(),
                "out": Out(first * y.layout.channel),
                "weights": Const("weights", first * inputs),
                "bias": bias_at(bias, first),
                "in_channels": inputs,
                "out_channels": count,
                "pixels": pixels,
                **strides(x, y),
                "block_pixels": block_pixels,
                "block_channels": width,
                "unroll": unrolled(inputs, compact=not context.written_out),
                **fused,
            },
        )
        for first, count, width in split(outputs, block_channels)
    ]
    constants = {"weights": Constant(pack(matrix, block_channels))}
    if bias is not None:
        constants["bias"] = bias
    return context.by_rows(Window(), (*calls, *after), constants)


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution, its taps in registers where there are at most sixteen."""
    layer = context.layer
    (x,), y = context.inputs, context.output
    height, width = layer.kernel
    fused, after = epilogue(layer.activation, y.layout.row)
    constants = {"weights": Constant(layer.weights.array.transpose(2, 3, 0, 1).ravel())}
    if layer.bias is not None:
        constants["bias"] = layer.bias
    shared: dict[str, Argument] = {
        "rows": _row_pointers(context),
        "out": Out(),
        "weights": Const("weights"),
        "bias": bias_at(layer.bias, 0),
        "in_channels": x.image[2],
        "multiplier": layer.depth_multiplier,
        **placement(layer, x, y),
        **strides(x, y),
        **fused,
    }
    if height * width > 16:
        return context.by_rows(window(layer), (Call("mnc_depthwise2d_large_f32", shared), *after), constants)
    zeros = not window(layer).is_inside(y.image[0], x.image[0])
    if zeros:
        constants[ROW] = Constant(np.zeros((x.image[1] - 1) * x.layout.pixel + 1, np.float32))
    blocks = depthwise_blocks(layer, x.image[1], y.image[1], context.float_registers)
    call = Call("mnc_depthwise2d_f32", {**shared, "zeros": Const(ROW) if zeros else NULL, **blocks})
    return context.by_rows(window(layer), (call, *after), constants)


def depthwise_blocks(
    layer: DepthwiseConv2D, in_width: int, out_width: int, registers: int = REGISTERS
) -> dict[str, Argument]:
    """How mnc_depthwise2d_f32 takes a row: in blocks of which the first and the last alone see padding, if that can be.

    Such blocks are as wide as the padding, whether or not registers hold them.
    """
    (height, width), stride, padding = layer.kernel, layer.stride[1], layer.padding[1][0]
    inner = inner_blocks(out_width, interior(layer, in_width, out_width), MOST_PIXELS)
    sizes = inner or [min(out_width, MOST_PIXELS)]
    pixels = depthwise_block(sizes, out_width, stride, height, width, registers=registers)
    columns = (pixels - 1) * stride + (width - 1) * layer.dilation[1] + 1
    return {
        "inner": int(bool(inner)),
        "whole_row": int(pixels == out_width),
        "blocks": max(-(-(out_width - 2 * pixels) // pixels), 0),
        "beyond": max((out_width - pixels) * stride - padding + columns - in_width, 0),
        "block_pixels": pixels,
    }


def interior(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int) -> tuple[int, int]:
    """The output pixels begin <= p < end that see no padding at the sides; (0, 0) where none."""
    kernel, stride, dilation, padding = layer.kernel[1], layer.stride[1], layer.dilation[1], layer.padding[1][0]
    begin = -(-padding // stride)
    end = min((in_width + padding - (kernel - 1) * dilation - 1) // stride + 1, out_width)
    return (begin, end) if begin < end else (0, 0)


def window(layer: Conv2D | DepthwiseConv2D) -> Window:
    """The input rows of one output row."""
    return Window(layer.kernel[0], layer.stride[0], layer.padding[0][0], layer.dilation[0])


def strides(x: Value, y: Value) -> Mapping[str, Argument]:
    """The distances of pixels and channels in a row of input and of output."""
    return {
        "in_pixel": x.layout.pixel,
        "in_channel": x.layout.channel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
    }


def placement(layer: Conv2D | DepthwiseConv2D, x: Value, y: Value) -> Mapping[str, Argument]:
    """How a kernel lies over the rows of input, and along them."""
    return {
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "stride": layer.stride[1],
        "dilation": layer.dilation[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
    }


def as_pointwise(layer: Conv2D | Dense) -> Conv2D:
    """A dense layer as a convolution of 1x1; a convolution as it is."""
    if isinstance(layer, Conv2D):
        return layer
    matrix = layer.weights.array.reshape(1, 1, *layer.weights.shape)
    return Conv2D(Constant(matrix, layer.weights.quant), layer.bias, activation=layer.activation)


def _row_pointers(context: Context[Conv2D] | Context[DepthwiseConv2D]) -> RowPointers:
    """Code for each of a few rows."""
    return RowPointers(written_out=context.written_out and context.layer.kernel[0] <= 4)


def _taps(kernel_width: int) -> int:
    """How many of a kernel's columns to unroll: all of a small kernel, so that neighbours share loads."""
    return next(taps for taps in (kernel_width, 5, 4, 3, 2, 1) if taps <= 5 and kernel_width % taps == 0)


def bias_at(bias: Constant | None, offset: int) -> Name | Const:
    """A kernel's `bias` argument."""
    return NULL if bias is None else Const("bias", offset)
