"""Which function selects the kernels of which layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.select import (
    conv,
    dot,
    elementwise,
    lookup,
    norm,
    pool,
    recurrent,
    resize,
    shape,
    transpose_conv,
)
from mnc.backends.select.context import Context, Refusal
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    Average,
    AveragePooling2D,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dot,
    Embedding,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GroupNormalization,
    Identity,
    LayerNormalization,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Permute,
    PReLU,
    ResizeBilinear,
    ResizeNearest,
    Reverse,
    SimpleRNN,
    Slice,
    Softmax,
    Subtract,
    Take,
    UnitNormalization,
    ZeroPadding2D,
)
from mnc.program import Step

Select = Callable[[Context[Any]], Step | Refusal]

FLOAT32: Mapping[type[Layer], Select] = {
    Activation: elementwise.activation,
    Add: elementwise.merge,
    Average: elementwise.merge,
    AveragePooling2D: pool.pooling2d,
    Broadcast: shape.broadcast,
    Concatenate: shape.concatenate,
    Conv2D: conv.conv2d,
    Conv2DTranspose: transpose_conv.conv2d_transpose,
    Cropping2D: shape.cropping2d,
    Dense: conv.dense,
    DepthwiseConv2D: conv.depthwise_conv2d,
    Dot: dot.dot,
    Embedding: lookup.embedding,
    GRU: recurrent.gru,
    GlobalAveragePooling: pool.global_pooling,
    GlobalMaxPooling: pool.global_pooling,
    GroupNormalization: norm.group_normalization,
    Identity: shape.copy,
    LSTM: recurrent.lstm,
    LayerNormalization: norm.layer_normalization,
    MaxPooling2D: pool.pooling2d,
    Maximum: elementwise.merge,
    Minimum: elementwise.merge,
    Multiply: elementwise.merge,
    PReLU: elementwise.prelu,
    Permute: shape.permute,
    ResizeBilinear: resize.resize_bilinear,
    ResizeNearest: resize.resize_nearest,
    Reverse: shape.reverse,
    SimpleRNN: recurrent.simple_rnn,
    Slice: shape.slice_,
    Softmax: elementwise.softmax,
    Subtract: elementwise.merge,
    Take: shape.take,
    UnitNormalization: norm.unit_normalization,
    ZeroPadding2D: shape.zero_padding2d,
}
"""The float32 kernels of the C backends; views need none."""
