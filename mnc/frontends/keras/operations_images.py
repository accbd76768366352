"""Operations on images (height, width, channels): sizes, borders, windows, colours and contrast."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.layers_resize import METHODS, resized
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Dense,
    Divide,
    Maximum,
    Pair,
    ReduceMean,
    Slice,
    Subtract,
    Take,
    ZeroPadding2D,
)
from mnc.ir.types import Constant

LUMINANCE = (0.2989, 0.5870, 0.1140)
"""The shares of red, green and blue in grey, of Keras and TensorFlow."""


def image_of(op: Operands) -> Value:
    """The only tensor, channels last."""
    x = op.value("images")
    op.config.only("data_format", "channels_last", "NHWC", None)
    if len(x.shape) != 3:
        raise op.call.fault(f"the operation needs an image (height, width, channels), not {len(x.shape)} axes")
    return x


@operation("Resize", "images size", interpolation="bilinear", antialias=False)
def resize(op: Operands) -> Result:
    """The image at another size."""
    x = image_of(op)
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "preserve_aspect_ratio"):
        op.config.only(key, False)
    op.config.ignore("fill_mode", "fill_value")  # of the borders of pad_to_aspect_ratio
    height, width = op.config.integers("size", 2)
    method = op.config.choice("interpolation", *METHODS)
    return resized(op.call, x, (height, width), method, op.config.boolean("antialias"), op.config.keras)


@operation("CropImages", "images top_cropping left_cropping bottom_cropping right_cropping target_height target_width")
def crop_images(op: Operands) -> Result:
    """A part of the image."""
    x = image_of(op)
    height, width, _ = x.shape
    top, bottom = _margins(op, "cropping", ("top", "bottom"), "target_height", lambda target: height - target)
    left, right = _margins(op, "cropping", ("left", "right"), "target_width", lambda target: width - target)
    return _cut(op, x, (top, left), (height - top - bottom, width - left - right))


@operation("PadImages", "images top_padding left_padding bottom_padding right_padding target_height target_width")
def pad_images(op: Operands) -> Result:
    """The image with zeros round it."""
    x = image_of(op)
    height, width, _ = x.shape
    vertical = _margins(op, "padding", ("top", "bottom"), "target_height", lambda target: target - height)
    horizontal = _margins(op, "padding", ("left", "right"), "target_width", lambda target: target - width)
    return op.emit(ZeroPadding2D((vertical, horizontal)), x)


def _margins(op: Operands, what: str, sides: tuple[str, str], target: str, left: Callable[[int], int]) -> Pair:
    """Rows or columns before and behind, of which the size of the result may give one."""
    before, behind = (op.config.integer(f"{side}_{what}", -1, 0) if f"{side}_{what}" in op else None for side in sides)
    if target in op:
        both = left(op.config.integer(target))
        if before is None and behind is None:
            raise op.call.fault(f"one of {sides[0]}_{what} and {sides[1]}_{what} must be there")
        before = both - behind if before is None and behind is not None else before
        assert before is not None
        behind = both - before
    if before is None or behind is None or min(before, behind) < 0:
        raise op.call.fault(f"{sides[0]}_{what}, {sides[1]}_{what} and {target} do not fit the image")
    return before, behind


def _cut(op: Operands, x: Value, start: Pair, size: Pair, part: str = "") -> Value:
    if min(*start) < 0 or min(*size) < 1 or start[0] + size[0] > x.shape[0] or start[1] + size[1] > x.shape[1]:
        raise op.call.fault(f"{size[0]}x{size[1]} pixels from {start} on are not in the image")
    if size == x.shape[:2]:
        return x if part else op.nothing(x)
    return op.emit(Slice((*start, 0), (*size, x.shape[2]), (1, 1, 1)), x, part=part)


@operation("CentralCrop", "images central_fraction")
def central_crop(op: Operands) -> Result:
    """The middle of the image, by the share of each side."""
    x, fraction = image_of(op), op.config.number("central_fraction")
    if not 0 < fraction <= 1:
        raise op.call.fault(f"central_fraction = {fraction:g} must be above 0 and at most 1")
    top, left = (int((size - size * fraction) / 2) for size in x.shape[:2])
    return _cut(op, x, (top, left), (x.shape[0] - 2 * top, x.shape[1] - 2 * left))


@operation("CropOrPad", "images target_height target_width")
def crop_or_pad(op: Operands) -> Result:
    """The image cut down or filled with zeros to a size, its middle kept."""
    x = image_of(op)
    wanted = (op.config.integer("target_height"), op.config.integer("target_width"))
    kept = (min(wanted[0], x.shape[0]), min(wanted[1], x.shape[1]))
    start = ((x.shape[0] - kept[0]) // 2, (x.shape[1] - kept[1]) // 2)
    inner = _cut(op, x, start, kept, "cropped")
    before = ((wanted[0] - kept[0]) // 2, (wanted[1] - kept[1]) // 2)
    top, left = ((before[i], wanted[i] - kept[i] - before[i]) for i in (0, 1))
    return op.emit(ZeroPadding2D((top, left)), inner)


@operation("RGBToGrayscale", "images")
def grey(op: Operands) -> Result:
    """The weighed sum of red, green and blue."""
    x = image_of(op)
    if x.shape[2] != len(LUMINANCE):
        raise op.call.fault(f"an image of {x.shape[2]} channels is not red, green and blue")
    return op.emit(Dense(Constant(np.array(LUMINANCE, np.float32).reshape(3, 1))), x)


@operation("GrayscaleToRGB", "images")
def of_three_channels(op: Operands) -> Result:
    """The only channel three times."""
    x = image_of(op)
    if x.shape[2] != 1:
        raise op.call.fault(f"an image of {x.shape[2]} channels is not grey")
    return op.emit(Take((0, 0, 0), 2), x)


@operation("AdjustBrightness", "images delta")
def adjust_brightness(op: Operands) -> Result:
    """A number more in each pixel."""
    return op.affine(image_of(op), 1.0, op.config.number("delta"))


@operation("AdjustContrast", "images contrast_factor")
def adjust_contrast(op: Operands) -> Result:
    """Distances from the mean of a channel, several times as large."""
    x, factor = image_of(op), op.config.number("contrast_factor")
    mean = op.emit(ReduceMean((0, 1), True), x, part="mean")
    distance = op.affine(op.emit(Subtract(), x, mean, part="distance"), factor, part="scaled")
    return op.emit(Add(), distance, mean)


@operation("Standardize", "images")
def standardize(op: Operands) -> Result:
    """The image less its mean, in units of its deviation, or of 1 / sqrt(elements) where that is more."""
    x = image_of(op)
    distance = op.emit(Subtract(), x, op.emit(ReduceMean((0, 1, 2), True), x, part="mean"), part="distance")
    square = op.emit(Activation(fn.Square()), distance, part="square")
    deviation = op.emit(
        Activation(fn.Sqrt()), op.emit(ReduceMean((0, 1, 2), True), square, part="variance"), part="deviation"
    )
    least = Constant(np.float32(1.0 / math.sqrt(math.prod(x.shape))))
    return op.emit(Divide(), distance, op.emit(Maximum(operand=least), deviation, part="unit"))
