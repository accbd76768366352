"""int8 values in rows of channel planes, and the depthwise convolution of 3x3 that slides along them."""

from __future__ import annotations

import numpy as np

from mnc.backends.select.context import Context
from mnc.backends.select.conv import window
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.paired import is_fast
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.types import Constant, DType
from mnc.program import NULL, ROW, Argument, Call, Const, Out, RowPointers, Step, image_shape

WORD = 4
"""Columns that a core with DSP instructions loads at once; a row has at least as many."""

FEW_CHANNELS = 7
"""Output channels up to which a convolution from one channel slides along it for each."""

TAPS = [0, 2, 3, 5, 6, 8, 1, 4, 7]
"""The order in which mnc_depthwise3x3_planes_s8 reads a channel's taps: the outer columns, then the middle one."""


def planar_values(graph: Graph, narrow: int = 0) -> frozenset[str]:
    """The int8 values that convolutions write and only depthwise convolutions by planes read.

    Rows of up to `narrow` outputs are left out: a kernel for interleaved channels is the faster one.
    """
    readers: dict[str, list[Node]] = {name: [] for name in graph.types}
    for node in graph.nodes:
        for name in node.inputs:
            readers[name].append(node)

    def slid(node: Node) -> bool:
        layer = node.layer
        before, behind = (image_shape(graph.types[name].shape)[1] for name in (node.inputs[0], node.name))
        return isinstance(layer, DepthwiseConv2D) and behind > narrow and _fits(layer, before, behind)

    return frozenset(
        node.name
        for node in graph.nodes
        if isinstance(node.layer, (Conv2D, DepthwiseConv2D))
        and graph.types[node.name].dtype is DType.INT8
        and node.name not in graph.outputs
        and readers[node.name]
        and all(map(slid, readers[node.name]))
    )


def planar(context: Context[DepthwiseConv2D], otherwise: Step) -> Step:
    """The layer by `mnc_depthwise3x3_planes_s8` where its input lies in planes, else as it is `otherwise`."""
    x = context.inputs[0]
    sums = Accumulators.of(context)
    # One channel of one column lies alike in planes and out of them, whatever slides along it.
    fits = _fits(context.layer, x.image[1], context.output.image[1])
    in_planes = fits and x.layout.pixel == 1 and x.layout.channel >= x.image[1]
    if not in_planes or sums.epilogue["general"]:
        return otherwise
    return _sliding(context, sums, x.layout.channel)


def from_one_channel(context: Context[Conv2D]) -> Step | None:
    """A convolution of 3x3 from one channel to a few: each output channel slides along the row on its own."""
    layer, (x,), y = context.layer, context.inputs, context.output
    small = x.image[2] == layer.groups == 1 and layer.filters <= FEW_CHANNELS and layer.stride[1] <= 3
    if not (small and is_fast(context) and layer.kernel == (3, 3) and layer.dilation == (1, 1)):
        return None
    sums = Accumulators.of(context)
    if sums.epilogue["general"] or x.image[1] < WORD or not _block(layer, x.image[1], y.image[1]):
        return None
    return _sliding(context, sums, 0)


def _sliding(context: Context[Conv2D] | Context[DepthwiseConv2D], sums: Accumulators, in_channel: int) -> Step:
    layer, (x,), y = context.layer, context.inputs, context.output
    (in_height, in_width, _), out_width = x.image, y.image[1]
    zero, low, in_zero = sums.epilogue["zero"], sums.epilogue["low"], quant(context).zero_point
    assert isinstance(zero, int) and isinstance(low, int)
    rows = window(layer)
    borders = any(len(rows.rows(row, in_height)) < rows.size for row in range(y.image[0]))
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "padding_row": Const(ROW) if borders else NULL,
        "weights": Const("weights"),
        "bias": Const("bias"),
        "scales": Const("scales"),
        "positive": int(low >= zero),
        "channels": layer.filters,
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": in_width,
        "out_width": out_width,
        "in_channel": in_channel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_pixels": _block(layer, in_width, out_width),
        "in_zero": in_zero,
        "low": low,
        "high": sums.epilogue["high"],
    }
    taps = 2 * by_channel(layer)[TAPS, 0].T.astype(np.int16)
    constants = {
        "weights": Constant(np.pad(taps, ((0, 0), (0, 1))).ravel()),
        "bias": Constant(2 * sums.bias),
        "scales": Constant(np.broadcast_to(sums.ready(doubled=False), (layer.filters, 3)).ravel()),
    }
    if borders:
        constants[ROW] = Constant(np.full(in_width, in_zero, x.type.dtype.numpy))
    return context.by_rows(rows, (Call("mnc_depthwise3x3_planes_s8", arguments),), constants)


def _fits(layer: DepthwiseConv2D, in_width: int, out_width: int) -> bool:
    plain = layer.kernel == (3, 3) and layer.dilation == (1, 1) and layer.depth_multiplier == 1
    return plain and in_width >= WORD and layer.stride[1] <= 2 and _block(layer, in_width, out_width) > 0


def _block(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int) -> int:
    """How many pixels of a row go at once, for the fewest instructions; 0 where no number does.

    A block between the first and the last reads whole words, and may not leave the row.
    """
    stride, padding = layer.stride[1], layer.padding[1][0]

    def columns(pixels: int) -> int:
        return (pixels - 1) * stride + 3

    def inside(pixels: int) -> bool:
        needed = columns(pixels)
        if needed >= 5 * WORD - 2:
            return False
        read = needed if needed % WORD == 1 else -(-needed // WORD) * WORD
        firsts = [p * stride - padding for p in range(pixels, out_width - pixels, pixels)]
        return not firsts or (firsts[0] >= 0 and firsts[-1] + read <= in_width)

    def cost(pixels: int) -> int:
        crossing = sum(i * stride % WORD >= 2 for i in range(pixels))
        row = 2 + 3 * ((columns(pixels) + 2) // WORD) + 2 * pixels + crossing
        return -(-out_width // pixels) * (3 * row + 6 * pixels + 8)

    return min((p for p in range(1, min(out_width, 6) + 1) if inside(p)), key=cost, default=0)
