"""The kernel that multiplies two values."""

from __future__ import annotations

from mnc.backends.select.blocks import across
from mnc.backends.select.context import Context
from mnc.backends.select.loops import Loops, loops
from mnc.ir.layers import Dot
from mnc.program import Call, In, Out, Step, Value


def dot(context: Context[Dot]) -> Step:
    """Every slice of the first input along its axis with every one of the second."""
    a, b = context.inputs
    axes = context.layer.axes
    left, right = _slices(a, axes[0]), _slices(b, axes[1])
    call = Call(
        "mnc_dot_f32",
        {
            "a": In(0),
            "b": In(1),
            "out": Out(),
            **left.sized("a_outer", "a_inner"),
            **right.sized("b_outer", "b_inner"),
            "count": a.type.shape[axes[0]],
            **left.moved(0, "a_outer_stride", "a_inner_stride"),
            "a_stride": a.strides[axes[0]],
            **right.moved(0, "b_outer_stride", "b_inner_stride"),
            "b_stride": b.strides[axes[1]],
            "block": across(right.sizes[-1] if right.sizes else 1, most=8),
        },
    )
    return context.whole((call,))


def _slices(x: Value, axis: int) -> Loops:
    """The loops over all axes but one of a row-major value."""
    kept = [i for i in range(x.type.rank) if i != axis % x.type.rank]
    return loops([x.type.shape[i] for i in kept], [x.strides[i] for i in kept])
