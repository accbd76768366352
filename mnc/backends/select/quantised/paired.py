"""int8 convolutions and dense layers for a core that multiplies and adds two pairs of 16 bits at once.

A block of pixels widens what it sees to int16 once, padding included, for all output channels; two output channels
share each int16 weight, the even one's plus 256 times the odd one's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mnc.backends.select.blocks import overlapping
from mnc.backends.select.context import Context
from mnc.backends.select.conv import as_pointwise, window
from mnc.backends.select.quantised.accumulators import Accumulators
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense, Linear
from mnc.ir.types import Array, Constant, DType
from mnc.program import Argument, Call, Const, In, Out, RowPointers, Scratch, Step, Window

BLOCKS = ((4, 2), (5, 2), (3, 2), (2, 4), (2, 2), (1, 8), (1, 6), (1, 4), (1, 2))
"""Pixels x channels whose sums a Cortex-M4 holds in registers; two of ten it spills."""

NARROW = 16
"""Pixels of a row in which a block less is worth code of its own for a pixel left over."""

FEW_CHANNELS = 16
"""Input channels of a 1x1 layer up to which weights of 16 bits take fewer instructions, and cost little flash."""

LEAST_SHARED = 6
"""Those up to which they also pay on a core without DSP instructions that has no high word of a product."""

HELD = 8
"""Pairs of inputs that registers hold while one output channel after the other is computed."""

LARGEST_SUM = 2**23
"""Bound of the sum of an odd channel, of which 256 times as much must fit int32."""

LEAST_CHANNELS = 4
"""Fewer output channels do not repay the copy of their window."""

ON_STACK = 1152
"""Bytes of a window that may lie on the stack where the arena has no room: 3x3 of 64 channels."""


@dataclass(frozen=True)
class Shape:
    """The sizes that decide about a block: (height, width) of the kernel, and of one row."""

    kernel: tuple[int, int]
    stride: int
    inputs: int
    outputs: int
    pixels: int

    @property
    def pairs(self) -> int:
        """Pairs of elements in a row of the kernel."""
        return (self.kernel[1] * self.inputs + 1) // 2

    def columns(self, pixels: int) -> int:
        """Columns of input that this many neighbouring pixels of output see."""
        return pixels if self.kernel[1] == 1 else (pixels - 1) * self.stride + self.kernel[1]

    def tail(self, pixels: int, channels: int) -> int:
        """How many pixels are left over for a block of one pixel and eight channels: 1 or 0."""
        left = self.pixels % pixels == 1 and pixels < self.pixels <= NARROW and channels == 2
        return int(left and self.outputs % 8 == 0 and self.kernel[1] * self.inputs % 2 == 0)

    def window(self, pixels: int) -> int:
        """Bytes of what this many neighbouring pixels of output see, widened."""
        row = self.columns(pixels) * self.inputs + self.kernel[1] * self.inputs % 2
        return 2 * self.kernel[0] * ((row + 1) // 2 * 2)


def pairing(context: Context[Conv2D] | Context[Dense], otherwise: Step) -> Step:
    """The layer by a kernel for pairs of 16 bits where the core gains by one, else as it is `otherwise`."""
    layer = as_pointwise(context.layer)
    sums = Accumulators.of(context)
    if not gains_by_records(context) or layer.groups > 1 or layer.dilation[1] > 1 or sums.epilogue["general"]:
        return otherwise
    (x,), y = context.inputs, context.output
    shape = Shape(layer.kernel, layer.stride[1], x.image[2], layer.filters, y.image[1])
    if layer.is_pointwise and shape.pixels > 1 and shape.inputs <= (FEW_CHANNELS if is_fast(context) else LEAST_SHARED):
        return _few(context, layer, sums, shape)
    if not is_fast(context):
        return otherwise
    if shape.pixels == 1:
        return _dense(context, layer, sums) or otherwise
    return _paired(context, layer, sums, shape, otherwise) or otherwise


def is_fast(context: Context[Layer]) -> bool:
    """Whether the code may be larger for DSP instructions, and the core may have them."""
    return not context.compact and (context.core is None or "dsp" in context.core)


def gains_by_records(context: Context[Linear]) -> bool:
    """Whether weights of 16 bits, one record for each channel, repay their code where sums are of few products."""
    return is_fast(context) or (not context.compact and context.core is not None and "mul32" in context.core)


def _paired(
    context: Context[Conv2D] | Context[Dense], layer: Conv2D, sums: Accumulators, shape: Shape, otherwise: Step
) -> Step | None:
    """The layer by blocks that widen what they see; less of it at a time where neither arena nor stack has room."""
    if layer.filters < LEAST_CHANNELS or sums.largest >= LARGEST_SUM:
        return None
    sizes = _blocks(shape)
    made = [_by_blocks(context, layer, sums, shape, *size) for size in sizes]
    steps = [step for step in made if step is not None]
    if not steps:
        return None
    smallest = steps[-1]
    if smallest.scratch <= ON_STACK:
        least = replace(smallest, scratch_on_stack=True)
    else:
        reason = f"the window of {smallest.scratch:,} bytes of mnc_conv2d_paired_s8 would enlarge the arena"
        least = replace(otherwise, reason=reason)
    for step in reversed(steps):
        least = replace(step, fallback=least)
    return least


def _by_blocks(
    context: Context[Conv2D] | Context[Dense],
    layer: Conv2D,
    sums: Accumulators,
    shape: Shape,
    pixels: int,
    channels: int,
) -> Step | None:
    """The layer by blocks of pixels x channels; None where a weight of -128 leaves int16."""
    (x,), y = context.inputs, context.output
    order = overlapping(layer.filters, channels)
    weights = _packed(layer.weights.array, order, channels)
    if weights is None:
        return None
    call = Call(
        "mnc_conv2d_paired_s8",
        {
            "rows": RowPointers(),
            "out": Out(),
            "window": Scratch(),
            **_constants_of(sums),
            "in_channels": shape.inputs,
            "out_channels": shape.outputs,
            "kernel_height": shape.kernel[0],
            "kernel_width": shape.kernel[1],
            "stride": shape.stride,
            "padding": layer.padding[1][0],
            "in_width": x.image[1],
            "out_width": shape.pixels,
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "out_channel": y.layout.channel,
            "block_pixels": pixels,
            "block_channels": channels,
            "tail": shape.tail(pixels, channels),
            "unroll": _unroll(shape.pairs),
            "in_zero": quant(context).zero_point,
        },
    )
    constants = {"weights": Constant(weights), **_constants(sums, order)}
    scratch = shape.window(pixels)
    return context.by_rows(window(layer), (call,), constants, scratch=scratch, scratch_dtype=DType.INT16)


def _few(context: Context[Conv2D] | Context[Dense], layer: Conv2D, sums: Accumulators, shape: Shape) -> Step:
    """A 1x1 layer from few channels, whose requantisation takes most of the time: weights of 16 bits, enlarged."""
    (x,), y = context.inputs, context.output
    enlarged, pairs = sums.enlarged(), shape.pairs
    sizes = [p for p in (4, 2, 1) if p <= shape.pixels and p * pairs <= HELD] or [1]
    pixels = min(sizes, key=lambda p: -(-shape.pixels // p) * (p * pairs * 2 + shape.outputs * (p + 1) * (pairs + 3)))
    call = Call(
        "mnc_pointwise_few_s8",
        {
            "in": In(),
            "out": Out(),
            "records": Const("records"),
            "in_channels": shape.inputs,
            "out_channels": shape.outputs,
            "pixels": shape.pixels,
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "out_channel": y.layout.channel,
            "block_pixels": pixels,
            "unroll": max(count for count in range(1, 7) if shape.outputs % count == 0),
            "shift": enlarged.shift,
            "positive": int(sums.positive),
            "low": sums.epilogue["low"],
            "high": sums.epilogue["high"],
        },
    )
    weights = _by_pairs(layer.weights.array[0, 0].astype(np.int64) * enlarged.factor)
    bias = (sums.bias * enlarged.factor)[:, np.newaxis]
    records = np.concatenate([weights[:, :1], bias, weights[:, 1:], enlarged.scales], axis=1)
    return context.by_rows(Window(), (call,), {"records": Constant(records.astype(np.int32).ravel())})


def _by_pairs(weights: Array) -> Array:
    """Weights (inputs, outputs) as words of two, (outputs, pairs), in the order of mnc_element_of_pair."""
    channels = weights.shape[0]
    left, words = list(range(channels)), []

    def next_of(element: int) -> Array:
        """The weights of an element; of one that is there for the second time, zeros."""
        if element not in left:
            return np.zeros_like(weights[0])
        left.remove(element)
        return np.asarray(weights[element])

    for low, high in element_pairs(channels):
        words.append((next_of(low) & 0xFFFF) + (next_of(high) << 16))
    assert not left
    return np.stack(words, axis=-1)


def element_pairs(channels: int) -> list[tuple[int, int]]:
    """The elements of a pixel in pairs: fours as their even and their odd ones, then those that are left over."""
    whole = channels - channels % 4
    pairs = [(k + odd, k + odd + 2) for k in range(0, whole, 4) for odd in (0, 1)]
    if channels == 3:
        return [(0, 2), (1, 1)]
    if channels % 4 == 3:
        return [*pairs, (channels - 4, channels - 2), (channels - 3, channels - 1)]
    return [*pairs, (whole, channels - 1)] if channels > whole else pairs


def _dense(context: Context[Conv2D] | Context[Dense], layer: Conv2D, sums: Accumulators) -> Step | None:
    """A layer of one pixel in a row, as a dense layer is."""
    (x,), y = context.inputs, context.output
    inputs, outputs = layer.weights.shape[2:]
    if not layer.is_pointwise or inputs % 4 or outputs < 2 or y.layout.channel != 1 or x.layout.channel != 1:
        return None
    channels = min((c for c in (8, 6, 4, 2) if c <= outputs), key=lambda c: -(-outputs // c) * (4 * c + 4))
    order = overlapping(outputs, channels)
    weights = _packed(layer.weights.array, order, channels)
    if weights is None or sums.largest >= LARGEST_SUM:
        return None
    call = Call(
        "mnc_dense_paired_s8",
        {
            "in": In(),
            "out": Out(),
            **_constants_of(sums),
            "in_channels": inputs,
            "out_channels": outputs,
            "block_channels": channels,
            "unroll": next(count for count in (8, 7, 6, 5, 4, 3, 2, 1) if inputs // 4 % count == 0),
        },
    )
    return context.by_rows(Window(), (call,), {"weights": Constant(weights), **_constants(sums, order)})


def _constants_of(sums: Accumulators) -> dict[str, Argument]:
    """The arguments of all these kernels about constants and outputs."""
    zero, low = sums.epilogue["zero"], sums.epilogue["low"]
    assert isinstance(zero, int) and isinstance(low, int)
    return {
        "weights": Const("weights"),
        "bias": Const("bias"),
        "scales": Const("scales"),
        "scale_step": 3 if sums.per_channel else 0,
        "positive": int(low >= zero),
        "low": low,
        "high": sums.epilogue["high"],
    }


def _constants(sums: Accumulators, order: list[int]) -> dict[str, Constant]:
    """The biases of sums that are paired, and the scales, in the kernel's order."""
    return {"bias": Constant(_paired_bias(sums.bias[order])), "scales": Constant(by_order(sums.ready(), order))}


def by_order(scales: Array, order: list[int]) -> Array:
    """Scales by channel, or those of all channels, in the kernel's order."""
    return np.asarray(scales[order if len(scales) > 1 else [0]].ravel())


@cache
def _blocks(shape: Shape) -> tuple[tuple[int, int], ...]:
    """(pixels, channels) of the block that computes a row in the fewest instructions; then of those that see less.

    They end with the first whose window may lie on the stack.
    """
    sizes = [(p, c) for p, c in BLOCKS if p <= shape.pixels and c <= shape.outputs]
    found: list[tuple[int, int]] = []
    while sizes and (not found or shape.window(found[-1][0]) > ON_STACK):
        found.append(min(sizes, key=lambda size: _cost(shape, *size)))
        sizes = [size for size in sizes if shape.window(size[0]) < shape.window(found[-1][0])]
    return tuple(found)


def row_cost(shape: Shape) -> float:
    """The instructions that mnc_conv2d_paired_s8 takes for a row, by estimate."""
    return _cost(shape, *_blocks(shape)[0])


def _cost(shape: Shape, p: int, c: int) -> float:
    """Instructions for a row in blocks of p pixels and c channels.

    Counted with Arm's DSP instructions: a pair of elements is a load for each pixel, a load and a widening for each
    two channels, and a multiplication for each sum; an output takes six more, a channel's constants three.
    """
    height, _ = shape.kernel
    copying = height * (shape.columns(p) * shape.inputs * (1.25 if shape.inputs % 4 == 0 else 1.75) + 12)
    adding = height * (shape.pairs * (p * c + p + c + 4 * (p * c > 8)) + 4 + 4 * (shape.pairs // _unroll(shape.pairs)))
    block = adding + p * c * 8 + c * 4 + 8
    if shape.tail(p, c):
        last = copying / p + shape.outputs // 8 * (height * (shape.pairs * 17 + 8) + 100)
        return shape.pixels // p * (copying + shape.outputs // c * block) + last
    return -(-shape.pixels // p) * (copying + -(-shape.outputs // c) * block)


def _unroll(pairs: int) -> int:
    """How many pairs go at once: those that leave the fewest rounds and pairs over."""
    return pairs if pairs <= 12 else min(range(4, 10), key=lambda count: 4 * (pairs // count) + pairs % count)


def _runs(filters: Array, order: list[int]) -> Array:
    """Filters (height, width, inputs, outputs) as (height, elements of a row, outputs in order), an even number."""
    height, columns, inputs, _ = filters.shape
    runs = filters.reshape(height, columns * inputs, -1)[..., order].astype(np.int32)
    return np.asarray(np.pad(runs, ((0, 0), (0, runs.shape[1] % 2), (0, 0))))[
        :, _elements(runs.shape[1], in_fours=inputs % 4 == 0)
    ]


def _elements(count: int, *, in_fours: bool) -> list[int]:
    """The order of the elements of a run in a window, as mnc_widen_s8 lays them down."""
    if not in_fours:
        return list(range(count + count % 2))
    return [k for first in range(0, count, 4) for k in (first, first + 2, first + 1, first + 3)]


def _packed(filters: Array, order: list[int], width: int) -> Array | None:
    """Filters (height, width, inputs, outputs) int8 as int16 [blocks][height][pairs][width / 2][2].

    None where a weight of -128 leaves int16.
    """
    runs = _runs(filters, order)
    both = runs[..., 0::2] + 256 * runs[..., 1::2]
    if both.min(initial=0) < -(2**15):
        return None
    blocks = both.reshape(filters.shape[0], both.shape[1] // 2, 2, -1, width // 2)
    return np.asarray(blocks.transpose(3, 0, 1, 4, 2).astype(np.int16).ravel())


def _paired_bias(bias: Array) -> Array:
    """The biases of channels in the kernel's order as the sums begin: those of odd channels paired with the even."""
    wide = bias.astype(np.int64)
    wide[1::2] = 256 * wide[1::2] + wide[0::2]
    return (wide & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
