"""Enlarging and resizing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import as_image, from_image
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.resampling import FILTERS, limited, multiplied, resizing_matrix
from mnc.ir.layers import (
    Add,
    Cropping2D,
    Dense,
    Identity,
    Pair,
    Permute,
    ResizeBilinear,
    ResizeNearest,
    ZeroPadding2D,
)
from mnc.ir.types import Constant

METHODS = ("nearest", *FILTERS)
"""Interpolations as Keras names them."""

BY_MATRIX = (Dense, Permute, ResizeBilinear, ResizeNearest)


@converts("UpSampling1D", to=(ResizeNearest,), over_time=True)
def up_sampling1d(config: Config) -> Build:
    """Every step several times."""
    (times,) = config.integers("size", 1, 2)

    def build(call: Call) -> Value:
        x = as_image(call, 1, "channels_last")
        height, width, _ = x.type.shape
        return from_image(call, 1, "channels_last", lambda _: ResizeNearest((height, width * times)), None, x)

    return build


@converts("UpSampling2D", to=BY_MATRIX)
def up_sampling2d(config: Config) -> Build:
    """The image enlarged by whole factors."""
    vertical, horizontal = config.integers("size", 2, 2)
    method = config.choice("interpolation", *METHODS, default="nearest")
    layout = config.data_format(3)

    def build(call: Call) -> Value:
        x = call.image(layout)
        height, width, _ = x.type.shape
        return resized(call, x, (height * vertical, width * horizontal), method, False, config.keras)

    return build


@converts("Resizing", to=(*BY_MATRIX, Add, Cropping2D, ZeroPadding2D))
def resizing(config: Config) -> Build:
    """The image brought to a fixed size, cropped or padded to its form before where that is asked for."""
    size = (config.integer("height"), config.integer("width"))
    method = config.choice("interpolation", *METHODS, default="bilinear")
    layout = config.data_format(3)
    crops, pads = (config.boolean(f"{what}_to_aspect_ratio", False) for what in ("crop", "pad"))
    antialias = config.boolean("antialias", False)
    fill = config.number("fill_value", 0.0)
    config.choice("fill_mode", "constant", default="constant")
    if crops and pads:
        raise config.fault("crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be true")

    def build(call: Call) -> Value:
        x = call.image(layout)
        if crops:
            x = _cropped(call, x, size)
        elif pads:
            x = _padded(call, x, size, fill)
        return resized(call, x, size, method, antialias, config.keras)

    return build


def _ratio(x: Value, size: Pair, choose: Callable[[int, int], int]) -> Pair:
    """The height and width nearest to the image's whose ratio is that of `size`, as Keras rounds them."""
    height, width, _ = x.type.shape
    own = choose(height, int(width * size[0] / size[1])), choose(width, int(height * size[1] / size[0]))
    return max(own[0], 1), max(own[1], 1)


def _cropped(call: Call, x: Value, size: Pair) -> Value:
    height, width, _ = x.type.shape
    kept = _ratio(x, size, min)
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    margins = ((top, height - kept[0] - top), (left, width - kept[1] - left))
    return call.emit(Cropping2D(margins), x, part="cropped", axes=x.axes)


def _padded(call: Call, x: Value, size: Pair, fill: float) -> Value:
    """Margins of the same width on both sides of one axis."""
    height, width, _ = x.type.shape
    whole = _ratio(x, size, max)
    vertical, horizontal = (whole[0] - height) // 2, (whole[1] - width) // 2
    if vertical:
        horizontal = 0
    axes = x.axes
    if fill:  # what lies outside is 0 once the value is taken away
        x = call.emit(Add(operand=Constant(np.float32(-fill))), x, part="without_fill")
    x = call.emit(ZeroPadding2D(((vertical, vertical), (horizontal, horizontal))), x, part="padded", axes=axes)
    if fill:
        x = call.emit(Add(operand=Constant(np.float32(fill))), x, part="with_fill", axes=axes)
    return x


def resized(call: Call, x: Value, size: Pair, method: str, antialias: bool, keras: int) -> Value:
    """An image at another size, as this version of Keras samples it."""
    height, width, _ = x.type.shape
    shrinks = height > size[0] or width > size[1]
    if method == "nearest":
        return call.emit(ResizeNearest(size), x, axes=x.axes)
    if method == "bilinear" and not (antialias and shrinks):
        return call.emit(ResizeBilinear(size), x, axes=x.axes)
    y = x
    for axis, part in ((0, "rows"), (1, "columns")):
        before = x.type.shape[axis]
        limited(call, before, size[axis])
        if before != size[axis]:
            matrix = resizing_matrix(before, size[axis], method, antialias, rounded=keras < 3)
            y = multiplied(call, y, axis, matrix, part)
    return call.emit(Identity(), y, axes=x.axes)
