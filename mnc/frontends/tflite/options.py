"""Which options of which operator mnc reads, by the names of TFLite's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """A table of the schema and the fields that matter.  What only guides a TFLite kernel is left out."""

    table: str
    fields: tuple[str, ...]


_WINDOW = ("Padding", "StrideH", "StrideW")
_POOL = Options("Pool2DOptions", (*_WINDOW, "FilterHeight", "FilterWidth", "FusedActivationFunction"))
_REDUCE = Options("ReducerOptions", ("KeepDims",))
_RESIZE = ("AlignCorners", "HalfPixelCenters")

OPTIONS: Mapping[str, Options] = {
    "ADD": Options("AddOptions", ("FusedActivationFunction",)),
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": Options("BatchMatMulOptions", ("AdjX", "AdjY")),
    "CALL_ONCE": Options("CallOnceOptions", ("InitSubgraphIndex",)),
    "CONCATENATION": Options("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": Options(
        "Conv2DOptions",
        (*_WINDOW, "DilationHFactor", "DilationWFactor", "FusedActivationFunction", "QuantizedBiasType"),
    ),
    "CUMSUM": Options("CumsumOptions", ("Exclusive", "Reverse")),
    "DEPTHWISE_CONV_2D": Options(
        "DepthwiseConv2DOptions", (*_WINDOW, "DilationHFactor", "DilationWFactor", "FusedActivationFunction")
    ),
    "DIV": Options("DivOptions", ("FusedActivationFunction",)),
    "FULLY_CONNECTED": Options(
        "FullyConnectedOptions", ("FusedActivationFunction", "WeightsFormat", "QuantizedBiasType")
    ),
    "GATHER": Options("GatherOptions", ("Axis", "BatchDims")),
    "DEPTH_TO_SPACE": Options("DepthToSpaceOptions", ("BlockSize",)),
    "L2_NORMALIZATION": Options("L2NormOptions", ("FusedActivationFunction",)),
    "L2_POOL_2D": _POOL,
    "GELU": Options("GeluOptions", ("Approximate",)),
    "LEAKY_RELU": Options("LeakyReluOptions", ("Alpha",)),
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCE,
    "MIRROR_PAD": Options("MirrorPadOptions", ("Mode",)),
    "MUL": Options("MulOptions", ("FusedActivationFunction",)),
    "PACK": Options("PackOptions", ("Axis",)),
    "REDUCE_ALL": _REDUCE,
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "REDUCE_PROD": _REDUCE,
    "RESIZE_BILINEAR": Options("ResizeBilinearOptions", _RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Options("ResizeNearestNeighborOptions", _RESIZE),
    "SPACE_TO_DEPTH": Options("SpaceToDepthOptions", ("BlockSize",)),
    "SOFTMAX": Options("SoftmaxOptions", ("Beta",)),
    "SQUEEZE": Options("SqueezeOptions", ()),
    "STRIDED_SLICE": Options(
        "StridedSliceOptions", ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset")
    ),
    "SUB": Options("SubOptions", ("FusedActivationFunction",)),
    "SUM": _REDUCE,
    "SVDF": Options("SVDFOptions", ("Rank", "FusedActivationFunction")),
    "TRANSPOSE_CONV": Options("TransposeConvOptions", (*_WINDOW, "FusedActivationFunction")),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Options(
        "UnidirectionalSequenceLSTMOptions", ("FusedActivationFunction", "CellClip", "TimeMajor")
    ),
    "UNPACK": Options("UnpackOptions", ("Axis",)),
    "VAR_HANDLE": Options("VarHandleOptions", ("Container", "SharedName")),
    "WHILE": Options("WhileOptions", ("CondSubgraphIndex", "BodySubgraphIndex")),
}
