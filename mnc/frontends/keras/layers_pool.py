"""Pooling and padding of images."""

from __future__ import annotations

from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.layers_conv import data_format, padded, pair
from mnc.frontends.keras.registry import converts
from mnc.ir.layers import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Pooling2D,
    ZeroPadding2D,
)


def _pooling(config: Config, kind: type[Pooling2D]) -> Build:
    pool = pair(config.integers("pool_size", 2, 2))
    stride = pool if config.raw("strides") is None else pair(config.integers("strides", 2))
    padding = config.choice("padding", "valid", "same", default="valid")
    layout = data_format(config)

    def build(call: Call) -> Value:
        x = call.image(layout)
        return call.emit(kind(pool, stride, padded(padding, x, pool, stride)), x, axes=x.axes)

    return build


@converts("MaxPooling2D")
def max_pooling2d(config: Config) -> Build:
    """The largest value of each window."""
    return _pooling(config, MaxPooling2D)


@converts("AveragePooling2D")
def average_pooling2d(config: Config) -> Build:
    """The mean of each window; padding does not count."""
    return _pooling(config, AveragePooling2D)


def _global_pooling(config: Config, kind: type[GlobalPooling], rank: int) -> Build:
    keepdims = config.boolean("keepdims", False)
    layout = data_format(config)

    def build(call: Call) -> Value:
        x = call.image(layout, rank)
        return call.emit(kind(keepdims), x, axes=x.axes if keepdims else None)

    return build


@converts("GlobalAveragePooling2D")
def global_average_pooling2d(config: Config) -> Build:
    """The mean of each channel."""
    return _global_pooling(config, GlobalAveragePooling, 3)


@converts("GlobalMaxPooling2D")
def global_max_pooling2d(config: Config) -> Build:
    """The largest value of each channel."""
    return _global_pooling(config, GlobalMaxPooling, 3)


@converts("ZeroPadding2D")
def zero_padding2d(config: Config) -> Build:
    """Zeros round the image."""
    vertical, horizontal = config.margins("padding", 2, 1)
    layout = data_format(config)

    def build(call: Call) -> Value:
        x = call.image(layout)
        return call.emit(ZeroPadding2D((vertical, horizontal)), x, axes=x.axes)

    return build
