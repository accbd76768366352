"""The kernel for transposed convolutions in integers."""

from __future__ import annotations

from mnc.backends.select.blocks import FEW, block, pack, split
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.requantise import REGISTERS, call, quant
from mnc.backends.select.transpose_conv import Gathering
from mnc.ir.layers import Conv2DTranspose
from mnc.program import Const, Out, RowNumber, RowPointers, Step


def conv2d_transpose(context: Context[Conv2DTranspose]) -> Step:
    """Each output row gathered from the input rows that reach it."""
    layer, (x,), y = context.layer, context.inputs, context.output
    gathering = Gathering.of(context)
    pixels, channels = block(
        gathering.inner_pixels, layer.filters, registers=FEW if context.few_registers else REGISTERS
    )
    weights, sums = by_channel(layer), Accumulators.of(context)
    calls = tuple(
        call(
            context,
            "conv2d_transpose",
            {
                "rows": RowPointers(),
                "out": Out(first),
                "weights": Const("weights", first * weights[..., 0].size),
                **sums.arguments(first),
                "row": RowNumber(),
                "in_channels": x.image[2],
                "out_channels": count,
                **gathering.arguments,
                "in_pixel": x.layout.pixel,
                "out_pixel": y.layout.pixel,
                "block_pixels": pixels,
                "block_channels": part,
                "in_zero": quant(context).zero_point,
            },
        )
        for first, count, part in split(layer.filters, channels)
    )
    return context.by_rows(gathering.window, calls, sums.constants(pack(weights, channels), range(layer.filters)))
