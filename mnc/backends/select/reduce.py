"""Kernels for reductions along any axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import loops
from mnc.backends.select.quantised.pool import LARGEST_MEAN
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant, rescaled
from mnc.ir.layers import ArgExtreme, ArgMin, ReduceMax, ReduceMean, ReduceMin, ReduceSum, Reduction
from mnc.ir.types import TensorType
from mnc.program import Argument, Call, In, Name, Out, Step
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import mean_multiplier

_OPERATIONS: dict[type[Reduction], str] = {
    ReduceSum: "MNC_REDUCE_SUM",
    ReduceMean: "MNC_REDUCE_SUM",
    ReduceMax: "MNC_REDUCE_MAX",
    ReduceMin: "MNC_REDUCE_MIN",
}


def reduction(context: Context[Reduction]) -> Step | Refusal:
    """One pass over the input for each output, in float32."""
    walked = _walked(context)
    if isinstance(walked, Refusal):
        return walked
    factor = 1.0 / _count(context) if isinstance(context.layer, ReduceMean) else 1.0
    operation = Name(_OPERATIONS[type(context.layer)])
    return context.whole((Call("mnc_reduce_f32", {**walked, "operation": operation, "factor": factor}),))


def faults(_layer: ReduceMean | ReduceSum, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """Sums of too many elements."""
    if inputs[0].elements // output.elements > LARGEST_MEAN[inputs[0].dtype]:
        yield f"for more than {LARGEST_MEAN[inputs[0].dtype]:,} elements"


def sums(context: Context[ReduceMean | ReduceSum]) -> Step | Refusal:
    """Sums and means in integers, on any scale."""
    walked = _walked(context)
    if isinstance(walked, Refusal):
        return walked
    scales = quant(context).scale[0], operands(context).scale
    is_mean = isinstance(context.layer, ReduceMean)
    factor = mean_multiplier(*scales, _count(context)) if is_mean else quantise_multiplier(scales[0] / scales[1])
    rounding = {"in_zero": quant(context).zero_point, **pair("", factor), **limits(context)}
    return context.whole((call(context, "reduce_sum", {**walked, **rounding}),))


def extremes(context: Context[ReduceMax | ReduceMin]) -> Step | Refusal:
    """The largest and the smallest in integers."""
    walked = _walked(context)
    if isinstance(walked, Refusal):
        return walked
    smaller = int(isinstance(context.layer, ReduceMin))
    made = Call(context.kernel("reduce_extreme"), {**walked, "smaller": smaller})
    return context.whole((made,), after=rescaled(context))


def arg_extreme(context: Context[ArgExtreme]) -> Step:
    """Where an element lies along one axis, in any element type."""
    (x,), axis = context.inputs, context.layer.axis % context.inputs[0].type.rank
    arguments: dict[str, Argument] = {
        "in": In(),
        "out": Out(),
        "smaller": int(isinstance(context.layer, ArgMin)),
        "outer": math.prod(x.type.shape[:axis]),
        "count": x.type.shape[axis],
        "inner": math.prod(x.type.shape[axis + 1 :]),
    }
    return context.whole((Call(f"mnc_arg_extreme_{x.type.dtype.suffix}", arguments),))


def _count(context: Context[Reduction]) -> int:
    """How many elements become one."""
    return context.inputs[0].type.elements // context.output.type.elements


def _walked(context: Context[Reduction]) -> dict[str, Argument] | Refusal:
    """A kernel's arguments for the loops over the outputs, and over what becomes each."""
    (x,), layer = context.inputs, context.layer
    shape, places = x.type.shape, layer.places(x.type.rank)
    kept = [i for i in range(x.type.rank) if i not in places]
    outside = loops([shape[i] for i in kept], [x.strides[i] for i in kept])
    inside = loops([shape[i] for i in places], [x.strides[i] for i in places])
    if max(outside.depth, inside.depth) > 3:
        return Refusal(f"{type(layer).__name__} alternates too often between axes that go and axes that stay")
    return {
        "in": In(),
        "out": Out(),
        **outside.sized("rows", "pixels", "channels"),
        **outside.moved(0, "row", "pixel", "channel"),
        **inside.sized("outer", "inner", "count"),
        **inside.moved(0, "outer_stride", "inner_stride", "stride"),
    }
