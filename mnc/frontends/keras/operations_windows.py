"""Convolutions with constant kernels and pooling, of images and of sequences, which are images of one row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.layers_adaptive import pooled
from mnc.frontends.keras.operations import Converter, Operands, Result, operation
from mnc.frontends.keras.planes import padded, pair
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    AveragePooling2D,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    Padding,
    Pair,
    Pooling2D,
    Reshape,
    SeparableConv2D,
)
from mnc.ir.types import Array, Constant

LAYOUTS = ("channels_last", "NHWC", "NWC")
"""Where channels are, in Keras' words and in TensorFlow's."""


@dataclass(frozen=True)
class _Windows:
    """An image, or a sequence as an image of one row, and how windows slide along it."""

    op: Operands
    image: Value
    axes: int

    @classmethod
    def read(cls, op: Operands, name: str = "inputs") -> _Windows:
        x = op.value(name)
        op.config.ignore("use_cudnn_on_gpu")  # how it is computed
        op.config.only("data_format", *LAYOUTS, None)
        if len(x.shape) not in (2, 3):
            raise op.call.fault(
                f"the operation needs an image (height, width, channels) or a sequence, not {len(x.shape)} axes"
            )
        axes = len(x.shape) - 1
        return cls(op, x if axes == 2 else op.emit(Reshape((1, *x.shape)), x, part="row"), axes)

    def sizes(self, key: str, default: int | None = None) -> Pair:
        """Height and width; TensorFlow may state those of the batch and the channels, too, which are 1."""
        stated = self.op.raw(key)
        if isinstance(stated, tuple) and len(stated) == self.axes + 2:
            first, *inner, last = self.op.config.integers(key, self.axes + 2)
            if first != 1 or last != 1:
                raise self.op.call.fault(f"{key} = {list(stated)} goes along the batch or the channels")
            return pair(tuple(inner))
        return pair(self.op.config.integers(key, self.axes, default))

    def padding(self, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
        """By name, or in TensorFlow's explicit form."""
        stated = self.op.raw("padding")
        if isinstance(stated, tuple) and len(stated) == self.axes + 2:
            _, *inner, _ = self.op.config.margins("padding", self.axes + 2, 0)
            vertical, horizontal = inner if self.axes == 2 else ((0, 0), *inner)
            return vertical, horizontal
        name = self.op.config.choice("padding", "valid", "same", "VALID", "SAME", default="valid").lower()
        return padded(name, self.image, kernel, stride, dilation)

    def kernel(self, name: str) -> Array:
        """Constant numbers (height, width, n, m)."""
        given = self.op.raw(name)
        if isinstance(given, Value):
            raise self.op.call.fault("the kernel is a tensor of the model; mnc convolves with constants alone")
        kernel = self.op.numbers(name).astype(np.float32)
        if kernel.ndim != self.axes + 2:
            raise self.op.call.fault(f"a kernel of the shape {kernel.shape} does not fit {self.axes + 1} axes")
        return kernel.reshape(*pair(kernel.shape[: self.axes]), *kernel.shape[-2:])

    def built(self, layer: Layer) -> Value:
        """The result of a layer for images."""
        if self.axes == 2:
            return self.op.emit(layer, self.image)
        y = self.op.emit(layer, self.image, part="image")
        return self.op.emit(Reshape(y.shape[1:]), y)

    def channels(self, kernel: Array) -> int:
        """How many groups of channels a kernel needs."""
        own = self.image.shape[-1]
        if own % kernel.shape[2]:
            raise self.op.call.fault(f"a kernel for {kernel.shape[2]} channels does not fit {own}")
        return int(own // kernel.shape[2])


CONVOLUTION = "inputs kernel strides padding data_format dilation_rate"


@operation("Conv", CONVOLUTION)
def convolution(op: Operands) -> Result:
    """A convolution of images or sequences with a constant kernel."""
    windows = _Windows.read(op)
    kernel = windows.kernel("kernel")
    stride, dilation = windows.sizes("strides", 1), windows.sizes("dilation_rate", 1)
    groups = windows.channels(kernel)
    if kernel.shape[3] % groups:
        raise op.call.fault(f"{groups} groups do not divide {kernel.shape[3]} filters")
    padding = windows.padding(_size(kernel), stride, dilation)
    return windows.built(Conv2D(Constant(kernel), None, stride, padding, dilation, groups))


@operation("DepthwiseConv", CONVOLUTION)
def depthwise_convolution(op: Operands) -> Result:
    """A convolution of each channel with constant kernels of its own."""
    windows = _Windows.read(op)
    kernel = windows.kernel("kernel")
    _fits(windows, kernel)
    stride, dilation = windows.sizes("strides", 1), windows.sizes("dilation_rate", 1)
    padding = windows.padding(_size(kernel), stride, dilation)
    return windows.built(DepthwiseConv2D(Constant(kernel), None, stride, padding, dilation))


@operation(
    "SeparableConv", CONVOLUTION.replace("kernel", "depthwise_kernel pointwise_kernel"), strides=1, dilation_rate=1
)
def separable_convolution(op: Operands) -> Result:
    """A convolution of each channel, and one of single pixels behind it, both constant."""
    windows = _Windows.read(op)
    kernel, mixing = windows.kernel("depthwise_kernel"), windows.kernel("pointwise_kernel")
    _fits(windows, kernel)
    if mixing.shape[:3] != (1, 1, kernel.shape[2] * kernel.shape[3]):
        raise op.call.fault(f"the pointwise kernel {mixing.shape} does not fit the depthwise one, {kernel.shape}")
    stride, dilation = windows.sizes("strides", 1), windows.sizes("dilation_rate", 1)
    padding = windows.padding(_size(kernel), stride, dilation)
    return windows.built(SeparableConv2D(Constant(kernel), Constant(mixing), None, stride, padding, dilation))


def _size(kernel: Array) -> Pair:
    return kernel.shape[0], kernel.shape[1]


def _fits(windows: _Windows, kernel: Array) -> None:
    if kernel.shape[2] != windows.image.shape[-1]:
        raise windows.op.call.fault(f"a kernel for {kernel.shape[2]} channels does not fit {windows.image.shape[-1]}")


def _pool(kind: type[Pooling2D], what: str, step: int | None = None) -> Converter:
    def convert(op: Operands) -> Result:
        windows = _Windows.read(op, "images")
        pool = windows.sizes("pool_size")
        stride = windows.sizes("strides", step) if step or "strides" in op else pool
        return windows.built(kind(pool, stride, windows.padding(pool, stride)))

    convert.__doc__ = what
    return convert


POOLING = "images pool_size strides padding data_format"
LARGEST, MEAN = MaxPooling2D, AveragePooling2D
operation("MaxPool", POOLING)(_pool(LARGEST, "The largest value of each window."))
operation("AveragePool", POOLING)(_pool(MEAN, "The mean of each window; padding does not count."))


@operation("Pool", "images pool_size pooling_type strides padding data_format")
def pool(op: Operands) -> Result:
    """TensorFlow's pooling, whose kind is an argument."""
    kind = op.config.choice("pooling_type", "MAX", "AVG")
    op.config.only("dilation_rate", None, 1, [1], [1, 1])
    op.config.only("dilations", None, 1, [1], [1, 1])
    return _pool(LARGEST if kind == "MAX" else MEAN, "", step=1)(op)


def _adaptive(kind: type[Pooling2D]) -> Converter:
    def convert(op: Operands) -> Result:
        """Pooling of a fixed number of parts along each axis."""
        windows = _Windows.read(op, "images")
        y = windows.image
        for axis, after in enumerate(windows.sizes("output_size")):
            if axis or windows.axes == 2:
                y = pooled(op.call, y, axis, after, kind, ("rows", "columns")[axis])
        return op.nothing(y) if windows.axes == 2 else op.emit(Reshape(y.shape[1:]), y)

    return convert


operation("AdaptiveAveragePool", "images output_size data_format")(_adaptive(MEAN))
operation("AdaptiveMaxPool", "images output_size data_format")(_adaptive(LARGEST))
