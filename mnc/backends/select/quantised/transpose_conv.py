"""The kernel for transposed convolutions in integers."""

from __future__ import annotations

from mnc.backends.select.blocks import block, pack, split
from mnc.backends.select.quantised.requantise import REGISTERS, call, quant
from mnc.backends.select.quantised.sums import Sums, by_channel
from mnc.backends.select.site import Site
from mnc.backends.select.transpose_conv import Gathering
from mnc.ir.layers import Conv2DTranspose
from mnc.program import Const, Out, RowNumber, RowPointers, Step


def conv2d_transpose(site: Site[Conv2DTranspose]) -> Step:
    """Each output row gathered from the input rows that reach it."""
    layer, (x,), y = site.layer, site.inputs, site.output
    gathering = Gathering.of(site)
    pixels, channels = block(gathering.inner_pixels, layer.filters, registers=REGISTERS)
    weights, sums = by_channel(layer), Sums.of(site)
    calls = tuple(
        call(
            site,
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
                "in_zero": quant(site).zero_point,
            },
        )
        for first, count, part in split(layer.filters, channels)
    )
    return site.by_rows(gathering.window, calls, sums.constants(pack(weights, channels), range(layer.filters)))
