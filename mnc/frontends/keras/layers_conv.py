"""Convolutions and dense layers."""

from __future__ import annotations

import functools

import numpy as np

from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Build, Call, Value
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.registry import converts
from mnc.ir.layers import NO_PADDING, Conv2D, Dense, DepthwiseConv2D, Padding, Pair, SeparableConv2D, same_padding
from mnc.ir.types import Constant

DATA_FORMATS = ("channels_last", "channels_first")


def pair(values: tuple[int, ...]) -> Pair:
    """Two integers as (height, width)."""
    height, width = values
    return height, width


def data_format(config: Config) -> str:
    """Where the layer expects channels."""
    return config.choice("data_format", *DATA_FORMATS, default="channels_last")


def padded(padding: str, x: Value, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
    """What `padding="same"` or `"valid"` adds round a value that is held (height, width, channels)."""
    if padding == "valid":
        return NO_PADDING
    height, width, _ = x.type.shape
    return (
        same_padding(height, kernel[0], stride[0], dilation[0]),
        same_padding(width, kernel[1], stride[1], dilation[1]),
    )


@converts("Conv2D")
def conv2d(config: Config) -> Build:
    """Conv2D of any stride, dilation and number of groups."""
    filters = config.integer("filters")
    kernel = pair(config.integers("kernel_size", 2))
    stride = pair(config.integers("strides", 2, 1))
    dilation = pair(config.integers("dilation_rate", 2, 1))
    padding = config.choice("padding", "valid", "same", default="valid")
    groups = config.integer("groups", 1)
    has_bias = config.boolean("use_bias", True)
    activation = read_activation(config)
    layout = data_format(config)
    keras1 = config.keras < 2 and layout == "channels_first"

    def build(call: Call) -> Value:
        x = call.image(layout)
        channels = x.type.shape[-1]
        if channels % groups:
            raise call.fault(f"{groups} groups do not divide {channels} channels")
        if keras1:  # stored (filters, channels, height, width)
            stored = call.weights.array("kernel", (filters, channels, *kernel))
            weights = Constant(np.transpose(stored, (2, 3, 1, 0)))
        else:
            weights = call.weights.take("kernel", (*kernel, channels // groups, filters))
        bias = call.weights.take("bias", (filters,)) if has_bias else None
        make = functools.partial(
            Conv2D, weights, bias, stride, padded(padding, x, kernel, stride, dilation), dilation, groups
        )
        return call.activated(make, activation, x)

    return build


@converts("DepthwiseConv2D")
def depthwise_conv2d(config: Config) -> Build:
    """DepthwiseConv2D with any depth multiplier."""
    kernel = pair(config.integers("kernel_size", 2))
    stride = pair(config.integers("strides", 2, 1))
    dilation = pair(config.integers("dilation_rate", 2, 1))
    padding = config.choice("padding", "valid", "same", default="valid")
    multiplier = config.integer("depth_multiplier", 1)
    has_bias = config.boolean("use_bias", True)
    activation = read_activation(config)
    layout = data_format(config)
    config.ignore("groups", "filters")  # Keras 2 writes what its base class has; the layer does not read it

    def build(call: Call) -> Value:
        x = call.image(layout)
        channels = x.type.shape[-1]
        weights = call.weights.take("depthwise_kernel", (*kernel, channels, multiplier))
        bias = call.weights.take("bias", (channels * multiplier,)) if has_bias else None
        make = functools.partial(
            DepthwiseConv2D, weights, bias, stride, padded(padding, x, kernel, stride, dilation), dilation
        )
        return call.activated(make, activation, x)

    return build


@converts("SeparableConv2D")
def separable_conv2d(config: Config) -> Build:
    """SeparableConv2D: depthwise, then pointwise."""
    filters = config.integer("filters")
    kernel = pair(config.integers("kernel_size", 2))
    stride = pair(config.integers("strides", 2, 1))
    dilation = pair(config.integers("dilation_rate", 2, 1))
    padding = config.choice("padding", "valid", "same", default="valid")
    multiplier = config.integer("depth_multiplier", 1)
    has_bias = config.boolean("use_bias", True)
    activation = read_activation(config)
    layout = data_format(config)
    config.only("groups", 1)

    def build(call: Call) -> Value:
        x = call.image(layout)
        channels = x.type.shape[-1]
        depthwise = call.weights.take("depthwise_kernel", (*kernel, channels, multiplier))
        pointwise = call.weights.take("pointwise_kernel", (1, 1, channels * multiplier, filters))
        bias = call.weights.take("bias", (filters,)) if has_bias else None
        make = functools.partial(
            SeparableConv2D, depthwise, pointwise, bias, stride, padded(padding, x, kernel, stride, dilation), dilation
        )
        return call.activated(make, activation, x)

    return build


@converts("Dense")
def dense(config: Config) -> Build:
    """Dense over the last axis of an input of any rank."""
    units = config.integer("units")
    has_bias = config.boolean("use_bias", True)
    activation = read_activation(config)

    def build(call: Call) -> Value:
        flattened = call.held.before_flatten
        x = call.x if flattened is None else call.held
        if not x.shape:
            raise call.fault("the layer needs an input of at least one axis")
        if flattened is None:
            weights = call.weights.take("kernel", (x.shape[-1], units))
        else:  # flattened channels last, while the weights are for channels first: their rows move instead
            shape, axes = flattened
            stored = call.weights.array("kernel", (x.shape[-1], units))
            image = stored.reshape(*(shape[axis] for axis in axes), units)
            weights = Constant(np.transpose(image, (*np.argsort(axes), len(axes))).reshape(-1, units))
        bias = call.weights.take("bias", (units,)) if has_bias else None
        make = functools.partial(Dense, weights, bias)
        plain = Value(x.name, x.type, x.axes)
        return call.activated(make, activation, plain)

    return build
