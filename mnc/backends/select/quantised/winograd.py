"""int8 convolutions that are three columns wide, by Winograd's F(4, 3) along a row, to the bit.

The transform of filters has denominators up to 24: 24 times it are integers of 16 bits, and at the end 24 times the
convolution is divided exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mnc.backends.select.blocks import overlapping
from mnc.backends.select.context import Context
from mnc.backends.select.conv import window
from mnc.backends.select.quantised.accumulators import LARGEST_INPUT, Accumulators, by_channel, largest_sums
from mnc.backends.select.quantised.paired import ON_STACK, Shape, by_order, is_fast, row_cost
from mnc.backends.select.quantised.requantise import quant
from mnc.backends.select.winograd import FILTERS, SCALE, TILE, Gain, is_narrow
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D
from mnc.ir.types import Array, Constant, DType
from mnc.program import ROW, Call, Const, Out, RowPointers, Scratch, Step, image_shape

TILES, CHANNELS = 2, 4
"""Of a block, whose sums a Cortex-M4 holds in registers."""

UNROLLED = 24
"""Pairs of a product's sum that are written out, without a loop."""


def gains(graph: Graph) -> Iterator[Gain]:
    """The gain of each layer of int8 that `mnc_conv2d_winograd_s8` can compute."""
    for node in graph.nodes:
        if not isinstance(node.layer, Conv2D) or graph.types[node.name].dtype is not DType.INT8:
            continue
        rows, width, _ = image_shape(graph.types[node.name].shape)
        if _fits(node.layer, width):
            layer = node.layer
            shape = Shape(layer.kernel, 1, layer.group_inputs, layer.filters, width)
            saved = rows * (row_cost(shape) - _row_cost(shape))
            if saved > 0:
                yield Gain(node.name, saved, 2 * _packed_elements(layer) - layer.weights.array.size)


def _fits(layer: Conv2D, width: int) -> bool:
    return is_narrow(layer) and layer.group_inputs % 4 == 0 and layer.filters >= CHANNELS and width >= TILE * TILES


def _packed_elements(layer: Conv2D) -> int:
    return len(FILTERS) * layer.kernel[0] * layer.group_inputs * -(-layer.filters // CHANNELS) * CHANNELS


def _row_cost(shape: Shape) -> float:
    """Instructions for a row on a Cortex-M4."""
    height = shape.kernel[0]
    pairs = height * shape.inputs // 2
    products = len(FILTERS) * (pairs * (TILES + CHANNELS + TILES * CHANNELS) + (16 if pairs <= UNROLLED else 50))
    finishing = TILES * CHANNELS * 60 + 60
    transform = height * (shape.inputs // 4 * 150 + 120)
    blocks = -(-shape.pixels // (TILE * TILES))
    return blocks * (transform + -(-shape.outputs // CHANNELS) * (products + finishing))


def winograd(context: Context[Conv2D], otherwise: Step) -> Step:
    """The layer by `mnc_conv2d_winograd_s8` where its larger constants are worth their flash, else as `otherwise`."""
    layer, (x,), y = context.layer, context.inputs, context.output
    if not context.larger or not is_fast(context) or not _fits(layer, y.image[1]) or x.type.dtype is not DType.INT8:
        return otherwise
    sums = Accumulators.of(context)
    products = largest_sums(by_channel(layer), np.zeros(1), LARGEST_INPUT[DType.INT8]).max()
    if sums.epilogue["general"] or SCALE * products >= 2**31:
        return otherwise
    order = overlapping(layer.filters, CHANNELS)
    call = Call(
        "mnc_conv2d_winograd_s8",
        {
            "rows": RowPointers(),
            "out": Out(),
            "window": Scratch(),
            "padding_row": Const(ROW),
            "weights": Const("weights"),
            "bias": Const("bias"),
            "scales": Const("scales"),
            "scale_step": 3 if sums.per_channel else 0,
            "in_channels": x.image[2],
            "out_channels": layer.filters,
            "kernel_height": layer.kernel[0],
            "padding": layer.padding[1][0],
            "in_width": x.image[1],
            "out_width": y.image[1],
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "out_channel": y.layout.channel,
            "block_tiles": TILES,
            "block_channels": CHANNELS,
            "unroll": _unroll(layer.kernel[0] * x.image[2] // 2),
            "low": sums.epilogue["low"],
            "high": sums.epilogue["high"],
        },
    )
    totals = by_channel(layer).reshape(-1, layer.filters).astype(np.int64).sum(axis=0)
    constants = {
        ROW: Constant(np.full(x.image[2], quant(context).zero_point, np.int8)),
        "weights": Constant(_packed(layer.weights.array, order)),
        "bias": Constant((sums.bias - 128 * totals).astype(np.int32)[order]),
        "scales": Constant(by_order(sums.ready(), order)),
    }
    scratch = 2 * len(FILTERS) * TILES * layer.kernel[0] * x.image[2]
    step = context.by_rows(window(layer), (call,), constants, scratch=scratch, scratch_dtype=DType.INT16)
    if scratch <= ON_STACK:
        return replace(step, fallback=replace(step, scratch_on_stack=True))
    reason = f"the window of {scratch:,} bytes of mnc_conv2d_winograd_s8 would enlarge the arena"
    return replace(step, fallback=replace(otherwise, reason=reason))


def _unroll(pairs: int) -> int:
    """How many pairs of a product's sum to write out: all of them, or those of a loop."""
    return pairs if pairs <= UNROLLED else next(count for count in (8, 6, 7, 5, 4, 3, 2, 1) if pairs % count == 0)


def _packed(filters: Array, order: list[int]) -> Array:
    """Filters (height, 3, inputs, outputs) as int16 [blocks of channels][6][height * inputs / 2][channels][2]."""
    height, _, inputs, _ = filters.shape
    fours = [k for first in range(0, inputs, 4) for k in (first, first + 2, first + 1, first + 3)]
    made = np.einsum("pj,hjio->phio", FILTERS, filters[:, :, fours].astype(np.int64))[..., order]
    blocks = made.reshape(len(FILTERS), height * inputs // 2, 2, len(order) // CHANNELS, CHANNELS)
    return np.asarray(blocks.transpose(3, 0, 1, 4, 2).astype(np.int16).ravel())
