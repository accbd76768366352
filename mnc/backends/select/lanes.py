"""float32 kernels of a PC's core, which multiplies vectors: lanes along channels, which lie interleaved.

A block's sums stay in registers, sixteen at least: twelve vectors of them, of two vectors of channels for each pixel,
or of more where a row has few pixels.  Where these kernels do not apply, those of any core do.
"""

from __future__ import annotations

import numpy as np

from mnc.backends.select import conv
from mnc.backends.select.activation import epilogue
from mnc.backends.select.blocks import inner_blocks
from mnc.backends.select.context import Context
from mnc.backends.select.conv import as_pointwise, interior, placement, window
from mnc.backends.select.winograd import winograd
from mnc.ir.graph import Node
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.program import Argument, Call, Const, Out, RowPointers, Step, Value

LANES = 8
"""Of the widest vectors; channels are packed by as many."""

SUMS = 12
"""Vectors of sums in registers."""

IN_FLIGHT = 8
"""Multiply-adds that a core has under way at once, and so sums that keep it busy."""

MOST_PIXELS = 6
"""Of a block; one with more has fewer channels to share an input among."""

MOST_ROWS = 16
"""Of a kernel, as many as the kernels here have pointers for."""

MOST_TAPS = 25
"""Of a depthwise kernel, whose taps are written out."""


def takes(node: Node) -> bool:
    """Whether a layer is a depthwise convolution for `mnc_depthwise2d_lanes_f32`, if its operands are interleaved."""
    layer = node.layer
    if not isinstance(layer, DepthwiseConv2D):
        return False
    height, width = layer.kernel
    return layer.depth_multiplier == 1 and layer.filters >= LANES and height * width <= MOST_TAPS


def conv2d(context: Context[Conv2D]) -> Step:
    """A convolution: `mnc_conv2d_lanes_f32` where the core has vectors."""
    return _conv2d(context, context.layer) or winograd(context)


def dense(context: Context[Dense]) -> Step:
    """A dense layer on each pixel of its input: `mnc_conv2d_lanes_f32` where the core has vectors."""
    return _conv2d(context, as_pointwise(context.layer)) or conv.dense(context)


def _conv2d(context: Context[Conv2D] | Context[Dense], layer: Conv2D) -> Step | None:
    (x,), y = context.inputs, context.output
    if not _has_vectors(context) or layer.groups > 1 or layer.kernel[0] > MOST_ROWS or not _is_interleaved(x):
        return None
    blocks = _blocks(layer, x.image[1], y.image[1])
    pixels = blocks["block_pixels"]
    assert isinstance(pixels, int)
    fused, after = epilogue(layer.activation, y.layout.row)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        "bias": Const("bias"),
        "in_channels": x.image[2],
        "out_channels": layer.filters,
        **placement(layer, x, y),
        **blocks,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_vectors": 1 << (min(SUMS // pixels, IN_FLIGHT).bit_length() - 1),
        **fused,
    }
    constants = {"weights": Constant(_eights(layer.weights.array)), "bias": Constant(_bias(layer))}
    return context.by_rows(window(layer), (Call("mnc_conv2d_lanes_f32", arguments), *after), constants)


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution of eight channels or more: `mnc_depthwise2d_lanes_f32` where the core has vectors."""
    layer, (x,), y = context.layer, context.inputs, context.output
    if not (_has_vectors(context) and takes(context.node) and _is_interleaved(x) and y.layout.channel == 1):
        return conv.depthwise_conv2d(context)
    fused, after = epilogue(layer.activation, y.layout.row)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        "bias": Const("bias"),
        "channels": x.image[2],
        **placement(layer, x, y),
        **_blocks(layer, x.image[1], y.image[1]),
        "out_pixel": y.layout.pixel,
        **fused,
    }
    constants = {"weights": Constant(layer.weights.array.ravel()), "bias": Constant(_bias(layer))}
    return context.by_rows(window(layer), (Call("mnc_depthwise2d_lanes_f32", arguments), *after), constants)


def _has_vectors(context: Context[Conv2D] | Context[Dense] | Context[DepthwiseConv2D]) -> bool:
    return not context.compact and "vectors" in (context.core or ())


def _is_interleaved(x: Value) -> bool:
    return x.layout.channel == 1 and x.layout.pixel == x.image[2]


def _blocks(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int) -> dict[str, Argument]:
    """How a kernel takes a row: `conv.row_blocks` of the pixels that keep the core busy, and reach over few twice."""

    def cost(pixels: int) -> int:
        return -(-out_width // pixels) * (max(2 * pixels, IN_FLIGHT) + 1)

    sizes = inner_blocks(out_width, interior(layer, in_width, out_width), MOST_PIXELS)
    pixels = min(sizes or [min(out_width, MOST_PIXELS)], key=lambda p: (cost(p), -p))
    return {
        "inner": int(bool(sizes)),
        "whole_row": int(pixels == out_width),
        "blocks": max(-(-(out_width - 2 * pixels) // pixels), 0),
        "block_pixels": pixels,
    }


def _bias(layer: Conv2D | DepthwiseConv2D) -> Array:
    """The bias of each channel, 0 where there is none, filled up to a multiple of eight."""
    bias = np.zeros(layer.filters, np.float32) if layer.bias is None else layer.bias.array
    return np.pad(bias, (0, -layer.filters % LANES))


def _eights(filters: Array) -> Array:
    """Filters (height, width, inputs, outputs) as [eights of outputs][height][width][inputs][8], the last filled up."""
    height, width, inputs, outputs = filters.shape
    padded = np.pad(filters, ((0, 0), (0, 0), (0, 0), (0, -outputs % LANES)))
    eights = padded.reshape(height, width, inputs, -1, LANES)
    return np.asarray(eights.transpose(3, 0, 1, 2, 4).ravel())
