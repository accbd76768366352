"""Kernels for images sampled anew."""

from __future__ import annotations

import math

from mnc.backends.select.context import Context
from mnc.backends.select.conv import strides
from mnc.backends.select.quantised.requantise import rescaled
from mnc.ir.layers import ResizeBilinear, ResizeNearest
from mnc.program import Call, Out, RowNumber, RowPointers, Step, Window


def resize_nearest(context: Context[ResizeNearest]) -> Step:
    """Each output row copied from one input row."""
    (x,), y = context.inputs, context.output
    down, across = (_ratio(2 * x.image[i], x.image[i], 2 * y.image[i]) for i in (0, 1))
    call = Call(
        context.kernel("resize_nearest"),
        {
            "rows": RowPointers(),
            "out": Out(),
            "channels": x.image[2],
            "out_width": y.image[1],
            "step": across[0],
            "start": across[1],
            "divisor": across[2],
            **strides(x, y),
        },
    )
    return context.by_rows(Window(1, down[0], -down[1], divisor=down[2]), (call,), after=rescaled(context))


def resize_bilinear(context: Context[ResizeBilinear]) -> Step:
    """Each output row from the two input rows round it; places count from one pixel before the input."""
    (x,), y = context.inputs, context.output
    places = (context.layer.places(y.image[i], x.image[i]) for i in (0, 1))
    down, across = (_ratio(step, start + divisor, divisor) for step, start, divisor in places)
    call = Call(
        "mnc_resize_bilinear_f32",
        {
            "rows": RowPointers(),
            "out": Out(),
            "channels": x.image[2],
            "in_width": x.image[1],
            "out_width": y.image[1],
            "row": RowNumber(),
            "row_step": down[0],
            "row_start": down[1],
            "row_divisor": down[2],
            "step": across[0],
            "start": across[1],
            "divisor": across[2],
            **strides(x, y),
        },
    )
    return context.by_rows(Window(2, down[0], down[2] - down[1], divisor=down[2]), (call,), {})


def _ratio(step: int, start: int, divisor: int) -> tuple[int, int, int]:
    """(i * step + start) / divisor in lowest terms."""
    common = math.gcd(step, start, divisor)
    return step // common, start // common, divisor // common
