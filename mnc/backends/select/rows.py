"""Layers that are computed at once outside of stages, a row at a time for a stage: the same kernels, the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.folds import dense_fold
from mnc.backends.select.quantised.requantise import limits, operands, pair, quant
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    Dequantize,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Identity,
    Merge,
    PReLU,
    Quantize,
    Softmax,
)
from mnc.ir.types import DType
from mnc.program import Argument, Call, Const, Fold, In, Out, RowNumber, Rows, Scratch, Step, Value, Window
from mnc.reference.quantised.layers import mean_multiplier

ROWS_AXIS = 0
"""Of the shapes of images, (height, width, channels)."""


def by_row(select: Callable[[Context[Any]], Step | Refusal], context: Context[Any], image: Value) -> Step | None:
    """A step for a stage, where the layer's rows depend on one row of each input, or are all folded into one.

    `image` is the value that the first input is a view of: itself, or what was flattened.
    """
    if _is_row_for_row(context):
        return _row_for_row(select, context)
    if isinstance(context.layer, AveragePooling2D | GlobalAveragePooling | GlobalMaxPooling):
        return _folded(context)
    if isinstance(context.layer, Dense):
        return dense_fold(context, image)
    return None


def _is_row_for_row(context: Context[Layer]) -> bool:
    layer, height = context.layer, context.outputs[0].image[0]
    values = (*context.inputs, *context.outputs)
    if len(context.outputs) > 1 or height == 1 or any(value.type.rank != 3 for value in values):
        return False
    if any(v.type.shape[ROWS_AXIS] not in (1, height) or (v.type.quant and v.type.quant.features) for v in values):
        return False
    match layer:
        case Activation() | Dense() | Dequantize() | Identity() | Quantize():
            return True
        case Conv2D():
            return layer.is_pointwise
        case Merge():
            return layer.operand is None or _alike_in_rows(layer.operand.shape)
        case PReLU():
            return _alike_in_rows(layer.alpha.shape)
        case Concatenate() | Softmax():
            return layer.axis % 3 != ROWS_AXIS
    return False


def _alike_in_rows(shape: tuple[int, ...]) -> bool:
    """Whether a constant that is repeated over an image is one for all rows."""
    return len(shape) < 3 or shape[ROWS_AXIS] == 1


def _row_for_row(select: Callable[[Context[Any]], Step | Refusal], context: Context[Any]) -> Step | None:
    """The layer selected once more for images of one row, and that step for each row."""
    height = context.output.image[0]
    row = replace(context, inputs=tuple(map(_row, context.inputs)), outputs=(_row(context.output),))
    step = select(row)
    if not isinstance(step, Step) or step.loop.count > 1 or not step.calls:
        return None
    windows = tuple(Window(stride=int(x.image[0] == height)) for x in context.inputs)
    calls = tuple(map(_from_row_to_row, (*step.before, *step.calls, *step.after)))
    rows = Rows(windows, height, in_place=step.in_place)
    return replace(
        step, reads=context.inputs, writes=context.outputs, calls=calls, loop=rows, before=(), after=(), by_row=None
    )


def _from_row_to_row(call: Call) -> Call:
    """A call that moves on by a row of each operand, and by none of a constant."""

    def moved(argument: Argument) -> Argument:
        match argument:
            case In() | Out():
                return replace(argument, stride=None)
            case Const():
                return replace(argument, stride=0)
        return argument

    return replace(call, arguments={name: moved(argument) for name, argument in call.arguments.items()})


def _row(value: Value) -> Value:
    """One row of an image."""
    return replace(value, type=replace(value.type, shape=(1, *value.type.shape[1:])))


def _folded(context: Context[AveragePooling2D | GlobalAveragePooling | GlobalMaxPooling]) -> Step | None:
    """Pooling over the whole image, row by row into a number for each channel."""
    layer, (x,), y = context.layer, context.inputs, context.output
    height, width, channels = x.image
    if height == 1 or y.type.elements != channels:
        return None
    if isinstance(layer, AveragePooling2D) and layer.pool != (height, width):
        return None
    real = x.type.dtype is DType.FLOAT32
    arguments: dict[str, Argument] = {
        "in": In(),
        "row": RowNumber(),
        "pixels": width,
        "channels": channels,
        "in_pixel": x.layout.pixel,
        "in_channel": x.layout.channel,
    }
    suffix = x.type.dtype.suffix
    if isinstance(layer, GlobalMaxPooling):
        dtype, fold = x.type.dtype, Call(f"mnc_fold_max_{suffix}", {**arguments, "largest": Scratch()})
        last = Call(
            f"mnc_copy_{suffix}",
            {
                "in": Scratch(),
                "out": Out(),
                "rows": 1,
                "pixels": 1,
                "channels": channels,
                **{f"{side}_{axis}": 0 for side in ("in", "out") for axis in ("row", "pixel")},
                "in_channel": 1,
                "out_channel": y.layout.channel,
            },
        )
    else:
        dtype, fold = (
            DType.FLOAT32 if real else DType.INT32,
            Call(f"mnc_fold_sum_{suffix}", {**arguments, "sums": Scratch()}),
        )
        last = _mean(context, height * width)
    return Step(
        context.node,
        context.inputs,
        context.outputs,
        (fold,),
        Fold(height),
        after=(last,),
        scratch=channels * dtype.bytes,
        scratch_dtype=dtype,
    )


def _mean(context: Context[Any], count: int) -> Call:
    """The means of sums over `count` pixels."""
    y = context.output
    sums: dict[str, Argument] = {"sums": Scratch(), "out": Out(), "channels": y.type.elements}
    if y.type.dtype is DType.FLOAT32:
        part = float(np.float32(1) / np.float32(count))
        return Call("mnc_fold_mean_f32", {**sums, "out_channel": y.layout.channel, "part": part})
    if isinstance(context.layer, AveragePooling2D):
        return Call(context.kernel("fold_mean"), {**sums, "out_channel": y.layout.channel, "count": count})
    scale = pair("", mean_multiplier(quant(context).scale[0], operands(context).scale, count))
    arguments = {**sums, **scale, **limits(context)}
    if y.type.dtype is DType.INT8:
        return Call("mnc_fold_rescale_s8", {**arguments, "count": count, "in_zero": quant(context).zero_point})
    del arguments["zero"]
    return Call("mnc_fold_rescale_s16", arguments)
