"""Kernels for pooling and padding in float32."""

from __future__ import annotations

from mnc.backends.program import Argument, Call, Out, Rows, Step, Window
from mnc.backends.select.conv import strides
from mnc.backends.select.shape import copy_into
from mnc.backends.select.site import Site
from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalPooling,
    MaxPooling2D,
    Padding,
    Pair,
    Pooling2D,
    ZeroPadding2D,
)


def pooling2d(site: Site[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    layer = site.layer
    kernel = "mnc_max_pooling2d_f32" if isinstance(layer, MaxPooling2D) else "mnc_average_pooling2d_f32"
    whole = layer.count_padding if isinstance(layer, AveragePooling2D) else None
    return _pool(site, kernel, layer.pool, layer.stride, layer.padding, whole)


def global_pooling(site: Site[GlobalPooling]) -> Step:
    """Global pooling: one window as large as the image."""
    height, width, _ = site.inputs[0].image
    average = isinstance(site.layer, GlobalAveragePooling)
    kernel = "mnc_average_pooling2d_f32" if average else "mnc_max_pooling2d_f32"
    return _pool(site, kernel, (height, width), (1, 1), ((0, 0), (0, 0)), False if average else None)


def _pool(
    site: Site[Pooling2D] | Site[GlobalPooling],
    kernel: str,
    pool: Pair,
    stride: Pair,
    padding: Padding,
    whole: bool | None,
) -> Step:
    (x,), y = site.inputs, site.output
    arguments: dict[str, Argument] = {
        "rows": Rows(),
        "out": Out(),
        "channels": x.image[2],
        "pool_height": pool[0],
        "pool_width": pool[1],
        "stride": stride[1],
        "padding": padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        **strides(x, y),
    }
    if whole is not None:
        arguments["whole"] = int(whole)
    return site.by_rows(Window(pool[0], stride[0], padding[0][0]), (Call(kernel, arguments),), {})


def zero_padding2d(site: Site[ZeroPadding2D]) -> Step:
    """Padding that no layer could take into itself: zeros, then the image into their midst."""
    (x,), y = site.inputs, site.output
    (top, _), (left, _) = site.layer.padding
    zeros = Call("mnc_fill_f32", {"out": Out(), "count": y.type.elements, "value": 0.0})
    return site.whole((zeros, copy_into(x, y, top * y.layout.row + left * y.layout.pixel)))
