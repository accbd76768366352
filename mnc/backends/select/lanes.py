"""float32 kernels of a core that multiplies vectors: lanes along channels, which lie interleaved.

A block's sums stay in registers.  A PC has sixteen at least: twelve sums, of two vectors of channels for each pixel, or
of more where a row has few pixels.  A core with Helium has eight, and multiplies a vector by a word: there sums and one
vector of weights for each of a pixel's sums fill them.  Where these kernels do not apply, those of any core do.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

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
"""Of a PC's widest vectors; channels are packed by as many."""

SUMS = 12
"""Vectors of sums in a PC's registers."""

IN_FLIGHT = 8
"""Multiply-adds that a PC's core has under way at once, and so sums that keep it busy."""

MOST_PIXELS = 6
"""Of a block; one with more has fewer channels to share an input among."""

HELIUM_LANES = 4
"""Of Helium's vectors; channels are packed by the vectors of a block."""

HELIUM_REGISTERS = 8
"""Vectors that Helium's registers hold: a block's sums, and the weights of one input."""

PLAIN_MAC, PLAIN_OUTPUT = 1.4, 4
"""Instructions of the kernels for any core; where Helium takes more, channels fill too little of a vector."""

MOST_ROWS = 16
"""Of a kernel, as many as the kernels here have pointers for."""

MOST_TAPS = 25
"""Of a depthwise kernel, whose taps are written out."""


def takes(node: Node, core: Set[str]) -> bool:
    """Whether a core has `mnc_depthwise2d_lanes_f32` for a layer, if its operands are interleaved."""
    layer = node.layer
    if "vectors" not in core or not isinstance(layer, DepthwiseConv2D):
        return False
    height, width = layer.kernel
    lanes = HELIUM_LANES if "mve" in core else LANES
    fits = height <= MOST_ROWS and height * width <= MOST_TAPS
    return layer.depth_multiplier == 1 and layer.filters >= lanes and fits


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
    block = _block(layer, x.image[1], y.image[1], context.core or frozenset())
    if block is None:
        return None
    fused, after = epilogue(layer.activation, y.layout.row)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        "bias": Const("bias"),
        "packed": block.packed,
        "in_channels": x.image[2],
        "out_channels": layer.filters,
        **placement(layer, x, y),
        **block.along(y.image[1]),
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_vectors": block.vectors,
        **fused,
    }
    constants = {
        "weights": Constant(_packed(layer.weights.array, block.packed)),
        "bias": Constant(_bias(layer, block.packed)),
    }
    return context.by_rows(window(layer), (Call("mnc_conv2d_lanes_f32", arguments), *after), constants)


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution whose channels fill a vector: `mnc_depthwise2d_lanes_f32` where the core has vectors."""
    layer, (x,), y = context.layer, context.inputs, context.output
    core = context.core or frozenset()
    if context.compact or not takes(context.node, core) or not _is_interleaved(x) or y.layout.channel != 1:
        return conv.depthwise_conv2d(context)
    fused, after = epilogue(layer.activation, y.layout.row)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        "bias": Const("bias"),
        "channels": x.image[2],
        **placement(layer, x, y),
        **_depthwise_block(layer, x.image[1], y.image[1], core).along(y.image[1]),
        "out_pixel": y.layout.pixel,
        **fused,
    }
    constants = {"weights": Constant(layer.weights.array.ravel()), "bias": Constant(_bias(layer, 1))}
    return context.by_rows(window(layer), (Call("mnc_depthwise2d_lanes_f32", arguments), *after), constants)


def _has_vectors(context: Context[Conv2D] | Context[Dense]) -> bool:
    return not context.compact and "vectors" in (context.core or ())


def _is_interleaved(x: Value) -> bool:
    return x.layout.channel == 1 and x.layout.pixel == x.image[2]


@dataclass(frozen=True)
class _Block:
    """How a kernel takes a row: `pixels` x `vectors` sums at once, of channels whose weights are packed so."""

    pixels: int
    vectors: int
    packed: int
    inner: bool
    """Whether only the first and the last block of a row may see padding."""

    def along(self, out_width: int) -> dict[str, Argument]:
        """A kernel's arguments for a row of so many output pixels."""
        return {
            "inner": int(self.inner),
            "whole_row": int(self.pixels == out_width),
            "blocks": max(-(-(out_width - 2 * self.pixels) // self.pixels), 0),
            "block_pixels": self.pixels,
        }


def _block(layer: Conv2D, in_width: int, out_width: int, core: Set[str]) -> _Block | None:
    """The block of a convolution that takes the fewest instructions; None: the kernels of any core take fewer."""
    if "mve" not in core:
        block = _pc_block(layer, in_width, out_width)
        beside = 1 << (min(SUMS // block.pixels, IN_FLIGHT).bit_length() - 1)
        return replace(block, vectors=beside, packed=LANES)
    fours = -(-layer.filters // HELIUM_LANES)
    taps = layer.kernel[0] * layer.kernel[1] * layer.weights.shape[2]

    def cost(size: tuple[int, int]) -> float:
        p, v = size
        block = taps * (v + p + p * v + 0.75) + 5 * p * v + 8 * layer.kernel[0] + 10
        return -(-out_width // p) * (fours // v) * block

    sizes, inner = _pixels(layer, in_width, out_width, HELIUM_REGISTERS - 1)
    divisors = [v for v in range(1, HELIUM_REGISTERS // 2 + 1) if fours % v == 0]
    size = min(((p, v) for p in sizes for v in divisors if (p + 1) * v <= HELIUM_REGISTERS), key=cost)
    if cost(size) > (PLAIN_MAC * taps + PLAIN_OUTPUT) * out_width * layer.filters:
        return None
    pixels, vectors = size
    return _Block(pixels, vectors, vectors * HELIUM_LANES, inner)


def _depthwise_block(layer: DepthwiseConv2D, in_width: int, out_width: int, core: Set[str]) -> _Block:
    """The block of a depthwise convolution: one vector of each pixel.

    With Helium the sums, one vector of weights and one of inputs are in registers.
    """
    if "mve" not in core:
        return _pc_block(layer, in_width, out_width)
    sizes, inner = _pixels(layer, in_width, out_width, HELIUM_REGISTERS - 2)
    taps = layer.kernel[0] * layer.kernel[1]
    pixels = min(sizes, key=lambda p: -(-out_width // p) * (taps * (2 * p + 1) + 5 * p + 10))
    return _Block(pixels, 1, 1, inner)


def _pc_block(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int) -> _Block:
    """Pixels that keep a PC's core busy, and reach over few twice."""

    def cost(pixels: int) -> int:
        return -(-out_width // pixels) * (max(2 * pixels, IN_FLIGHT) + 1)

    sizes, inner = _pixels(layer, in_width, out_width, MOST_PIXELS)
    return _Block(min(sizes, key=lambda p: (cost(p), -p)), 1, 1, inner)


def _pixels(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int, most: int) -> tuple[list[int], bool]:
    """The numbers of pixels that a block may have, and whether then only the first and the last see padding."""
    sizes = inner_blocks(out_width, interior(layer, in_width, out_width), most)
    return sizes or [min(out_width, most)], bool(sizes)


def _bias(layer: Conv2D | DepthwiseConv2D, packed: int) -> Array:
    """The bias of each channel, 0 where there is none, filled up to a multiple of `packed`."""
    bias = np.zeros(layer.filters, np.float32) if layer.bias is None else layer.bias.array
    return np.pad(bias, (0, -layer.filters % packed))


def _packed(filters: Array, packed: int) -> Array:
    """Filters (height, width, inputs, outputs) as [outputs / packed][height][width][inputs][packed], filled up."""
    height, width, inputs, outputs = filters.shape
    padded = np.pad(filters, ((0, 0), (0, 0), (0, 0), (0, -outputs % packed)))
    blocks = padded.reshape(height, width, inputs, -1, packed)
    return np.asarray(blocks.transpose(3, 0, 1, 2, 4).ravel())
