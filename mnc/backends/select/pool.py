"""Kernels for pooling."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.backends.select.blocks import across
from mnc.backends.select.context import Context
from mnc.backends.select.conv import strides
from mnc.backends.select.loops import loops
from mnc.ir.layers import AveragePooling2D, GlobalAveragePooling, GlobalPooling, Pooling2D
from mnc.program import Argument, Call, In, Out, RowPointers, Step, Window


def pooling2d(context: Context[Pooling2D]) -> Step:
    """Max or average pooling in float32, row by row."""
    (x,), y = context.inputs, context.output
    arguments: dict[str, Argument] = {**strides(x, y), "block_channels": across(x.image[2])}
    if isinstance(context.layer, AveragePooling2D):
        arguments["whole"] = int(context.layer.count_padding)
    return over_windows(context, arguments)


def over_windows(context: Context[Pooling2D], more: Mapping[str, Argument], largest: str = "max_pooling2d") -> Step:
    """The step of the kernel for pooling on the layer's element type, which takes `more` arguments besides.

    `largest` is the kernel for max pooling.
    """
    layer, (x,), y = context.layer, context.inputs, context.output
    call = Call(
        context.kernel("average_pooling2d" if isinstance(layer, AveragePooling2D) else largest),
        {
            "rows": RowPointers(),
            "out": Out(),
            "channels": x.image[2],
            "pool_height": layer.pool[0],
            "pool_width": layer.pool[1],
            "stride": layer.stride[1],
            "padding": layer.padding[1][0],
            "in_width": x.image[1],
            "out_width": y.image[1],
            **more,
        },
    )
    return context.by_rows(window(layer), (call,), {})


def window(layer: Pooling2D) -> Window:
    """The input rows of one output row."""
    return Window(layer.pool[0], layer.stride[0], layer.padding[0][0])


def global_pooling(context: Context[GlobalPooling]) -> Step:
    """Global pooling, some channels at a time through the whole image."""
    kernel = "global_average" if isinstance(context.layer, GlobalAveragePooling) else "global_max"
    return context.whole((Call(context.kernel(kernel), over_image(context)),))


def over_image(context: Context[GlobalPooling]) -> dict[str, Argument]:
    """The arguments of a kernel that goes through the whole image."""
    (x,) = context.inputs
    height, width, channels = x.image
    nest = loops((height, width), (x.layout.row, x.layout.pixel))
    return {
        "in": In(),
        "out": Out(),
        "channels": channels,
        **nest.sized("rows", "pixels"),
        **nest.moved(0, "in_row", "in_pixel"),
        "in_channel": x.layout.channel,
        "block_channels": across(channels),
    }
