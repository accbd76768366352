"""One-dimensional layers are two-dimensional ones over images of a single row.

A converter for both reads as many numbers as there are `axes` (1 or 2), takes
its input by `as_image`, builds a layer for images, and gives the result back
by `from_image`.  Under TimeDistributed, the times of a one-dimensional layer
are the image's rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Activation, AlongAxis, Call
from mnc.frontends.keras.config import Config
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers import NO_PADDING, Padding, Pair, Reshape, same_padding
from mnc.ir.layers.window import extent

WINDOW_PADDINGS = {1: ("valid", "same", "causal"), 2: ("valid", "same")}
"""Paddings of convolutions, by the number of axes."""


def pair(values: tuple[int, ...], above: int = 1) -> Pair:
    """(height, width) from two numbers, or from one along a row; `above` is what the height is then."""
    height, width = values if len(values) == 2 else (above, *values)
    return height, width


def margins(config: Config, key: str, axes: int, default: int) -> Padding:
    """((top, bottom), (left, right)) of a padding or cropping attribute."""
    stated = config.margins(key, axes, default)
    vertical, horizontal = stated if axes == 2 else ((0, 0), *stated)
    return vertical, horizontal


def padded(padding: str, x: Value, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
    """The padding round an image for Keras' `padding` (`causal`: only before its steps)."""
    height, width, _ = x.type.shape
    if padding == "valid":
        return NO_PADDING
    if padding == "causal":
        return (0, 0), (extent(kernel[1], dilation[1]) - 1, 0)
    return (
        same_padding(height, kernel[0], stride[0], dilation[0]),
        same_padding(width, kernel[1], stride[1], dilation[1]),
    )


def spread(size: int, kernel: int, step: int, dilation: int, same: bool, more: int | None) -> tuple[Pair, int]:
    """((cut before, cut after), added behind) along one axis of a transposed convolution; `more` is output_padding.

    Keras fixes the output's size first.  TensorFlow then takes the layer for
    the gradient of a convolution whose input has this size, and so cuts off at
    the front what that convolution's padding would be.
    """
    span = extent(kernel, dilation)
    whole = (size - 1) * step + span
    if more is None:
        wanted = size * step + (0 if same else max(span - step, 0))
    else:
        wanted = whole - (2 * (span // 2) if same else 0) + more
    before = max(whole - wanted, 0) // 2 if same else 0
    return (before, max(whole - before - wanted, 0)), max(wanted - (whole - before), 0)


def as_image(call: Call, axes: int, data_format: str) -> Value:
    """The only input, held (height, width, channels); of a sequence the image with one row."""
    if axes == 2:
        return call.image(data_format)
    x = call.sequence(data_format)
    if call.over_time:
        return x
    return replace(call.emit(Reshape((1, *x.type.shape)), x, part="row"), mask=x.mask)


def from_image(
    call: Call, axes: int, data_format: str, make: Callable[[Function | None], Layer], activation: Activation, x: Value
) -> Value:
    """A layer over an image, its activation, and for a sequence the way back to (steps, channels)."""
    if axes == 2 or call.over_time:
        return call.activated(make, activation, x)
    y = call.emit(make(None if isinstance(activation, AlongAxis) else activation), x, part="image")
    held = (1, 0) if data_format == "channels_first" else (0, 1)
    if not isinstance(activation, AlongAxis):
        return call.emit(Reshape(y.type.shape[1:]), y, axes=held)
    logits = call.emit(Reshape(y.type.shape[1:]), y, part="logits", axes=held)
    return call.along(activation, logits, held[-1])
