"""Kernels for pooling in integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnc.backends.select import pool
from mnc.backends.select.context import Context
from mnc.backends.select.quantised.paired import is_fast
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.ir.layers import AveragePooling2D, GlobalAveragePooling, Pooling2D
from mnc.ir.types import DType, TensorType
from mnc.program import Step
from mnc.reference.quantised.layers import mean_multiplier

LARGEST_MEAN = {DType.INT8: 2**23, DType.INT16: 2**15}
"""Largest number of elements whose sum int32 holds."""


def faults(
    layer: AveragePooling2D | GlobalAveragePooling, inputs: Sequence[TensorType], output: TensorType
) -> Iterator[str]:
    """Means that are not computed in integers."""
    (x,), largest = inputs, LARGEST_MEAN[output.dtype]
    if isinstance(layer, AveragePooling2D) and layer.count_padding:
        yield "that counts the padding"
    window = layer.pool[0] * layer.pool[1] if isinstance(layer, AveragePooling2D) else x.elements // x.shape[-1]
    if window > largest:
        yield f"for the mean of more than {largest:,} elements"


def pooling2d(context: Context[Pooling2D]) -> Step:
    """Max or average pooling, row by row."""
    (x,), y = context.inputs, context.output
    fours = is_fast(context) and y.type.dtype is DType.INT8 and x.image[2] >= 4
    largest = "max_pooling2d_fours" if fours else "max_pooling2d"
    return pool.over_windows(context, {"in_pixel": x.layout.pixel, "out_pixel": y.layout.pixel}, largest)


def global_average(context: Context[GlobalAveragePooling]) -> Step:
    """The mean of each channel, on any scale."""
    height, width, _ = context.inputs[0].image
    arguments = {
        **pool.over_image(context),
        "in_zero": quant(context).zero_point,
        **pair("", mean_multiplier(quant(context).scale[0], operands(context).scale, height * width)),
        **limits(context),
    }
    return context.whole((call(context, "global_average", arguments),))
