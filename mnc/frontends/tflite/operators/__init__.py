"""Which operator is read by which converter: one small function each."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.frontends.tflite.assembly import Converter
from mnc.frontends.tflite.operators import activation, conv, merge, pad, part, pool, resize, shape

CONVERTERS: Mapping[str, Converter] = {
    "ADD": merge.add,
    "AVERAGE_POOL_2D": pool.average_pool_2d,
    "BATCH_TO_SPACE_ND": shape.batch_to_space_nd,
    "BROADCAST_TO": shape.broadcast_to,
    "CONCATENATION": shape.concatenation,
    "CONV_2D": conv.conv_2d,
    "DEPTHWISE_CONV_2D": conv.depthwise_conv_2d,
    "DEPTH_TO_SPACE": shape.depth_to_space,
    "DEQUANTIZE": activation.dequantize,
    "ELU": activation.elu,
    "EXPAND_DIMS": shape.rearranged,
    "FULLY_CONNECTED": conv.fully_connected,
    "GATHER": part.gather,
    "GATHER_ND": part.gather_nd,
    "HARD_SWISH": activation.hard_swish,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": activation.logistic,
    "MAXIMUM": merge.maximum,
    "MAX_POOL_2D": pool.max_pool_2d,
    "MEAN": pool.mean,
    "MINIMUM": merge.minimum,
    "MIRROR_PAD": part.mirror_pad,
    "MUL": merge.mul,
    "PACK": shape.pack,
    "PAD": pad.pad,
    "PADV2": pad.padv2,
    "PRELU": activation.prelu,
    "QUANTIZE": activation.quantize,
    "REDUCE_MAX": pool.reduce_max,
    "RELU": activation.relu,
    "RELU6": activation.relu6,
    "RESHAPE": shape.reshape,
    "RESIZE_BILINEAR": resize.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize.resize_nearest_neighbor,
    "REVERSE_V2": part.reverse,
    "SLICE": part.slice_,
    "SOFTMAX": activation.softmax,
    "SPACE_TO_BATCH_ND": shape.space_to_batch_nd,
    "SPACE_TO_DEPTH": shape.space_to_depth,
    "SPLIT": part.split,
    "SPLIT_V": part.split_v,
    "SQUEEZE": shape.rearranged,
    "STRIDED_SLICE": part.strided_slice,
    "SUB": merge.sub,
    "TANH": activation.tanh,
    "TILE": shape.tile,
    "TRANSPOSE": shape.transpose,
    "TRANSPOSE_CONV": conv.transpose_conv,
    "UNPACK": part.unpack,
}
"""By the operators' names in TFLite's schema."""
