"""int8 values in rows of channel planes, and the depthwise convolution of 3x3 that slides along them."""

from __future__ import annotations

import numpy as np

from mnc.backends.select.blocks import across, overlapping
from mnc.backends.select.context import Context
from mnc.backends.select.conv import window
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.paired import gains_by_records, is_fast
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.types import Array, Constant, DType
from mnc.program import NULL, ROW, Argument, Call, Const, Out, RowPointers, Step, image_shape

WORD = 4
"""Columns that a core with DSP instructions loads at once; a row has at least as many."""

MOST_PIXELS = 5
"""Of a block, whose sums and pairs of columns a Cortex-M4 holds in registers."""

WIDENING = {1: 3, 2: 5, 3: 6}
"""Instructions that take apart what two neighbouring pixels see of a row, by stride."""

FEW_CHANNELS = 7
"""Output channels up to which a convolution from one channel slides along it for each."""

TAPS = [0, 2, 1, 4, 3, 5, 6, 8, 7, 9]
"""The order in which kernels of 3x3 read a channel's taps, two a word; the tenth is 0."""


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
    if not (small and gains_by_records(context) and layer.kernel == (3, 3) and layer.dilation == (1, 1)):
        return None
    sums = Accumulators.of(context)
    if sums.epilogue["general"] or x.image[1] < WORD:
        return None
    if layer.padding[1] == (0, 0) and y.image[1] > 1:
        return _single(context, sums)
    if not is_fast(context) or not _block(layer, x.image[1], y.image[1]):
        return None
    return _sliding(context, sums, 0)


def _single(context: Context[Conv2D], sums: Accumulators) -> Step:
    """Two pixels at once of a few channels, which share what the pixels see."""
    layer, y = context.layer, context.output
    (border, constants), (scales, records) = _padding_row(context), _records(layer, sums)
    channels = across(layer.filters, most=3)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "padding_row": border,
        "records": Const("records"),
        "channels": layer.filters,
        "stride": layer.stride[1],
        "out_width": y.image[1],
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_channels": channels,
        **scales,
        "shifts": _own_shifts(sums) if channels == layer.filters and scales["shift"] == 0 else 0,
    }
    constants["records"] = Constant(records[overlapping(layer.filters, channels)].ravel())
    return context.by_rows(window(layer), (Call("mnc_conv2d_single_s8", arguments),), constants)


def _own_shifts(sums: Accumulators) -> int:
    """The shifts to the right of up to three channels, five bits each."""
    shifts = np.broadcast_to(-sums.shift.astype(np.int64), sums.bias.shape)
    return int(sum(int(shift) << 5 * channel for channel, shift in enumerate(shifts)))


def _records(layer: Conv2D | DepthwiseConv2D, sums: Accumulators) -> tuple[dict[str, Argument], Array]:
    """A kernel's arguments about scales, and (channels, words) int32: taps, bias and scales of each channel."""
    enlarged = sums.enlarged()
    taps = by_channel(layer)[:, 0].T.astype(np.int64) * enlarged.factor[:, np.newaxis]
    taps = np.pad(taps, ((0, 0), (0, 1)))[:, TAPS]
    words = (taps[:, ::2] & 0xFFFF) + (taps[:, 1::2] << 16)
    bias = (sums.bias * enlarged.factor)[:, np.newaxis]
    arguments: dict[str, Argument] = {
        "shift": enlarged.shift,
        "positive": int(sums.positive),
        "low": sums.epilogue["low"],
        "high": sums.epilogue["high"],
    }
    return arguments, np.concatenate([words[:, :1], bias, words[:, 1:], enlarged.scales], axis=1).astype(np.int32)


def _padding_row(context: Context[Conv2D] | Context[DepthwiseConv2D]) -> tuple[Argument, dict[str, Constant]]:
    """The argument that stands for a row outside the image, and its constant, where there is such a row."""
    (x,), rows = context.inputs, window(context.layer)
    if all(len(rows.rows(row, x.image[0])) == rows.size for row in range(context.output.image[0])):
        return NULL, {}
    zeros = np.full(x.image[1], quant(context).zero_point, x.type.dtype.numpy)
    return Const(ROW), {ROW: Constant(zeros)}


def _sliding(context: Context[Conv2D] | Context[DepthwiseConv2D], sums: Accumulators, in_channel: int) -> Step:
    layer, (x,), y = context.layer, context.inputs, context.output
    in_width, out_width = x.image[1], y.image[1]
    (border, constants), (scales, records) = _padding_row(context), _records(layer, sums)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "padding_row": border,
        "records": Const("records"),
        "channels": layer.filters,
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": in_width,
        "out_width": out_width,
        "in_channel": in_channel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_pixels": _block(layer, in_width, out_width),
        "in_zero": quant(context).zero_point,
        **scales,
    }
    constants["records"] = Constant(records.ravel())
    return context.by_rows(window(layer), (Call("mnc_depthwise3x3_planes_s8", arguments),), constants)


def _fits(layer: DepthwiseConv2D, in_width: int, out_width: int) -> bool:
    plain = layer.kernel == (3, 3) and layer.dilation == (1, 1) and layer.depth_multiplier == 1
    return plain and in_width >= WORD and layer.stride[1] <= 2 and _block(layer, in_width, out_width) > 0


def _block(layer: Conv2D | DepthwiseConv2D, in_width: int, out_width: int) -> int:
    """How many pixels of a row go at once, for the fewest instructions; 0 where no number does.

    A block between the first and the last reads whole words, and may not leave the row.
    """
    stride, padding = layer.stride[1], layer.padding[1][0]

    def inside(pixels: int) -> bool:
        firsts = [p * stride - padding for p in range(pixels, out_width - pixels, pixels)]
        columns = max((pixels - 1) * stride + 3, WORD)
        return not firsts or (firsts[0] >= 0 and firsts[-1] + columns <= in_width)

    def cost(pixels: int) -> int:
        return -(-out_width // pixels) * (3 * ((pixels + 1) // 2 * WIDENING[stride]) + 9 * pixels + 12)

    return min((p for p in range(1, min(out_width, MOST_PIXELS) + 1) if inside(p)), key=cost, default=0)
