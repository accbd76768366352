"""The kernel for transposed convolutions in int8."""

from __future__ import annotations

from mnc.backends.program import Call, Const, Out, RowNumber, Rows, Step
from mnc.backends.select.blocks import block, pack, split
from mnc.backends.select.quantised.requantise import REGISTERS, Weights, limits, quant
from mnc.backends.select.site import Site
from mnc.backends.select.transpose_conv import Gathering
from mnc.ir.layers import Conv2DTranspose


def conv2d_transpose(site: Site[Conv2DTranspose]) -> Step:
    """Each output row gathered from the input rows that reach it."""
    layer, (x,), y = site.layer, site.inputs, site.output
    gathering = Gathering.of(site)
    block_pixels, block_channels = block(gathering.inner_pixels, layer.filters, registers=REGISTERS)
    matrix = layer.weights.array.transpose(0, 1, 3, 2)
    weights = Weights.of(site, matrix)
    calls = tuple(
        Call(
            "mnc_conv2d_transpose_s8",
            {
                "rows": Rows(),
                "out": Out(first),
                "weights": Const("weights", first * matrix[..., 0].size),
                **weights.at(first),
                **weights.arguments(matrix),
                "row": RowNumber(),
                "in_channels": x.image[2],
                "out_channels": count,
                **gathering.arguments,
                "in_pixel": x.layout.pixel,
                "out_pixel": y.layout.pixel,
                "block_pixels": block_pixels,
                "block_channels": part,
                "in_zero": quant(site).zero_point,
                **limits(site, layer.activation),
            },
        )
        for first, count, part in split(layer.filters, block_channels)
    )
    return site.by_rows(gathering.window, calls, weights.constants(pack(matrix, block_channels), range(layer.filters)))
