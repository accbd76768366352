"""Which function selects the int16 kernels of which layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.program import Step
from mnc.backends.select import pool as any_pool
from mnc.backends.select import shape
from mnc.backends.select.quantised import activation, activation16, conv16, merge, move, pool
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Identity,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Permute,
    PReLU,
    Quantize,
    ResizeNearest,
    Reverse,
    Softmax,
    Subtract,
    ZeroPadding2D,
)

INT16: Mapping[type[Layer], Callable[[Site[Any]], Step]] = {
    Activation: activation16.activation,
    Add: merge.add,
    AveragePooling2D: pool.pooling2d,
    Concatenate: move.copied(shape.concatenate),
    Conv2D: conv16.conv2d,
    Conv2DTranspose: conv16.conv2d_transpose,
    Cropping2D: move.copied(shape.cropping2d),
    Dense: conv16.dense,
    DepthwiseConv2D: conv16.depthwise_conv2d,
    Dequantize: move.dequantize,
    GlobalAveragePooling: pool.global_average,
    GlobalMaxPooling: any_pool.global_pooling,
    Identity: move.copied(shape.copy),
    MaxPooling2D: pool.pooling2d,
    Maximum: merge.extreme,
    Minimum: merge.extreme,
    Multiply: merge.multiply,
    PReLU: activation.prelu,
    Permute: move.copied(shape.permute),
    Quantize: move.quantize,
    ResizeNearest: move.resize_nearest,
    Reverse: move.copied(shape.reverse),
    Softmax: activation16.softmax,
    Subtract: merge.add,
    ZeroPadding2D: shape.zero_padding2d,
}
"""The int16 kernels of the C backends; views need none."""
