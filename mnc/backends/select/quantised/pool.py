"""Kernels for pooling in integers."""

from __future__ import annotations

from mnc.backends.select import pool
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.ir.layers import GlobalAveragePooling, Pooling2D
from mnc.program import Step
from mnc.reference.quantised.layers import mean_multiplier


def pooling2d(context: Context[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    (x,), y = context.inputs, context.output
    return pool.over_windows(context, {"in_pixel": x.layout.pixel, "out_pixel": y.layout.pixel})


def global_average(context: Context[GlobalAveragePooling]) -> Step:
    """The mean of each channel, on any scale."""
    height, width, _ = context.inputs[0].image
    arguments = {
        **pool.over_image(context),
        "in_zero": quant(context).zero_point,
        **pair("", mean_multiplier(quant(context).scale[0], operands(context).scale, height * width)),
        **limits(context),
    }
    return context.whole((call(context, "global_average", arguments),))
