"""The kernel that multiplies two values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mnc.backends.select.blocks import across
from mnc.backends.select.context import Context
from mnc.backends.select.loops import Loops, loops
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.ir.layers import Dot, MatMul
from mnc.ir.types import DType, TensorType
from mnc.program import Argument, Call, In, Out, Step, Value
from mnc.reference.quantised.arithmetic import narrow, quantise_multiplier


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
    columns = context.output.type.shape[-1]
    arguments: dict[str, Argument] = {"a_outer": 1, "a_outer_stride": 0, "b_outer": 1, "b_outer_stride": 0}
    product = Call("mnc_dot_f32", {**_matrices(context), **arguments, "block": across(columns, most=8)})
    return context.whole((product,), times=_times(context))


LARGEST_PRODUCTS = {DType.INT8: 2**15, DType.INT16: 2**16}
"""Largest number of products whose sum int32 holds, or in int16 48 bits."""


def faults(layer: MatMul, inputs: Sequence[TensorType], _output: TensorType) -> Iterator[str]:
    """Sums of too many products."""
    most = LARGEST_PRODUCTS[inputs[0].dtype]
    if inputs[0].shape[-2 if layer.transpose_a else -1] > most:
        yield f"for sums of more than {most:,} products"


def quantised_matmul(context: Context[MatMul]) -> Step:
    """Every row of the one matrix with every column of the other in integers, for each pair of matrices."""
    first, second = quant(context, 0), quant(context, 1)
    multiplier, shift = quantise_multiplier(first.scale[0] * second.scale[0] / operands(context).scale)
    if context.output.type.dtype is DType.INT16:
        multiplier, shift = int(narrow(multiplier)), 15 - shift
    made = call(
        context,
        "matmul",
        {
            **_matrices(context),
            "a_zero": first.zero_point,
            "b_zero": second.zero_point,
            **pair("", (multiplier, shift)),
            **limits(context),
        },
    )
    return context.whole((made,), times=_times(context))


def _times(context: Context[MatMul]) -> int:
    """How many pairs of matrices there are."""
    return math.prod(context.output.type.shape[:-2])


def _matrices(context: Context[MatMul]) -> dict[str, Argument]:
    """A kernel's arguments for one pair of matrices and their product."""
    (a, _), y, layer = context.inputs, context.output, context.layer
    (rows, columns), inner = y.type.shape[-2:], a.type.shape[-2 if layer.transpose_a else -1]
    row, along = (1, rows) if layer.transpose_a else (inner, 1)
    column, down = (inner, 1) if layer.transpose_b else (1, columns)
    return {
        "a": In(0, stride=rows * inner),
        "b": In(1, stride=inner * columns),
        "out": Out(stride=rows * columns),
        "a_inner": rows,
        "b_inner": columns,
        "count": inner,
        "a_inner_stride": row,
        "a_stride": along,
        "b_inner_stride": column,
        "b_stride": down,
    }


def _slices(x: Value, axis: int) -> Loops:
    """The loops over all axes but one of a row-major value."""
    kept = [i for i in range(x.type.rank) if i != axis % x.type.rank]
    return loops([x.type.shape[i] for i in kept], [x.strides[i] for i in kept])
