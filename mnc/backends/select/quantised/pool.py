"""Kernels for pooling in integers."""

from __future__ import annotations

from dataclasses import replace

from mnc.backends.program import Argument, Call, Out, Rows, Step, Window
from mnc.backends.select import pool
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.backends.select.site import Site
from mnc.ir.layers import GlobalAveragePooling, MaxPooling2D, Pooling2D
from mnc.reference.quantised.layers import mean_multiplier


def pooling2d(site: Site[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    layer = site.layer
    (x,), y = site.inputs, site.output
    kernel = site.kernel("max_pooling2d" if isinstance(layer, MaxPooling2D) else "average_pooling2d")
    arguments: dict[str, Argument] = {
        "rows": Rows(),
        "out": Out(),
        "channels": x.image[2],
        "pool_height": layer.pool[0],
        "pool_width": layer.pool[1],
        "stride": layer.stride[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
    }
    return site.by_rows(Window(layer.pool[0], layer.stride[0], layer.padding[0][0]), (Call(kernel, arguments),), {})


def global_average(site: Site[GlobalAveragePooling]) -> Step:
    """The mean of each channel, on any scale."""
    step = pool.global_pooling(site)
    (plain,) = step.calls
    height, width, _ = site.inputs[0].image
    arguments = {
        **plain.arguments,
        "in_zero": quant(site).zero_point,
        **pair("", mean_multiplier(quant(site).scale[0], operands(site).scale, height * width)),
        **limits(site),
    }
    return replace(step, calls=(call(site, "global_average", arguments),))
