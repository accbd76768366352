"""Convolutions and dense layers: everything whose weights multiply a window.

All weights are as Keras lays them out; a backend packs them for its kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.layers.linear import Linear, expect_rank, expect_shape
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, check_window, image, windows
from mnc.ir.types import Array, Constant, ShapeError, TensorType, show


@dataclass(frozen=True)
class Conv2D(Linear):
    """out[y, x, o] = activation(bias[o] + sum over ky, kx, i of in[y', x', i] * weights[ky, kx, i, o]).

    y' = y * stride - top + ky * dilation, likewise x'; what lies outside is 0.
    With `groups`, output channel o sees only the input channels of its group.
    """

    weights: Constant
    """(kernel height, kernel width, input channels / groups, filters)."""
    bias: Constant | None = None
    """(filters,)."""
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)
    groups: int = 1
    activation: Function | None = None

    @property
    def kernel(self) -> Pair:
        return (self.weights.shape[0], self.weights.shape[1])

    @property
    def is_padded(self) -> bool:
        return self.padding != NO_PADDING

    @property
    def is_pointwise(self) -> bool:
        """Whether every output pixel depends on the one input pixel at its place."""
        plain = self.stride == (1, 1) and self.padding == NO_PADDING and self.groups == 1
        return plain and self.kernel == (1, 1)

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window(self.stride, self.dilation, self.padding)
        expect_rank("weights", self.weights, 4)
        if self.groups < 1 or channels % self.groups or self.filters % self.groups:
            raise ShapeError(f"{self.groups} groups must divide {channels} channels and {self.filters} filters")
        if self.weights.shape[2] * self.groups != channels:
            each = f" in each of {self.groups} groups" if self.groups > 1 else ""
            seen = f"{self.weights.shape[2]} channels{each}"
            raise ShapeError(f"its weights {show(self.weights.shape)} read {seen}, the input has {channels}")
        expect_shape("bias", self.bias, (self.filters,))
        return TensorType(
            (
                windows(height, self.kernel[0], self.stride[0], self.dilation[0], self.padding[0]),
                windows(width, self.kernel[1], self.stride[1], self.dilation[1], self.padding[1]),
                self.filters,
            ),
            x.dtype,
        )

    def macs(self, *inputs: TensorType) -> int:
        height, width, _ = self.infer(*inputs).shape
        return height * width * math.prod(self.weights.shape)


@dataclass(frozen=True)
class DepthwiseConv2D(Linear):
    """out[y, x, c * M + m] = activation(bias[c * M + m] + sum over ky, kx of in[y', x', c] * weights[ky, kx, c, m]).

    M is the depth multiplier; y' and x' are as in Conv2D.
    """

    weights: Constant
    """(kernel height, kernel width, channels, depth multiplier)."""
    bias: Constant | None = None
    """(channels * depth multiplier,)."""
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)
    activation: Function | None = None

    @property
    def kernel(self) -> Pair:
        return (self.weights.shape[0], self.weights.shape[1])

    @property
    def depth_multiplier(self) -> int:
        return self.weights.shape[3]

    @property
    def groups(self) -> int:
        return self.weights.shape[2]

    @property
    def group_inputs(self) -> int:
        return 1

    @property
    def filters(self) -> int:
        return self.weights.shape[2] * self.weights.shape[3]

    @property
    def is_padded(self) -> bool:
        return self.padding != NO_PADDING

    def from_matrix(self, matrix: Array) -> Array:
        groups, _, _, outputs = matrix.shape
        return np.asarray(matrix[:, :, 0].transpose(1, 0, 2).reshape(*self.kernel, groups, outputs))

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window(self.stride, self.dilation, self.padding)
        expect_rank("weights", self.weights, 4)
        if self.weights.shape[2] != channels:
            shape = self.weights.shape
            raise ShapeError(f"its weights {show(shape)} read {shape[2]} channels, the input has {channels}")
        expect_shape("bias", self.bias, (self.filters,))
        return TensorType(
            (
                windows(height, self.kernel[0], self.stride[0], self.dilation[0], self.padding[0]),
                windows(width, self.kernel[1], self.stride[1], self.dilation[1], self.padding[1]),
                self.filters,
            ),
            x.dtype,
        )

    def macs(self, *inputs: TensorType) -> int:
        height, width, _ = self.infer(*inputs).shape
        return height * width * math.prod(self.weights.shape)


@dataclass(frozen=True)
class SeparableConv2D(Layer):
    """A DepthwiseConv2D without bias, then a 1x1 Conv2D; a pass decomposes it."""

    depthwise: Constant
    """(kernel height, kernel width, channels, depth multiplier)."""
    pointwise: Constant
    """(1, 1, channels * depth multiplier, filters)."""
    bias: Constant | None = None
    """(filters,)."""
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)
    activation: Function | None = None

    @property
    def kernel(self) -> Pair:
        return (self.depthwise.shape[0], self.depthwise.shape[1])

    @property
    def filters(self) -> int:
        return self.pointwise.shape[3]

    @property
    def depth_multiplier(self) -> int:
        return self.depthwise.shape[3]

    def parts(self) -> tuple[DepthwiseConv2D, Conv2D]:
        """The two layers it stands for."""
        return (
            DepthwiseConv2D(self.depthwise, None, self.stride, self.padding, self.dilation),
            Conv2D(self.pointwise, self.bias, activation=self.activation),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        depthwise, pointwise = self.parts()
        return pointwise.infer(depthwise.infer(*inputs))

    def macs(self, *inputs: TensorType) -> int:
        depthwise, pointwise = self.parts()
        return depthwise.macs(*inputs) + pointwise.macs(depthwise.infer(*inputs))


@dataclass(frozen=True)
class Dense(Linear):
    """out[..., o] = activation(bias[o] + sum over i of in[..., i] * weights[i, o])."""

    weights: Constant
    """(inputs, units)."""
    bias: Constant | None = None
    """(units,)."""
    activation: Function | None = None

    channel_axis: ClassVar[int] = 1

    @property
    def taps(self) -> int:
        return 1

    @property
    def group_inputs(self) -> int:
        return self.weights.shape[0]

    @property
    def filters(self) -> int:
        return self.weights.shape[1]

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        expect_rank("weights", self.weights, 2)
        if x.rank < 1 or x.shape[-1] != self.weights.shape[0]:
            shape = self.weights.shape
            raise ShapeError(f"its weights {show(shape)} read {shape[0]} values, the input is {show(x.shape)}")
        expect_shape("bias", self.bias, (self.filters,))
        return TensorType((*x.shape[:-1], self.filters), x.dtype)

    def macs(self, *inputs: TensorType) -> int:
        (x,) = inputs
        return x.elements * self.filters
