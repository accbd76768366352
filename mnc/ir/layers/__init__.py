"""Every layer kind of the IR, grouped by what it does."""

from mnc.ir.layers.conv import Conv2D, Dense, DepthwiseConv2D, SeparableConv2D
from mnc.ir.layers.elementwise import (
    Activation,
    Add,
    Average,
    Identity,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Softmax,
    Subtract,
)
from mnc.ir.layers.norm import BatchNormalization
from mnc.ir.layers.pool import (
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    GlobalPooling,
    MaxPooling2D,
    Pooling2D,
    ZeroPadding2D,
)
from mnc.ir.layers.shape import Concatenate, Flatten, Permute, Reshape
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, same_padding

__all__ = [
    "NO_PADDING",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Flatten",
    "GlobalAveragePooling",
    "GlobalMaxPooling",
    "GlobalPooling",
    "Identity",
    "MaxPooling2D",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "Padding",
    "Pair",
    "Permute",
    "Pooling2D",
    "Reshape",
    "SeparableConv2D",
    "Softmax",
    "Subtract",
    "ZeroPadding2D",
    "same_padding",
]
