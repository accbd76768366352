"""int8 convolutions for a core that multiplies 32 bits but has no DSP instructions: two products by one multiplication.

The inputs of two pixels, counted from -128, lie in the halves of a word.  Times a weight that counts from -128 too,
each half's product is exact within 16 bits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.backends.select.blocks import overlapping
from mnc.backends.select.context import Context
from mnc.backends.select.conv import as_pointwise, window
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layers import Conv2D, Dense
from mnc.ir.types import Array, Constant, DType
from mnc.program import Argument, Call, Const, Out, RowPointers, Scratch, Step

BLOCK = 4
"""Output channels whose sums go at once."""

ROUND = 4
"""Words that the loop takes in a round."""

ON_STACK = 1536
"""Bytes of a window and sums, which lie on the stack."""


def two_products(context: Context[Conv2D] | Context[Dense], otherwise: Step) -> Step:
    """The layer by `mnc_conv2d_two_s8` on a core that gains by it, else as it is `otherwise`."""
    layer = as_pointwise(context.layer)
    (x,), y = context.inputs, context.output
    plain = layer.groups == layer.dilation[1] == 1 and layer.filters >= BLOCK and y.image[1] >= 2
    if context.compact or "thumb1" not in (context.core or ()) or not plain or x.type.dtype is not DType.INT8:
        return otherwise
    sums = Accumulators.of(context)
    height, width = layer.kernel
    order = overlapping(layer.filters, BLOCK)

    def words(rows: int) -> int:
        return -(-rows * width * x.image[2] // ROUND) * ROUND

    at_once = next((rows for rows in (height, 1) if 4 * words(rows) + 8 * len(order) <= ON_STACK), 0)
    if sums.epilogue["general"] or at_once == 0:
        return otherwise
    count = words(at_once)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "window": Scratch(),
        "weights": Const("weights"),
        **sums.arguments(),
        "in_channels": x.image[2],
        "out_channels": layer.filters,
        "kernel_height": height,
        "kernel_width": width,
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "rows_at_once": at_once,
        "in_zero": quant(context).zero_point,
    }
    del arguments["general"]
    totals = by_channel(layer).reshape(-1, layer.filters).astype(np.int64).sum(axis=0)
    made = sums.constants(_packed(layer.weights.array, order, at_once, count), order)
    constants = {**made, "bias": Constant((sums.bias - 128 * totals).astype(np.int32)[order])}
    step = context.by_rows(
        window(layer),
        (Call("mnc_conv2d_two_s8", arguments),),
        constants,
        scratch=4 * count + 8 * len(order),
        scratch_dtype=DType.INT32,
    )
    return replace(step, scratch_on_stack=True)


def _packed(filters: Array, order: list[int], at_once: int, count: int) -> Array:
    """Filters (height, width, inputs, outputs) as int8 bit patterns of 0 to 255, [parts of rows][blocks][count][4]."""
    runs = filters.astype(np.int64).reshape(filters.shape[0] // at_once, -1, filters.shape[3])[..., order] + 128
    runs = np.pad(runs, ((0, 0), (0, count - runs.shape[1]), (0, 0)))
    blocks = runs.reshape(len(runs), count, len(order) // BLOCK, BLOCK)
    return np.asarray(blocks.transpose(0, 2, 1, 3).astype(np.uint8).view(np.int8).ravel())
