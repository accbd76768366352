"""Every layer kind of the IR, grouped by function."""

from mnc.ir.layers.conv import Conv2D, Dense, DepthwiseConv2D, SeparableConv2D
from mnc.ir.layers.elementwise import (
    Activation,
    Add,
    Average,
    Divide,
    Dot,
    Identity,
    LogSoftmax,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    PReLU,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
)
from mnc.ir.layers.embedding import Embedding
from mnc.ir.layers.indexing import Broadcast, Slice, Take
from mnc.ir.layers.linear import Linear
from mnc.ir.layers.norm import BatchNormalization, GroupNormalization, LayerNormalization, UnitNormalization
from mnc.ir.layers.pool import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Pooling2D,
    ZeroPadding2D,
)
from mnc.ir.layers.quantise import Dequantize, Quantize, shifted
from mnc.ir.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.layers.reduce import MatMul, ReduceMax, ReduceMean, ReduceMin, ReduceSum, Reduction
from mnc.ir.layers.resize import Cropping2D, Resize, ResizeBilinear, ResizeNearest
from mnc.ir.layers.shape import Concatenate, Flatten, Permute, Reshape, Reverse
from mnc.ir.layers.transpose_conv import Conv2DTranspose
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, same_padding

__all__ = [
    "GRU",
    "LSTM",
    "NO_PADDING",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Broadcast",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dequantize",
    "Divide",
    "Dot",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling",
    "GlobalMaxPooling",
    "GlobalPooling",
    "GroupNormalization",
    "Identity",
    "LayerNormalization",
    "Linear",
    "LogSoftmax",
    "MatMul",
    "MaxPooling2D",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "PReLU",
    "Padding",
    "Pair",
    "Permute",
    "Pooling2D",
    "Quantize",
    "Recurrent",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Reduction",
    "Reshape",
    "Resize",
    "ResizeBilinear",
    "ResizeNearest",
    "Reverse",
    "SeparableConv2D",
    "SimpleRNN",
    "Slice",
    "Softmax",
    "Sparsemax",
    "SquaredDifference",
    "Subtract",
    "Take",
    "UnitNormalization",
    "ZeroPadding2D",
    "same_padding",
    "shifted",
]
