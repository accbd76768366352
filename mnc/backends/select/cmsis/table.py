"""Which function selects the kernels of which int8 or int16 layer kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mnc.backends.select import Select
from mnc.backends.select.cmsis import conv, dense, depthwise, elementwise, int16, pool, softmax, transpose_conv
from mnc.backends.select.cmsis.core import forms
from mnc.backends.select.cmsis.faster import own_is_faster
from mnc.backends.select.cmsis.overlap import overlapping
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised.limits import within_limits
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Add,
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Softmax,
)
from mnc.ir.types import DType
from mnc.program import Step

CMSIS_NN: Mapping[type[Layer], Select] = {
    Add: elementwise.add,
    AveragePooling2D: pool.pooling2d,
    Conv2D: conv.conv2d,
    Conv2DTranspose: transpose_conv.conv2d_transpose,
    Dense: dense.dense,
    DepthwiseConv2D: depthwise.depthwise_conv2d,
    MaxPooling2D: pool.pooling2d,
    Maximum: elementwise.extreme,
    Minimum: elementwise.extreme,
    Multiply: elementwise.multiply,
    Softmax: softmax.softmax,
}
"""The layer kinds that CMSIS-NN has int8 kernels for."""

CMSIS_NN_INT16: Mapping[type[Layer], Select] = {
    Add: elementwise.add,
    AveragePooling2D: pool.pooling2d,
    Conv2D: int16.conv2d,
    Dense: int16.dense,
    DepthwiseConv2D: int16.depthwise_conv2d,
    MaxPooling2D: pool.pooling2d,
    Multiply: elementwise.multiply,
    Softmax: softmax.softmax_int16,
}
"""Layer kinds that CMSIS-NN has int16 kernels for."""

FASTER = "it takes fewer instructions on this core than CMSIS-NN's"
UNSIGNED = "CMSIS-NN's functions read no uint8"
BETWEEN_TYPES = "CMSIS-NN's functions have one type for inputs and outputs"


def preferred(
    own: Mapping[type[Layer], Select], library: Mapping[type[Layer], Select], *, fastest: bool, overlap: bool
) -> Mapping[type[Layer], Select]:
    """CMSIS-NN's kernels where they fit, else mnc's own with the reason why they do not.

    `fastest`: those also where they are faster.  `overlap`: outputs may lie over
    what their functions have read of the input.
    """

    def either(kind: type[Layer]) -> Select:
        def chosen(context: Context[Any]) -> Step | Refusal:
            cores, step = forms(context.core), own[kind](context)
            if fastest and own_is_faster(cores, context, step):
                made: Step | Refusal = Refusal(FASTER)
            elif any(x.type.dtype is DType.UINT8 for x in context.inputs):
                return Refusal(UNSIGNED)
            elif len({value.type.dtype for value in (*context.inputs, *context.outputs)}) > 1:
                made = Refusal(BETWEEN_TYPES)
            else:
                made = library[kind](context)
            if isinstance(made, Refusal):
                return replace(step, reason=made.reason) if isinstance(step, Step) else step
            return overlapping(cores, context, made) if overlap else made

        return chosen

    return {**own, **within_limits({kind: either(kind) for kind in library})}
