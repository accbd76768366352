"""Dense layers over a whole image as sums to which each of its rows adds: the bits of the layer at once.

A sum of integers is the same in any order.  The kernel that computes a dense layer in float32 at once adds the
products one after the other, in the order in which the elements lie; a sum that is put down after each row goes on
where it was.
"""

from __future__ import annotations

import numpy as np

from mnc.backends.select.activation import epilogue
from mnc.backends.select.blocks import float_block, overlapping, pack, pack_vectors, split, unrolled, vector_block
from mnc.backends.select.context import Context
from mnc.backends.select.conv import bias_at
from mnc.backends.select.quantised.accumulators import Accumulators
from mnc.ir.layers import Dense
from mnc.ir.types import Array, Constant, DType
from mnc.program import Argument, Call, Const, Fold, In, Layout, Out, RowNumber, Scratch, Step, Value


def dense_fold(context: Context[Dense], image: Value) -> Step | None:
    """The layer on the rows of the image that its only input, a vector, is a view of; None where that is not so."""
    (x,), y = context.inputs, context.output
    if image.image[0] == 1 or x.image[:2] != (1, 1) or image.layout != Layout.interleaved(image.type.shape):
        return None
    types = {image.type.dtype, x.type.dtype, y.type.dtype}
    if types == {DType.FLOAT32}:
        return _in_float(context, image)
    return _in_int8(context, image) if types == {DType.INT8} else None


def _in_float(context: Context[Dense], image: Value) -> Step | None:
    layer, y = context.layer, context.output
    rows = image.image[0]
    inputs, outputs = layer.weights.array.shape
    if layer.bias is None and unrolled(inputs, compact=context.compact) == inputs:
        return None  # the kernel for all at once begins with a product, which may be -0, and not with 0
    row = inputs // rows
    _, block = float_block(1, outputs)
    fused, after = epilogue(layer.activation, y.layout.row)
    calls = [
        Call(
            "mnc_fold_dense_f32",
            {
                "in": In(),
                "sums": Scratch(first),
                "weights": Const("weights", first * row, stride=row * outputs),
                "bias": bias_at(layer.bias, first),
                "row": RowNumber(),
                "in_channels": row,
                "out_channels": count,
                "block_channels": width,
                "unroll": unrolled(row, compact=context.compact),
            },
        )
        for first, count, width in split(outputs, block)
    ]
    end = Call("mnc_fold_end_f32", {"sums": Scratch(), "out": Out(), "channels": outputs, **fused})
    parts = [pack(part, block) for part in layer.weights.array.reshape(rows, row, outputs)]
    constants = {"weights": Constant(np.concatenate(parts))}
    if layer.bias is not None:
        constants["bias"] = layer.bias
    return _step(context, image, tuple(calls), (end, *after), constants, 4 * outputs, DType.FLOAT32)


def _in_int8(context: Context[Dense], image: Value) -> Step | None:
    layer, rows = context.layer, image.image[0]
    inputs, outputs = layer.weights.array.shape
    row = inputs // rows
    _, channels = vector_block(1, outputs)
    order = overlapping(outputs, channels)
    sums = Accumulators.of(context)
    weights: list[Array] = [pack_vectors(part, channels) for part in layer.weights.array.reshape(rows, row, outputs)]
    shape: dict[str, Argument] = {"out_channels": outputs, "block_channels": channels}
    add = Call(
        "mnc_fold_dense_s8",
        {
            "in": In(),
            "sums": Scratch(),
            "weights": Const("weights", stride=weights[0].size),
            "bias": Const("bias"),
            "row": RowNumber(),
            "in_channels": row,
            **shape,
            "unroll": next(count for count in (3, 2, 1) if row // 4 % count == 0),
        },
    )
    scales = {name: value for name, value in sums.arguments().items() if name != "bias"}
    end = Call("mnc_fold_end_s8", {"sums": Scratch(), "out": Out(), **shape, **scales})
    constants = sums.constants(np.concatenate(weights), order)
    return _step(context, image, (add,), (end,), constants, 4 * len(order), DType.INT32)


def _step(
    context: Context[Dense],
    image: Value,
    calls: tuple[Call, ...],
    after: tuple[Call, ...],
    constants: dict[str, Constant],
    scratch: int,
    dtype: DType,
) -> Step:
    loop = Fold(image.image[0])
    return Step(
        context.node,
        (image,),
        context.outputs,
        calls,
        loop,
        after=after,
        constants=constants,
        scratch=scratch,
        scratch_dtype=dtype,
    )
