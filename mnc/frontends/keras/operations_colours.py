"""Colours of images: hue, saturation and value, luminance and chroma, and changes of them; red, green and blue last."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.frontends.keras.operations_images import image_of
from mnc.ir import activations as fn
from mnc.ir.layers import (
    Activation,
    Add,
    Concatenate,
    Dense,
    DepthwiseConv2D,
    Divide,
    Equal,
    Greater,
    Multiply,
    ReduceMax,
    ReduceMin,
    Slice,
    Subtract,
    Where,
)
from mnc.ir.types import Array, Constant

YUV = ((0.299, 0.587, 0.114), (-0.14714119, -0.28886916, 0.43601035), (0.61497538, -0.51496512, -0.10001026))
YIQ = ((0.299, 0.587, 0.114), (0.59590059, -0.27455667, -0.32134392), (0.21153661, -0.52273617, 0.31119955))
"""Luminance and chroma by red, green and blue, as TensorFlow has them."""

ZERO = Constant(np.float32(0.0))


def _coloured(op: Operands) -> Value:
    x = image_of(op)
    if x.shape[2] != 3:
        raise op.call.fault(f"an image of {x.shape[2]} channels does not have three colours")
    return x


@operation("RGBToHSV", "images data_format")
def rgb_to_hsv(op: Operands) -> Result:
    """Hue from 0 to 1, saturation and value."""
    return _hsv(op, _coloured(op))


def _hsv(op: Operands, x: Value, part: str = "") -> Value:
    hue, value, extent = _hue(op, x)
    has_value = op.emit(Greater(operand=ZERO), value, part="bright")
    divisor = op.emit(Where(operand=Constant(np.float32(1.0))), has_value, value, part="divisor")
    share = op.emit(Divide(), extent, divisor, part="share_of_value")
    saturation = op.emit(Where(operand=ZERO), has_value, share, part="saturation")
    return op.emit(Concatenate(2), hue, saturation, value, part=part)


def _hue(op: Operands, x: Value) -> tuple[Value, Value, Value]:
    """The hue, the largest colour of each pixel, and its distance from the smallest."""
    value = op.emit(ReduceMax((2,), True), x, part="value")
    extent = op.emit(Subtract(), value, op.emit(ReduceMin((2,), True), x, part="least"), part="extent")
    has_hue = op.emit(Greater(operand=ZERO), extent, part="coloured")
    divisor = op.emit(Where(operand=Constant(np.float32(1.0))), has_hue, extent, part="hue_divisor")
    sixth = op.affine(divisor, 6.0, part="sixth")
    red, green, blue = (_plane(op, x, k) for k in range(3))

    def slope(first: Value, second: Value, turn: float, part: str) -> Value:
        distance = op.emit(Subtract(), first, second, part=f"{part}_distance")
        return op.affine(op.emit(Divide(), distance, sixth, part=f"{part}_slope"), 1.0, turn, part=part)

    of_red = slope(green, blue, 0.0, "of_red")
    of_green, of_blue = slope(blue, red, 2.0 / 6.0, "of_green"), slope(red, green, 4.0 / 6.0, "of_blue")
    is_red, is_green = (op.emit(Equal(), value, each, part=p) for each, p in ((red, "is_red"), (green, "is_green")))
    found = op.emit(Where(), is_green, of_green, of_blue, part="not_red")
    found = op.emit(Where(), is_red, of_red, found, part="turned")
    found = op.emit(Where(operand=ZERO), has_hue, found, part="found")
    below = op.emit(Greater(operand=ZERO, operand_first=True), found, part="below")
    return op.emit(Add(), found, below, part="hue"), value, extent


def _plane(op: Operands, x: Value, k: int) -> Value:
    return op.emit(Slice((0, 0, k), (*x.shape[:2], 1), (1, 1, 1)), x, part=f"{x.name.rpartition('/')[2]}_{k}")


@operation("HSVToRGB", "images data_format")
def hsv_to_rgb(op: Operands) -> Result:
    """Red, green and blue."""
    x = _coloured(op)
    hue, saturation, value = (_plane(op, x, k) for k in range(3))
    return _rgb(op, hue, value, op.emit(Multiply(), saturation, value, part="extent"))


def _rgb(op: Operands, hue: Value, value: Value, extent: Value) -> Value:
    """The largest colour, less so much of the extent as a colour lacks in the pure hue."""
    turn = op.emit(Subtract(), hue, op.emit(Activation(fn.Floor()), hue, part="turns"), part="turn")
    centres = Constant(np.array([-3.0, -2.0, -4.0], np.float32))
    places = op.emit(Add(operand=centres), op.affine(turn, 6.0, part="place"), part="places")
    distance = op.emit(Activation(fn.Abs()), places, part="distance")
    share = op.affine(distance, [1.0, -1.0, -1.0], [-1.0, 2.0, 2.0], part="share")
    lacking = op.affine(op.emit(Activation(fn.Clip(0.0, 1.0)), share, part="pure"), -1.0, 1.0, part="lacking")
    return op.emit(Subtract(), value, op.emit(Multiply(), extent, lacking, part="less"))


@operation("AdjustHue", "images delta")
def adjust_hue(op: Operands) -> Result:
    """Another hue, turned by a share of the circle."""
    hue, value, extent = _hue(op, _coloured(op))
    return _rgb(op, op.affine(hue, 1.0, op.config.number("delta"), part="other"), value, extent)


@operation("AdjustSaturation", "images saturation_factor")
def adjust_saturation(op: Operands) -> Result:
    """More or less saturated, up to 1."""
    hsv = _hsv(op, _coloured(op), "hsv")
    hue, saturation, value = (_plane(op, hsv, k) for k in range(3))
    more = op.affine(saturation, op.config.number("saturation_factor"), part="more")
    clipped = op.emit(Activation(fn.Clip(0.0, 1.0)), more, part="clipped")
    return _rgb(op, hue, value, op.emit(Multiply(), clipped, value, part="other_extent"))


@operation("AdjustGamma", "images gamma gain", gamma=1.0, gain=1.0)
def adjust_gamma(op: Operands) -> Result:
    """Gain times a power of each element."""
    power = op.emit(Activation(fn.Power(op.config.number("gamma"))), image_of(op), part="power")
    return op.affine(power, op.config.number("gain"))


def _turned(op: Operands, matrix: Array) -> Value:
    return op.emit(Dense(Constant(np.ascontiguousarray(matrix.T, np.float32))), _coloured(op))


@operation("RGBToYUV", "images")
def rgb_to_yuv(op: Operands) -> Result:
    """Luminance and two differences of colours."""
    return _turned(op, np.array(YUV))


@operation("YUVToRGB", "images")
def yuv_to_rgb(op: Operands) -> Result:
    """Red, green and blue."""
    return _turned(op, np.linalg.inv(np.array(YUV)))


@operation("RGBToYIQ", "images")
def rgb_to_yiq(op: Operands) -> Result:
    """Luminance and two differences of colours."""
    return _turned(op, np.array(YIQ))


@operation("YIQToRGB", "images")
def yiq_to_rgb(op: Operands) -> Result:
    """Red, green and blue."""
    return _turned(op, np.linalg.inv(np.array(YIQ)))


@operation("GaussianBlur", "images kernel_size sigma data_format", kernel_size=(3, 3), sigma=(1.0, 1.0))
def gaussian_blur(op: Operands) -> Result:
    """Each pixel as a mean of its neighbours, weighed by a bell; zeros are outside."""
    x = image_of(op)
    width, height = op.config.integers("kernel_size", 2)
    sigma = np.broadcast_to(op.numbers("sigma").ravel(), (2,))
    if (sigma <= 0.0).any():
        raise op.call.fault("sigma must be positive")
    bells = [
        np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / s) ** 2) for n, s in zip((width, height), sigma, strict=True)
    ]
    kernel = np.outer(bells[1] / bells[1].sum(), bells[0] / bells[0].sum())
    weights = np.repeat(kernel[:, :, None, None], x.shape[2], axis=2).astype(np.float32)
    padding = ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)
    return op.emit(DepthwiseConv2D(Constant(weights), None, (1, 1), padding), x)
