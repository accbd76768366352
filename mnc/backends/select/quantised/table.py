"""Which function selects the int8 kernels of each layer kind, and which functions select int16 kernels as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.select import dot, reduce, resize, shape
from mnc.backends.select import pool as any_pool
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised import activation, choice, helium, merge, move, pool, recurrent, transpose_conv
from mnc.backends.select.quantised.limits import within_limits
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    ArgMax,
    ArgMin,
    AveragePooling2D,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Divide,
    Equal,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Greater,
    GreaterEqual,
    Identity,
    LogSoftmax,
    MatMul,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    NotEqual,
    Permute,
    PReLU,
    Quantize,
    ReduceMax,
    ReduceMean,
    ReduceMin,
    ReduceSum,
    ResizeBilinear,
    ResizeNearest,
    Reverse,
    SimpleRNN,
    Slice,
    Softmax,
    SquaredDifference,
    Subtract,
    Take,
    UnitNormalization,
    Where,
    ZeroPadding2D,
)
from mnc.program import Step

SHARED: Mapping[type[Layer], Callable[[Context[Any]], Step | Refusal]] = {
    Add: merge.add,
    ArgMax: reduce.arg_extreme,
    ArgMin: reduce.arg_extreme,
    AveragePooling2D: pool.pooling2d,
    Broadcast: shape.broadcast,
    Concatenate: shape.concatenate,
    Conv2DTranspose: transpose_conv.conv2d_transpose,
    Cropping2D: shape.cropping2d,
    Dequantize: move.dequantize,
    GRU: recurrent.gru,
    GlobalAveragePooling: pool.global_average,
    GlobalMaxPooling: any_pool.global_pooling,
    Identity: shape.copy,
    LSTM: recurrent.lstm,
    MatMul: dot.quantised_matmul,
    MaxPooling2D: pool.pooling2d,
    Maximum: merge.extreme,
    Minimum: merge.extreme,
    Multiply: merge.multiply,
    PReLU: activation.prelu,
    Permute: shape.permute,
    Quantize: move.quantize,
    ReduceMax: reduce.extremes,
    ReduceMean: reduce.sums,
    ReduceMin: reduce.extremes,
    ReduceSum: reduce.sums,
    ResizeNearest: resize.resize_nearest,
    Reverse: shape.reverse,
    SimpleRNN: recurrent.simple_rnn,
    Slice: shape.slice_,
    SquaredDifference: merge.squared_difference,
    Subtract: merge.add,
    Take: shape.take,
    Where: choice.where,
    ZeroPadding2D: shape.zero_padding2d,
}
"""The layer kinds that one function selects kernels for in int8 and in int16."""

INT32: Mapping[type[Layer], Callable[[Context[Any]], Step | Refusal]] = {
    Identity: shape.copy,
    Quantize: move.quantize,
}
"""The kernels on int32 alone."""

INT8: Mapping[type[Layer], Callable[[Context[Any]], Step | Refusal]] = within_limits(
    {
        **SHARED,
        Activation: activation.tabulated,
        Add: helium.add,
        Conv2D: helium.conv2d,
        Dense: helium.dense,
        DepthwiseConv2D: helium.depthwise_conv2d,
        Divide: merge.divide,
        Equal: choice.comparison,
        Greater: choice.comparison,
        GreaterEqual: choice.comparison,
        LogSoftmax: activation.log_softmax,
        NotEqual: choice.comparison,
        ResizeBilinear: move.resize_bilinear,
        Softmax: activation.softmax,
        UnitNormalization: activation.unit_normalization,
    }
)
"""The int8 kernels of the C backends; views need none."""
