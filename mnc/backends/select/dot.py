"""The kernel that multiplies two values."""

from __future__ import annotations

import math

from mnc.backends.select.blocks import across
from mnc.backends.select.context import Context
from mnc.backends.select.loops import Loops, loops
from mnc.ir.layers import Dot, MatMul
from mnc.program import Argument, Call, In, Out, Step, Value


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


def matmul(context: Context[MatMul]) -> Step:
    """One pair of matrices after the other, the rows of the first with the columns of the second."""
    (a, _), y, layer = context.inputs, context.output, context.layer
    (rows, columns), inner = y.type.shape[-2:], a.type.shape[-2 if layer.transpose_a else -1]
    row, along = (1, rows) if layer.transpose_a else (inner, 1)
    column, down = (inner, 1) if layer.transpose_b else (1, columns)
    arguments: dict[str, Argument] = {
        "a": In(0, stride=rows * inner),
        "b": In(1, stride=inner * columns),
        "out": Out(stride=rows * columns),
        "a_outer": 1,
        "a_inner": rows,
        "b_outer": 1,
        "b_inner": columns,
        "count": inner,
        "a_outer_stride": 0,
        "a_inner_stride": row,
        "a_stride": along,
        "b_outer_stride": 0,
        "b_inner_stride": column,
        "b_stride": down,
        "block": across(columns, most=8),
    }
    return context.whole((Call("mnc_dot_f32", arguments),), times=math.prod(y.type.shape[:-2]))


def _slices(x: Value, axis: int) -> Loops:
    """The loops over all axes but one of a row-major value."""
    kept = [i for i in range(x.type.rank) if i != axis % x.type.rank]
    return loops([x.type.shape[i] for i in kept], [x.strides[i] for i in kept])
