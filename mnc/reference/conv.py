"""Convolutions and dense layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mnc.ir.activations import Function
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D, Padding, Pair, SeparableConv2D
from mnc.ir.types import Array, Constant
from mnc.reference.activations import activate
from mnc.reference.dispatch import compute


@compute.register
def conv2d(layer: Conv2D, x: Array) -> Array:
    images = np.split(pad(x, layer.padding), layer.groups, axis=-1)
    weights = np.split(wide(layer.weights), layer.groups, axis=-1)
    groups = [
        sum(view @ kernel[tap] for tap, view in taps(image, layer.kernel, layer.stride, layer.dilation))
        for image, kernel in zip(images, weights, strict=True)
    ]
    return finish(np.concatenate(groups, axis=-1), layer.bias, layer.activation)


@compute.register
def depthwise_conv2d(layer: DepthwiseConv2D, x: Array) -> Array:
    weights = wide(layer.weights)
    image = pad(x, layer.padding)[..., np.newaxis]  # (batch, height, width, channels, depth multiplier)
    total = sum(view * weights[tap] for tap, view in taps(image, layer.kernel, layer.stride, layer.dilation))
    total = np.asarray(total)
    return finish(total.reshape(*total.shape[:3], -1), layer.bias, layer.activation)


@compute.register
def separable_conv2d(layer: SeparableConv2D, x: Array) -> Array:
    depthwise, pointwise = layer.parts()
    return conv2d(pointwise, depthwise_conv2d(depthwise, x))


@compute.register
def dense(layer: Dense, x: Array) -> Array:
    return finish(x @ wide(layer.weights), layer.bias, layer.activation)


def pad(x: Array, padding: Padding, value: float = 0.0) -> Array:
    """Images (batch, height, width, ...) with `value` round them."""
    axes = ((0, 0), *padding) + ((0, 0),) * (x.ndim - 3)
    return np.pad(x, axes, constant_values=value)


def taps(image: Array, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Iterator[tuple[Pair, Array]]:
    """Each place (ky, kx) of the window, and for all output pixels the input pixel that lies there."""
    span = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            top, left = ky * dilation[0], kx * dilation[1]
            bottom, right = image.shape[1] - span[0] + top, image.shape[2] - span[1] + left
            yield (ky, kx), image[:, top : bottom : stride[0], left : right : stride[1]]


def finish(total: Array, bias: Constant | None, activation: Function | None) -> Array:
    """activation(total + bias)."""
    return activate(activation, total if bias is None else total + wide(bias))


def wide(constant: Constant) -> Array:
    """The constant's elements in float64."""
    return constant.array.astype(np.float64)
