"""Pooling, padding and cropping."""

from __future__ import annotations

from dataclasses import replace

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import as_image, from_image, margins, padded, pair
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.ways_out import AS_TFLITE
from mnc.ir.layers import (
    AveragePooling2D,
    Cropping2D,
    Divide,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Multiply,
    Pooling2D,
    ReduceSum,
    Reshape,
    ZeroPadding2D,
)


@converts("MaxPooling1D", to=(MaxPooling2D,), over_time=True)
def max_pooling1d(config: Config) -> Build:
    """The largest value of each window."""
    return _pooling(config, MaxPooling2D, 1)


@converts("MaxPooling2D", to=(MaxPooling2D,))
def max_pooling2d(config: Config) -> Build:
    """The largest value of each window."""
    return _pooling(config, MaxPooling2D, 2)


@converts("AveragePooling1D", to=(AveragePooling2D,), over_time=True)
def average_pooling1d(config: Config) -> Build:
    """The mean of each window; padding does not count."""
    return _pooling(config, AveragePooling2D, 1)


@converts("AveragePooling2D", to=(AveragePooling2D,))
def average_pooling2d(config: Config) -> Build:
    """The mean of each window; padding does not count."""
    return _pooling(config, AveragePooling2D, 2)


def _pooling(config: Config, kind: type[Pooling2D], axes: int) -> Build:
    pool = pair(config.integers("pool_size", axes, 2))
    stride = pool if config.raw("strides") is None else pair(config.integers("strides", axes))
    padding = config.choice("padding", "valid", "same", default="valid")
    layout = config.data_format(axes + 1)

    def build(call: Call) -> Value:
        x = as_image(call, axes, layout)
        layer = kind(pool, stride, padded(padding, x, pool, stride))
        return from_image(call, axes, layout, lambda _: layer, None, x)

    return build


@converts(
    "GlobalAveragePooling1D",
    to=(Divide, GlobalAveragePooling, Multiply, ReduceSum),
    over_time=True,
    arguments=("mask",),
    masks="own",
)
def global_average_pooling1d(config: Config) -> Build:
    """The mean of each channel."""
    return _global_pooling(config, GlobalAveragePooling, 1)


@converts("GlobalAveragePooling2D", to=(GlobalAveragePooling,), over_time=True)
def global_average_pooling2d(config: Config) -> Build:
    """The mean of each channel."""
    return _global_pooling(config, GlobalAveragePooling, 2)


@converts("GlobalMaxPooling1D", to=(GlobalMaxPooling,), over_time=True)
def global_max_pooling1d(config: Config) -> Build:
    """The largest value of each channel."""
    return _global_pooling(config, GlobalMaxPooling, 1)


@converts("GlobalMaxPooling2D", to=(GlobalMaxPooling,), over_time=True)
def global_max_pooling2d(config: Config) -> Build:
    """The largest value of each channel."""
    return _global_pooling(config, GlobalMaxPooling, 2)


def _global_pooling(config: Config, kind: type[GlobalPooling], axes: int) -> Build:
    keepdims = config.boolean("keepdims", False)
    layout = config.data_format(axes + 1)

    def build(call: Call) -> Value:
        if kind is GlobalAveragePooling and axes == 1 and not call.over_time:
            mask = call.mask_of(call.held)
            if mask is not None:
                return _masked_mean(call, call.sequence(layout), mask, keepdims)
        if call.over_time:
            return _pooled_each_time(call, kind, axes, keepdims, layout)
        x = call.image(layout) if axes == 2 else call.sequence(layout)
        return call.emit(kind(keepdims), x, axes=x.axes if keepdims else None)

    return build


def _masked_mean(call: Call, x: Value, mask: Value, keepdims: bool) -> Value:
    """The mean over the steps that count."""
    column = call.emit(Reshape((x.type.shape[0], 1)), mask, part="column")
    total = call.emit(ReduceSum((0,), keepdims), call.emit(Multiply(), x, column, part="counted"), part="sum")
    count = call.emit(ReduceSum((0,), True), mask, part="count")
    return replace(call.emit(Divide(), total, count), mask=None)


def _pooled_each_time(call: Call, kind: type[GlobalPooling], axes: int, keepdims: bool, layout: str) -> Value:
    """Global pooling of each time's image: with the times as rows, windows of one row do it."""
    x = call.x
    if len(x.axes) != axes + 2 or layout != "channels_last":
        raise call.fault(f"the layer needs an input of {axes + 2} axes here, channels last")
    times, *window, channels = x.shape
    pixels = x.type.elements // (times * channels)
    rows = call.emit(Reshape((times, pixels, channels)), x, part="rows")
    windows: type[Pooling2D] = MaxPooling2D if kind is GlobalMaxPooling else AveragePooling2D
    pooled = call.emit(windows((1, pixels), (1, pixels)), rows, part="pooled")
    return call.emit(Reshape((times, *((1,) * len(window) if keepdims else ()), channels)), pooled)


@converts("ZeroPadding1D", to=(ZeroPadding2D,), over_time=True)
def zero_padding1d(config: Config) -> Build:
    """Zeros before and after the sequence."""
    return _zero_padding(config, 1)


@converts("ZeroPadding2D", to=(ZeroPadding2D,))
def zero_padding2d(config: Config) -> Build:
    """Zeros round the image."""
    return _zero_padding(config, 2)


def _zero_padding(config: Config, axes: int) -> Build:
    padding = margins(config, "padding", axes, 1)
    layout = config.data_format(axes + 1)

    def build(call: Call) -> Value:
        x = as_image(call, axes, layout)
        return from_image(call, axes, layout, lambda _: ZeroPadding2D(padding), None, x)

    return build


@converts("Cropping1D", to=(Cropping2D,), over_time=True)
def cropping1d(config: Config) -> Build:
    """The sequence without its ends."""
    return _cropping(config, 1, 1)


@converts("Cropping2D", to=(Cropping2D,))
def cropping2d(config: Config) -> Build:
    """The image without its borders."""
    return _cropping(config, 2, 0)


def _cropping(config: Config, axes: int, default: int) -> Build:
    cropping = margins(config, "cropping", axes, default)
    layout = config.data_format(axes + 1)

    def build(call: Call) -> Value:
        x = as_image(call, axes, layout)
        return from_image(call, axes, layout, lambda _: Cropping2D(cropping), None, x)

    return build


@converts("CenterCrop", to=(Cropping2D,))
def center_crop(config: Config) -> Build:
    """The middle of the image, where the image is at least as large."""
    wanted = (config.integer("height"), config.integer("width"))
    layout = config.data_format(3)

    def build(call: Call) -> Value:
        x = call.image(layout)
        over = [size - n for size, n in zip(x.type.shape, wanted, strict=False)]
        if min(over) < 0:
            raise call.fault(
                f"height and width {wanted} are larger than the image",
                AS_TFLITE,
            )
        before = [n // 2 for n in over]
        cropping = ((before[0], over[0] - before[0]), (before[1], over[1] - before[1]))
        return call.emit(Cropping2D(cropping), x, axes=x.axes)

    return build
