"""Transposed convolution: a convolution's gradient, used to enlarge images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnc.ir.activations import Function
from mnc.ir.layers.linear import Linear, expect_rank, expect_shape
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, check_window, extent, image
from mnc.ir.types import Array, Constant, ShapeError, TensorType, show


@dataclass(frozen=True)
class Conv2DTranspose(Linear):
    """out[y, x, o] = activation(bias[o] + sum over ky, kx, i of in[y', x', i] * weights[ky, kx, o, i]).

    The sum goes over those ky and y' with y' * stride + ky * dilation = y + top
    (top is `crop[0][0]`), likewise x: every input pixel spreads a kernel's worth
    of values over the output, `crop` cuts what hangs over, and where `extra`
    makes the image larger than what is spread, only the bias is.
    """

    weights: Constant
    """(kernel height, kernel width, filters, input channels)."""
    bias: Constant | None = None
    """(filters,)."""
    stride: Pair = (1, 1)
    crop: Padding = NO_PADDING
    """((top, bottom), (left, right)) rows and columns of the spread image that are cut off."""
    extra: Pair = (0, 0)
    """Rows and columns more after the end than the crop leaves."""
    dilation: Pair = (1, 1)
    activation: Function | None = None

    channel_axis: ClassVar[int] = 2

    @property
    def kernel(self) -> Pair:
        return (self.weights.shape[0], self.weights.shape[1])

    @property
    def group_inputs(self) -> int:
        return self.weights.shape[3]

    @property
    def filters(self) -> int:
        return self.weights.shape[2]

    @property
    def is_padded(self) -> bool:
        return True

    def as_matrix(self) -> Array:
        height, width, filters, channels = self.weights.shape
        return np.asarray(self.weights.array.reshape(1, height * width, filters, channels).transpose(0, 1, 3, 2))

    def from_matrix(self, matrix: Array) -> Array:
        _, _, inputs, outputs = matrix.shape
        return np.asarray(matrix[0].transpose(0, 2, 1).reshape(*self.kernel, outputs, inputs))

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window(self.stride, self.dilation, self.crop)
        expect_rank("weights", self.weights, 4)
        if min(self.extra) < 0:
            raise ShapeError(f"extra {self.extra} must not be negative")
        if self.weights.shape[3] != channels:
            shape = self.weights.shape
            raise ShapeError(f"its weights {show(shape)} read {shape[3]} channels, the input has {channels}")
        expect_shape("bias", self.bias, (self.filters,))
        size = tuple(
            (n - 1) * self.stride[i] + extent(self.kernel[i], self.dilation[i]) - sum(self.crop[i]) + self.extra[i]
            for i, n in enumerate((height, width))
        )
        if min(size) < 1:
            raise ShapeError(f"crop {self.crop} leaves nothing of the image")
        return TensorType((*size, self.filters), x.dtype)

    def macs(self, *inputs: TensorType) -> int:
        (x,) = inputs
        return x.shape[0] * x.shape[1] * math.prod(self.weights.shape)
