"""Kernels that only move elements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.conv import strides
from mnc.backends.select.loops import DEEPEST, loops, repeated
from mnc.backends.select.quantised.requantise import moved, rescaled
from mnc.ir.layers import (
    Broadcast,
    Concatenate,
    Cropping2D,
    Identity,
    Permute,
    Quantize,
    Reverse,
    Slice,
    Take,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, Shape
from mnc.program import Call, Const, In, Out, RowPointers, Step, Window


def copy(context: Context[Identity | Quantize]) -> Step:
    """The input once more, in other memory."""
    (x,), y = context.inputs, context.output
    return _moved(context, y.type.shape, x.strides)


def permute(context: Context[Permute]) -> Step | Refusal:
    """The input walked in the order of the output's axes."""
    (x,), y = context.inputs, context.output
    source = [x.strides[axis] for axis in context.layer.axes]
    depth = loops(y.type.shape, y.strides, source).depth
    if depth > DEEPEST:
        return Refusal(f"Permute moves at most {DEEPEST} groups of axes, not {depth}")
    return _moved(context, y.type.shape, source)


def reverse(context: Context[Reverse]) -> Step:
    """The input walked backwards along one axis, from its last element on."""
    (x,), y = context.inputs, context.output
    axis = context.layer.axis % x.type.rank
    backwards = [-stride if i == axis else stride for i, stride in enumerate(x.strides)]
    return _moved(context, y.type.shape, backwards, offset=(x.type.shape[axis] - 1) * x.strides[axis])


def slice_(context: Context[Slice]) -> Step | Refusal:
    """The input walked by larger steps, from the first element on."""
    (x,), layer = context.inputs, context.layer
    steps = [stride * step for stride, step in zip(x.strides, layer.steps, strict=True)]
    offset = sum(stride * first for stride, first in zip(x.strides, layer.starts, strict=True))
    return _walked(context, steps, offset, in_order=layer.is_forward)


def broadcast(context: Context[Broadcast]) -> Step | Refusal:
    """The input walked with no step along the axes on which it is repeated."""
    (x,) = context.inputs
    return _walked(context, repeated(x, len(context.layer.shape)))


def take(context: Context[Take]) -> Step:
    """Runs of elements from the places that a table names."""
    (x,), layer, y = context.inputs, context.layer, context.output
    axis = layer.axis % x.type.rank
    call = Call(
        context.kernel("take"),
        {
            "in": In(),
            "out": Out(),
            "places": Const("places"),
            "outer": math.prod(x.type.shape[:axis]),
            "size": x.type.shape[axis],
            "count": y.type.shape[axis],
            "inner": math.prod(x.type.shape[axis + 1 :]),
        },
    )
    return context.whole((call,), {"places": Constant(np.array(layer.indices, np.int32))}, after=rescaled(context))


def concatenate(context: Context[Concatenate]) -> Step:
    """Each input copied to its place."""
    y = context.output
    axis = context.layer.axis % y.type.rank
    calls, first = [], 0
    for i, x in enumerate(context.inputs):
        source, target = In(i), Out(first * y.strides[axis])
        calls.append(_copy(context, i, target, source, x.type.shape, y.strides, x.strides))
        first += x.type.shape[axis]
    return context.whole(tuple(calls))


def cropping2d(context: Context[Cropping2D]) -> Step:
    """The middle of each row that is left."""
    (x,), y = context.inputs, context.output
    (top, _), (left, _) = context.layer.cropping
    source = In(offset=top * x.layout.row + left * x.layout.pixel)
    return context.by_rows(
        Window(padding=-top),
        (_copy(context, 0, Out(), source, y.type.shape[1:], y.strides[1:], x.strides[1:]),),
    )


def zero_padding2d(context: Context[ZeroPadding2D]) -> Step:
    """Padding that no layer could take into itself."""
    (x,), y = context.inputs, context.output
    (top, _), (left, _) = context.layer.padding
    value = {} if x.type.quant is None else {"value": x.type.quant.zero_point}
    call = Call(
        context.kernel("zero_padding2d"),
        {
            "rows": RowPointers(),
            "out": Out(),
            "channels": x.image[2],
            "left": left,
            "in_width": x.image[1],
            "out_width": y.image[1],
            **strides(x, y),
            **value,
        },
    )
    return context.by_rows(Window(padding=top), (call,), {})


def _walked(
    context: Context[Broadcast | Slice], source: Sequence[int], offset: int = 0, *, in_order: bool = True
) -> Step | Refusal:
    """As `_moved`, with a refusal of more loops than there are kernels for."""
    shape = context.output.type.shape
    depth = loops(shape, context.output.strides, source).depth
    if depth > DEEPEST:
        return Refusal(f"{type(context.layer).__name__} moves at most {DEEPEST} groups of axes, not {depth}")
    return _moved(context, shape, source, offset, in_order=in_order)


def _moved(
    context: Context[Broadcast | Identity | Permute | Quantize | Reverse | Slice],
    shape: Shape,
    source: Sequence[int],
    offset: int = 0,
    *,
    in_order: bool = True,
) -> Step:
    """Every element of the output, from where `source` strides through the input from element `offset` on.

    `in_order` is False where an input larger than the output is not read from its first element on.
    """
    y = context.output
    nest = loops(shape, y.strides, source)
    rows, (forth, back), inside = nest.rows(3)
    call = moved(
        context,
        0,
        {
            "in": In(offset=offset, stride=back),
            "out": Out(stride=forth),
            **inside.sized("rows", "pixels", "channels"),
            **inside.moved(0, "out_row", "out_pixel", "out_channel"),
            **inside.moved(1, "in_row", "in_pixel", "in_channel"),
        },
    )
    return context.whole((call,), nest=inside if in_order else None, times=rows)


def _copy(
    context: Context[Concatenate | Cropping2D],
    read: int,
    target: Out,
    source: In,
    shape: Shape,
    forth: Sequence[int],
    back: Sequence[int],
) -> Call:
    nest = loops(shape, forth, back)
    return moved(
        context,
        read,
        {
            "in": source,
            "out": target,
            **nest.sized("rows", "pixels", "channels"),
            **nest.moved(0, "out_row", "out_pixel", "out_channel"),
            **nest.moved(1, "in_row", "in_pixel", "in_channel"),
        },
    )
