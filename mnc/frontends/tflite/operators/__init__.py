"""Which operator is read by which converter: one small function each."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.frontends.tflite.assembly import Converter
from mnc.frontends.tflite.operators import activation, conv, merge, pad, pool, resize, shape

CONVERTERS: Mapping[str, Converter] = {
    "ADD": merge.add,
    "AVERAGE_POOL_2D": pool.average_pool_2d,
    "CONCATENATION": merge.concatenation,
    "CONV_2D": conv.conv_2d,
    "DEPTHWISE_CONV_2D": conv.depthwise_conv_2d,
    "DEQUANTIZE": activation.dequantize,
    "ELU": activation.elu,
    "EXPAND_DIMS": shape.rearranged,
    "FULLY_CONNECTED": conv.fully_connected,
    "HARD_SWISH": activation.hard_swish,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": activation.logistic,
    "MAXIMUM": merge.maximum,
    "MAX_POOL_2D": pool.max_pool_2d,
    "MEAN": pool.mean,
    "MINIMUM": merge.minimum,
    "MUL": merge.mul,
    "PAD": pad.pad,
    "PADV2": pad.padv2,
    "PRELU": activation.prelu,
    "QUANTIZE": activation.quantize,
    "REDUCE_MAX": pool.reduce_max,
    "RELU": activation.relu,
    "RELU6": activation.relu6,
    "RESIZE_BILINEAR": resize.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize.resize_nearest_neighbor,
    "RESHAPE": shape.reshape,
    "SLICE": pad.slice_,
    "SOFTMAX": activation.softmax,
    "SQUEEZE": shape.rearranged,
    "STRIDED_SLICE": pad.strided_slice,
    "SUB": merge.sub,
    "TANH": activation.tanh,
    "TRANSPOSE": shape.transpose,
    "TRANSPOSE_CONV": conv.transpose_conv,
}
"""By the operators' names in TFLite's schema."""
