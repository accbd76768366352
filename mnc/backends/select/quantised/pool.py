"""Kernels for pooling in integers."""

from __future__ import annotations

from mnc.backends.select import pool
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.backends.select.site import Site
from mnc.ir.layers import GlobalAveragePooling, Pooling2D
from mnc.program import Step
from mnc.reference.quantised.layers import mean_multiplier


def pooling2d(site: Site[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    (x,), y = site.inputs, site.output
    return pool.over_windows(site, {"in_pixel": x.layout.pixel, "out_pixel": y.layout.pixel})


def global_average(site: Site[GlobalAveragePooling]) -> Step:
    """The mean of each channel, on any scale."""
    height, width, _ = site.inputs[0].image
    arguments = {
        **pool.over_image(site),
        "in_zero": quant(site).zero_point,
        **pair("", mean_multiplier(quant(site).scale[0], operands(site).scale, height * width)),
        **limits(site),
    }
    return site.whole((call(site, "global_average", arguments),))
