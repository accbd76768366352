"""Which function selects the kernels of which layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.program import Step
from mnc.backends.select import conv, elementwise, pool, shape
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    Average,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Identity,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Softmax,
    Subtract,
    ZeroPadding2D,
)

Select = Callable[[Site[Any]], Step]

FLOAT32: Mapping[type[Layer], Select] = {
    Activation: elementwise.activation,
    Add: elementwise.merge,
    Average: elementwise.merge,
    AveragePooling2D: pool.pooling2d,
    Concatenate: shape.concatenate,
    Conv2D: conv.conv2d,
    Dense: conv.dense,
    DepthwiseConv2D: conv.depthwise_conv2d,
    GlobalAveragePooling: pool.global_pooling,
    GlobalMaxPooling: pool.global_pooling,
    Identity: shape.copy,
    MaxPooling2D: pool.pooling2d,
    Maximum: elementwise.merge,
    Minimum: elementwise.merge,
    Multiply: elementwise.merge,
    Softmax: elementwise.softmax,
    Subtract: elementwise.merge,
    ZeroPadding2D: pool.zero_padding2d,
}
"""The float32 kernels of the C backends; views need none."""
