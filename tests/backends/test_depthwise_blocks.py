"""Blocks of the float depthwise kernel: each reads the columns that its window covers, and none beside the row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from mnc.backends.select.conv import depthwise_blocks
from mnc.ir.layers import DepthwiseConv2D
from mnc.ir.types import Constant


def columns_read(layer: DepthwiseConv2D, in_width: int, out_width: int) -> Iterator[tuple[int, int, int]]:
    """The pixel, tap and column of every product that `mnc_depthwise2d_f32` adds, in the order of its blocks."""
    blocks = {name: int(str(value)) for name, value in depthwise_blocks(layer, in_width, out_width).items()}
    (_, taps), stride, dilation, padding = layer.kernel, layer.stride[1], layer.dilation[1], layer.padding[1][0]
    pixels, beyond, last = blocks["block_pixels"], blocks["beyond"], out_width - blocks["block_pixels"]
    columns = (pixels - 1) * stride + (taps - 1) * dilation + 1

    def block(p: int, base: int, first: int, width: int) -> Iterator[tuple[int, int, int]]:
        for i in range(pixels):
            for tap in range(taps):
                if 0 <= (at := first + i * stride + tap * dilation) < width:
                    yield p + i, tap, base + at

    if not blocks["inner"]:
        for p in range(0, out_width, pixels):
            start = min(p, last)
            yield from block(start, 0, start * stride - padding, in_width)
    elif blocks["whole_row"]:
        yield from block(0, 0, -padding, columns - padding - beyond)
    else:
        yield from block(0, 0, -padding, columns)
        for p in range(1, blocks["blocks"] + 1):
            yield from block(p * pixels, p * pixels * stride - padding, 0, columns)
        yield from block(last, last * stride - padding, 0, columns - beyond)


@given(
    in_width=st.integers(1, 20),
    taps=st.integers(1, 8),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    padding=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_every_block_stays_within_the_row(
    in_width: int, taps: int, stride: int, dilation: int, padding: tuple[int, int]
) -> None:
    room = in_width + sum(padding) - (taps - 1) * dilation - 1
    assume(room >= 0)
    out_width = room // stride + 1
    layer = DepthwiseConv2D(
        Constant(np.ones((1, taps, 1, 1), np.float32)),
        stride=(1, stride),
        dilation=(1, dilation),
        padding=((0, 0), padding),
    )
    wanted = {
        (p, tap, column)
        for p in range(out_width)
        for tap in range(taps)
        if 0 <= (column := p * stride - padding[0] + tap * dilation) < in_width
    }
    assert set(columns_read(layer, in_width, out_width)) == wanted
