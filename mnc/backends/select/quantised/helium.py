"""int8 kernels of cores with Helium, sixteen multiplications an instruction; other cores' where these do not apply.

A sum is a register of its own, so a block has eight: two pixels x four channels, or one pixel x eight.  What a pixel
sees is whole vectors, filled up with elements whose weights are 0.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mnc.backends.select.blocks import overlapping
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.conv import as_pointwise, window
from mnc.backends.select.quantised import conv, merge
from mnc.backends.select.quantised.accumulators import Accumulators, by_channel
from mnc.backends.select.quantised.paired import ON_STACK
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layers import Add, Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant, DType
from mnc.program import NULL, Argument, Call, Const, Out, RowPointers, Scratch, Step

VECTOR = 16
"""Elements of int8 in a vector."""

LANES = 4
"""Sums that are requantised at once."""


NARROW = 6
"""Pixels of a row up to which a depthwise convolution holds the sums of four channels of all of them in registers."""

WRITTEN_OUT = 5
"""Columns of a kernel up to which these pixels' multiplications are written out."""


def conv2d(context: Context[Conv2D]) -> Step:
    """A convolution: `mnc_conv2d_mve_s8` on a core with Helium."""
    return _conv2d(context, context.layer, conv.conv2d(context))


def dense(context: Context[Dense]) -> Step:
    """A dense layer on each pixel of its input: `mnc_conv2d_mve_s8` on a core with Helium."""
    return _conv2d(context, as_pointwise(context.layer), conv.dense(context))


def _conv2d(context: Context[Conv2D] | Context[Dense], layer: Conv2D, otherwise: Step) -> Step:
    (x,), y = context.inputs, context.output
    sums = Accumulators.of(context)
    if context.compact or context.core is None or "mve" not in context.core or sums.epilogue["general"]:
        return otherwise
    if layer.groups > 1 or layer.dilation[1] > 1 or layer.filters < LANES or x.layout.channel != 1:
        return otherwise
    (height, width), channels, stride = layer.kernel, x.image[2], layer.stride[1]
    pixels = min(y.image[1], 2)
    block = LANES if pixels > 1 or layer.filters < 2 * LANES else 2 * LANES
    taps = width * channels
    shared = taps % VECTOR == 0 or height == 1
    direct = shared and layer.kernel == (1, 1) and not layer.is_padded
    vectors = -(-taps // VECTOR) if shared else -(-height * taps // VECTOR)
    filled = vectors * VECTOR - taps if shared else 0
    columns = (pixels - 1) * stride + width
    scratch = height * columns * channels + filled if shared else pixels * vectors * VECTOR
    if direct and not filled:
        scratch = 0
    order = overlapping(layer.filters, block)
    zero, low = sums.epilogue["zero"], sums.epilogue["low"]
    assert isinstance(zero, int) and isinstance(low, int)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "window": Scratch() if scratch else NULL,
        "weights": Const("weights"),
        "bias": Const("bias"),
        "scales": Const("scales"),
        "positive": int(low >= zero),
        "in_channels": channels,
        "out_channels": layer.filters,
        "kernel_height": height,
        "kernel_width": width,
        "stride": stride,
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "direct": int(direct),
        "shared": int(shared),
        "window_rows": height if shared else 1,
        "window_row": columns * channels,
        "window_pixel": stride * channels if shared else vectors * VECTOR,
        "vectors": vectors,
        "unroll": next(count for count in range(min(vectors, 6), 0, -1) if vectors % count == 0),
        "block_pixels": pixels,
        "block_channels": block,
        "in_zero": quant(context).zero_point,
        "zero": zero,
        "low": low,
        "high": sums.epilogue["high"],
    }
    constants = {
        "weights": Constant(_packed(layer.weights.array, order, block, by_rows=shared)),
        "bias": Constant(sums.bias[order]),
        "scales": Constant(_scales(sums, order)),
    }
    calls = (Call("mnc_conv2d_mve_s8", arguments),)
    if not scratch:
        return context.by_rows(window(layer), calls, constants)
    step = context.by_rows(window(layer), calls, constants, scratch=scratch, scratch_dtype=DType.INT8)
    if scratch <= ON_STACK:
        return replace(step, fallback=replace(step, scratch_on_stack=True))
    reason = f"the window of {scratch:,} bytes of mnc_conv2d_mve_s8 would enlarge the arena"
    return replace(step, fallback=replace(otherwise, reason=reason, fallback=None))


def _packed(filters: Array, order: list[int], block: int, *, by_rows: bool) -> Array:
    """Filters (height, width, inputs, outputs) as [blocks][rows][vectors][block][16]: rows of the kernel, or one."""
    rows = filters.shape[0] if by_rows else 1
    runs = filters.reshape(rows, -1, filters.shape[3])[..., order]
    runs = np.pad(runs, ((0, 0), (0, -runs.shape[1] % VECTOR), (0, 0)))
    vectors = runs.reshape(rows, -1, VECTOR, len(order) // block, block)
    return np.asarray(vectors.transpose(3, 0, 1, 4, 2).ravel())


def _scales(sums: Accumulators, order: list[int]) -> Array:
    """[blocks of four channels][2][4] int32: multipliers, then shifts."""
    both = np.stack([sums.multiplier.astype(np.int32), sums.shift.astype(np.int32)])
    both = np.broadcast_to(both, (2, sums.bias.shape[0]))[:, order]
    return np.asarray(both.reshape(2, -1, LANES).transpose(1, 0, 2).ravel())


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step:
    """A depthwise convolution: on a core with Helium by lanes of channels in a narrow row, and one of 3x3 by planes."""
    otherwise = conv.depthwise_conv2d(context)
    layer, (x,), y = context.layer, context.inputs, context.output
    if "mve" not in (context.core or ()) or context.compact:
        return otherwise
    if otherwise.kernel in ("mnc_depthwise3x3_s8", "mnc_depthwise2d_s8"):
        return _narrow(context, otherwise)
    if otherwise.kernel != "mnc_depthwise3x3_planes_s8" or y.image[1] < LANES:
        return otherwise
    sums, stride, padding = Accumulators.of(context), layer.stride[1], layer.padding[1][0]
    (planes,) = otherwise.calls
    kept = (
        *("rows", "out", "padding_row", "positive", "channels", "stride", "padding", "in_width", "out_width"),
        *("in_channel", "out_pixel", "out_channel", "in_zero", "low", "high"),
    )
    zero = sums.epilogue["zero"]
    call = Call(
        "mnc_depthwise3x3_mve_s8",
        {
            **{name: planes.arguments[name] for name in kept},
            "columns": Scratch(),
            "weights": Const("weights"),
            "scales": Const("scales"),
            "zero": zero,
        },
    )
    taps = by_channel(layer)[:, 0].T.reshape(-1, 3, 3).transpose(0, 2, 1)
    scales = np.stack([sums.bias, *np.broadcast_to([sums.multiplier, sums.shift], (2, x.image[2]))], axis=-1)
    constants = {
        **otherwise.constants,
        "weights": Constant(np.pad(taps, ((0, 0), (0, 1), (0, 1))).astype(np.int8).ravel()),
        "scales": Constant(scales.astype(np.int32).ravel()),
    }
    del constants["records"]
    columns = max(padding + -(-x.image[1] // VECTOR) * VECTOR, (y.image[1] - 1) * stride + 4)
    step = replace(
        otherwise, calls=(call,), constants=constants, scratch=4 * columns, scratch_dtype=DType.INT8, fallback=None
    )
    if step.scratch <= ON_STACK:
        return replace(step, fallback=replace(step, scratch_on_stack=True))
    reason = f"the {step.scratch:,} bytes of scratch of mnc_depthwise3x3_mve_s8 would enlarge the arena"
    return replace(step, fallback=replace(otherwise, reason=reason))


def _narrow(context: Context[DepthwiseConv2D], otherwise: Step) -> Step:
    """`mnc_depthwise2d_narrow_mve_s8` where it takes the layer."""
    layer, (x,), y = context.layer, context.inputs, context.output
    sums, channels = Accumulators.of(context), context.inputs[0].image[2]
    interleaved = x.layout.pixel == channels and y.layout.channel == x.layout.channel == 1
    fits = y.image[1] <= NARROW and layer.kernel[1] <= WRITTEN_OUT and layer.depth_multiplier == 1
    if sums.epilogue["general"] or not fits or channels < LANES or not interleaved:
        return otherwise
    zero, low = sums.epilogue["zero"], sums.epilogue["low"]
    assert isinstance(zero, int) and isinstance(low, int)
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "weights": Const("weights"),
        "scales": Const("scales"),
        "positive": int(low >= zero),
        "channels": channels,
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "stride": layer.stride[1],
        "dilation": layer.dilation[1],
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": y.image[1],
        "out_pixel": y.layout.pixel,
        "in_zero": quant(context).zero_point,
        "zero": zero,
        "low": low,
        "high": sums.epilogue["high"],
    }
    order = overlapping(channels, LANES)
    taps = by_channel(layer)[:, 0][:, order].reshape(math.prod(layer.kernel), -1, LANES)
    scales = np.stack([sums.bias, *np.broadcast_to([sums.multiplier, sums.shift], (2, channels))])
    constants = {
        "weights": Constant(taps.transpose(1, 0, 2).astype(np.int8).ravel()),
        "scales": Constant(scales[:, order].reshape(3, -1, LANES).transpose(1, 0, 2).astype(np.int32).ravel()),
    }
    return context.by_rows(window(layer), (Call("mnc_depthwise2d_narrow_mve_s8", arguments),), constants)


def add(context: Context[Add]) -> Step | Refusal:
    """A sum of two values: `mnc_add_mve_s8` on a core with Helium where channels are neighbours."""
    step = merge.add(context)
    if isinstance(step, Refusal) or context.compact or "mve" not in (context.core or ()) or step.kernel != "mnc_add_s8":
        return step
    fixed = {
        **{f"{operand}_channel": 1 for operand in ("a", "b", "out")},
        "general": 0,
        "sign": 1,
        "reverse": 0,
        "b_in_flash": 0,
    }

    def vectors(call: Call) -> Call:
        if any(call.arguments[name] != value for name, value in fixed.items()):
            return call
        return Call("mnc_add_mve_s8", {name: each for name, each in call.arguments.items() if name not in fixed})

    return step.with_calls(vectors)
