"""Kernels that only move elements."""

from __future__ import annotations

import math

from mnc.backends.program import Call, In, Layout, Out, Step, Value
from mnc.backends.select.site import Site
from mnc.backends.select.values import same_elements
from mnc.ir.layers import Concatenate, Identity


def copy(site: Site[Identity]) -> Step:
    """The input once more, in other memory."""
    return site.whole((copy_into(site.inputs[0], site.output, 0),))


def copy_into(x: Value, y: Value, offset: int, read: int = 0) -> Call:
    """Copy an image to where element `offset` of another begins."""
    if same_elements(x, y):
        return _copy(read, offset, (1, 1, x.type.elements), Layout(0, 0, 1), Layout(0, 0, 1))
    return _copy(read, offset, x.image, x.layout, y.layout)


def concatenate(site: Site[Concatenate]) -> Step:
    """Each input copied to its place."""
    y = site.output
    rank, axis = y.type.rank, site.layer.axis % y.type.rank
    calls, first = [], 0
    for i, x in enumerate(site.inputs):
        size = x.type.shape[axis]
        if rank <= 3:
            stride = (y.layout.row, y.layout.pixel, y.layout.channel)[3 - rank + axis]
            calls.append(_copy(i, first * stride, x.image, x.layout, y.layout))
        else:  # row-major: the axes before the joined one are one, it and those behind another
            inner = math.prod(y.type.shape[axis + 1 :])
            image = (1, math.prod(y.type.shape[:axis]), size * inner)
            calls.append(
                _copy(i, first * inner, image, Layout(0, size * inner, 1), Layout(0, y.type.shape[axis] * inner, 1))
            )
        first += size
    return site.whole(tuple(calls))


def _copy(read: int, offset: int, image: tuple[int, int, int], source: Layout, target: Layout) -> Call:
    rows, pixels, channels = image
    return Call(
        "mnc_copy_f32",
        {
            "in": In(read),
            "out": Out(offset),
            "rows": rows,
            "pixels": pixels,
            "channels": channels,
            "in_row": source.row,
            "in_pixel": source.pixel,
            "in_channel": source.channel,
            "out_row": target.row,
            "out_pixel": target.pixel,
            "out_channel": target.channel,
        },
    )
