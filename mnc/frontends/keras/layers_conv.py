"""Convolutions and dense layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.activations import read_activation
from mnc.frontends.keras.assembly import Activation, Build, Call
from mnc.frontends.keras.config import Config
from mnc.frontends.keras.planes import WINDOW_PADDINGS, as_image, from_image, padded, pair, spread
from mnc.frontends.keras.registry import converts
from mnc.frontends.keras.weights import Count
from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Padding, Pair, SeparableConv2D
from mnc.ir.types import Array, Constant, Shape


@dataclass(frozen=True)
class _Windows:
    """The configuration of every layer whose kernel slides along an image or a sequence."""

    axes: int
    """Along how many axes it slides; a sequence is an image of one row."""
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: str
    has_bias: bool
    activation: Activation
    layout: str

    @classmethod
    def read(cls, config: Config, axes: int, paddings: Sequence[str] = (), kernels: int = 1) -> _Windows:
        """From the configuration of a layer with this number of kernels, and a bias where it has one."""
        kernel = pair(config.integers("kernel_size", axes))
        stride = pair(config.integers("strides", axes, 1))
        dilation = pair(config.integers("dilation_rate", axes, 1))
        padding = config.choice("padding", *(paddings or WINDOW_PADDINGS[axes]), default="valid")
        has_bias = config.boolean("use_bias", True)
        config.weights = Count(kernels + has_bias)
        activation, layout = read_activation(config), config.data_format(axes + 1)
        return cls(axes, kernel, stride, dilation, padding, has_bias, activation, layout)

    @property
    def size(self) -> Shape:
        """The kernel's size along the axes, as the file has it."""
        return self.kernel[-self.axes :]

    def input(self, call: Call) -> Value:
        return as_image(call, self.axes, self.layout)

    def constant(self, stored: Array) -> Constant:
        """A kernel of the file, (*size, n, m), as the IR has it: (height, width, n, m)."""
        return Constant(stored.reshape(*self.kernel, *stored.shape[-2:]))

    def bias(self, call: Call, channels: int) -> Constant | None:
        return call.weights.take("bias", (channels,)) if self.has_bias else None

    def padded(self, x: Value) -> Padding:
        return padded(self.padding, x, self.kernel, self.stride, self.dilation)

    def built(self, call: Call, x: Value, make: Callable[[Function | None], Layer]) -> Value:
        """The layer that `make` gives for an activation, applied to `x`."""
        return from_image(call, self.axes, self.layout, make, self.activation, x)


@converts("Conv1D", to=(Conv2D,), over_time=True)
def conv1d(config: Config) -> Build:
    """Conv1D of any stride, dilation and number of groups, causal too."""
    return _convolution(config, 1)


@converts("Conv2D", to=(Conv2D,))
def conv2d(config: Config) -> Build:
    """Conv2D of any stride, dilation and number of groups."""
    return _convolution(config, 2)


def _convolution(config: Config, axes: int) -> Build:
    _refuse_theano(config)
    filters = config.integer("filters")
    windows = _Windows.read(config, axes)
    groups = config.integer("groups", 1)

    def build(call: Call) -> Value:
        x = windows.input(call)
        channels = x.type.shape[-1]
        if channels % groups:
            raise call.fault(f"{groups} groups do not divide {channels} channels")
        shape = (*windows.size, channels // groups, filters)
        old = config.keras == 1
        stored = _keras1_kernel(call, shape, windows.layout) if old else call.weights.array("kernel", shape)
        weights, bias = windows.constant(stored), windows.bias(call, filters)
        make = functools.partial(Conv2D, weights, bias, windows.stride, windows.padded(x), windows.dilation, groups)
        return windows.built(call, x, make)

    return build


def _keras1_kernel(call: Call, shape: Shape, layout: str) -> Array:
    """The kernel of a Keras 1 convolution, as later versions store it."""
    *window, channels, filters = shape
    if len(window) == 1:  # images of one column
        if call.weights.shapes[:1] == ((filters, channels, *window, 1),):  # before version 1.2
            return np.transpose(call.weights.array("kernel", (filters, channels, *window, 1))[..., 0])
        return call.weights.array("kernel", (*window, 1, channels, filters)).reshape(shape)
    if layout == "channels_first":
        return np.transpose(call.weights.array("kernel", (filters, channels, *window)), (2, 3, 1, 0))
    return call.weights.array("kernel", shape)


def _refuse_theano(config: Config) -> None:
    if config.findings.backend == "theano":
        raise config.fault(
            "the file was written by Keras on Theano, whose convolution kernels are turned by 180 degrees",
            "load the model with Keras 2 on TensorFlow and save it again",
        )


@converts("DepthwiseConv1D", to=(DepthwiseConv2D,), over_time=True)
def depthwise_conv1d(config: Config) -> Build:
    """DepthwiseConv1D with any depth multiplier."""
    return _depthwise(config, 1)


@converts("DepthwiseConv2D", to=(DepthwiseConv2D,))
def depthwise_conv2d(config: Config) -> Build:
    """DepthwiseConv2D with any depth multiplier."""
    return _depthwise(config, 2)


def _depthwise(config: Config, axes: int) -> Build:
    windows = _Windows.read(config, axes)
    multiplier = config.integer("depth_multiplier", 1)
    config.ignore("groups", "filters")  # Keras 2 writes what its base class has; the layer does not read it

    def build(call: Call) -> Value:
        x = windows.input(call)
        channels = x.type.shape[-1]
        weights = windows.constant(call.weights.array("depthwise_kernel", (*windows.size, channels, multiplier)))
        bias = windows.bias(call, channels * multiplier)
        make = functools.partial(DepthwiseConv2D, weights, bias, windows.stride, windows.padded(x), windows.dilation)
        return windows.built(call, x, make)

    return build


@converts("SeparableConv1D", to=(SeparableConv2D,), over_time=True)
def separable_conv1d(config: Config) -> Build:
    """SeparableConv1D: depthwise, then pointwise."""
    return _separable(config, 1)


@converts("SeparableConv2D", to=(SeparableConv2D,))
def separable_conv2d(config: Config) -> Build:
    """SeparableConv2D: depthwise, then pointwise."""
    return _separable(config, 2)


def _separable(config: Config, axes: int) -> Build:
    filters = config.integer("filters")
    windows = _Windows.read(config, axes, kernels=2)
    multiplier = config.integer("depth_multiplier", 1)
    config.only("groups", 1)

    def build(call: Call) -> Value:
        x = windows.input(call)
        channels = x.type.shape[-1]
        depthwise = windows.constant(call.weights.array("depthwise_kernel", (*windows.size, channels, multiplier)))
        mixing = call.weights.array("pointwise_kernel", (*(1,) * axes, channels * multiplier, filters))
        pointwise = Constant(mixing.reshape(1, 1, channels * multiplier, filters))
        bias = windows.bias(call, filters)
        make = functools.partial(
            SeparableConv2D, depthwise, pointwise, bias, windows.stride, windows.padded(x), windows.dilation
        )
        return windows.built(call, x, make)

    return build


@converts("Conv1DTranspose", to=(Conv2DTranspose,), over_time=True)
def conv1d_transpose(config: Config) -> Build:
    """Conv1DTranspose with any output padding."""
    return _transposed(config, 1)


@converts("Conv2DTranspose", to=(Conv2DTranspose,))
def conv2d_transpose(config: Config) -> Build:
    """Conv2DTranspose with any output padding."""
    return _transposed(config, 2)


def _transposed(config: Config, axes: int) -> Build:
    _refuse_theano(config)
    filters = config.integer("filters")
    windows = _Windows.read(config, axes, ("valid", "same"))
    stride = windows.stride
    more = None if config.raw("output_padding") is None else config.integers("output_padding", axes, None, 0)
    config.only("groups", 1)
    if more is not None and any(m >= s for m, s in zip(more, stride[-axes:], strict=True)):
        raise config.fault(f"output_padding {list(more)} must be less than strides {list(stride[-axes:])}")

    def build(call: Call) -> Value:
        x = windows.input(call)
        channels = x.type.shape[-1]
        weights = windows.constant(call.weights.array("kernel", (*windows.size, filters, channels)))
        bias = windows.bias(call, filters)
        # a row is as high as the image: nothing is added to it or cut from it
        vertical, below = ((0, 0), 0) if axes == 1 else _spread(windows, x, more, 0)
        horizontal, behind = _spread(windows, x, more, 1)
        make = functools.partial(
            Conv2DTranspose, weights, bias, stride, (vertical, horizontal), (below, behind), windows.dilation
        )
        return windows.built(call, x, make)

    return build


def _spread(windows: _Windows, x: Value, more: tuple[int, ...] | None, axis: int) -> tuple[Pair, int]:
    """Rows cut off and added along one axis of a transposed convolution."""
    given = windows.kernel[axis], windows.stride[axis], windows.dilation[axis]
    return spread(x.type.shape[axis], *given, windows.padding == "same", None if more is None else more[axis - 2])


@converts("Dense", to=(Dense,), over_time=True, masks="passes")
def dense(config: Config) -> Build:
    """Dense over the last axis of an input of any rank."""
    units = config.integer("units")
    has_bias = config.boolean("use_bias", True)
    config.weights = Count(1 + has_bias)
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
        return call.activated(functools.partial(Dense, weights, bias), activation, x)

    return build
