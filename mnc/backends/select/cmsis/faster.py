"""Where mnc's own kernel takes fewer instructions than CMSIS-NN's.

Measured with GCC 12.2 on the layers of the MLPerf Tiny networks and of the
MobileNets, and on single layers of int16, on Cortex-M3, M4 and M55; `mnc bench
--layers` shows it.
"""

from __future__ import annotations

import math
from typing import Any

from mnc.backends.select.cmsis.core import Core, Cores
from mnc.backends.select.context import Context, Refusal
from mnc.ir.layers import Add, AveragePooling2D, Conv2D, Dense, DepthwiseConv2D, Multiply, Pooling2D, Softmax
from mnc.ir.types import DType
from mnc.program import Step

FEW_CHANNELS = 8
"""With no more of them a depthwise convolution on MVE does not fill vectors, and pays for its windows' copies.

Nor does pooling of int16.
"""
FEW_PRODUCTS = 150
"""With no more of them in a pixel a convolution on MVE pays more for its windows' copies than for its products."""

FEW_PRODUCTS_INT16 = 100
"""Products of an output up to which mnc's int16 kernel, which uses no DSP extension, is the faster on a DSP core."""


OWN_HELIUM = "_mve_"
"""In the names of mnc's kernels for Helium, of which each was faster on every layer that was measured."""


def own_is_faster(cores: Cores, context: Context[Any], own: Step | Refusal) -> bool:
    """Whether this very layer, mnc's step for which is `own`, is one of those; False where the cores differ."""
    if isinstance(own, Step) and OWN_HELIUM in own.kernel:
        return True
    is_int16 = context.output.type.dtype is DType.INT16
    match (context.layer, *cores):
        case (Conv2D() as layer, Core.DSP) if is_int16:
            return math.prod(layer.weights.shape[:3]) <= FEW_PRODUCTS_INT16
        case (Pooling2D(), core) if is_int16:
            return core is not Core.MVE or context.inputs[0].image[2] <= FEW_CHANNELS
        case (Multiply(), Core.PLAIN) if is_int16:
            return True
        case (Softmax(), _):
            return True  # the exponentials of at most 256 differences are a table
        case (DepthwiseConv2D() as layer, Core.MVE):
            return layer.depth_multiplier == 1 and context.inputs[0].image[2] <= FEW_CHANNELS
        case (Conv2D() as layer, Core.MVE):
            return not layer.is_pointwise and math.prod(layer.weights.shape) <= FEW_PRODUCTS
        case (Add() | Conv2D() | DepthwiseConv2D() | Dense(), Core.DSP | Core.PLAIN) | (AveragePooling2D(), Core.PLAIN):
            return True
    return False
