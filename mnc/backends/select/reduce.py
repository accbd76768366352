"""Kernels for reductions along any axes."""

from __future__ import annotations

import math

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import loops
from mnc.ir.layers import ReduceMax, ReduceMean, ReduceMin, ReduceSum, Reduction
from mnc.program import Argument, Call, In, Name, Out, Step

_OPERATIONS: dict[type[Reduction], str] = {
    ReduceSum: "MNC_REDUCE_SUM",
    ReduceMean: "MNC_REDUCE_SUM",
    ReduceMax: "MNC_REDUCE_MAX",
    ReduceMin: "MNC_REDUCE_MIN",
}


def reduction(context: Context[Reduction]) -> Step | Refusal:
    """One pass over the input for each output."""
    (x,), layer = context.inputs, context.layer
    shape, places = x.type.shape, layer.places(x.type.rank)
    kept = [i for i in range(x.type.rank) if i not in places]
    outside = loops([shape[i] for i in kept], [x.strides[i] for i in kept])
    inside = loops([shape[i] for i in places], [x.strides[i] for i in places])
    if max(outside.depth, inside.depth) > 3:
        return Refusal(f"{type(layer).__name__} alternates too often between axes that go and axes that stay")
    count = math.prod(shape[i] for i in places)
    arguments: dict[str, Argument] = {
        "in": In(),
        "out": Out(),
        "operation": Name(_OPERATIONS[type(layer)]),
        **outside.sized("rows", "pixels", "channels"),
        **outside.moved(0, "row", "pixel", "channel"),
        **inside.sized("outer", "inner", "count"),
        **inside.moved(0, "outer_stride", "inner_stride", "stride"),
        "factor": 1.0 / count if isinstance(layer, ReduceMean) else 1.0,
    }
    return context.whole((Call("mnc_reduce_f32", arguments),))
