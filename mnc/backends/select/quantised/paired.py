"""The int8 convolution of a core that multiplies and adds two pairs of 16 bits at once.

A block of pixels widens what it sees to int16 once, padding included, for all output channels; two output channels
share each int16 weight, the even one's plus 256 times the odd one's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mnc.backends.select.blocks import overlapping
from mnc.backends.select.context import Context
from mnc.backends.select.conv import window
from mnc.backends.select.quantised.accumulators import Accumulators
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layers import Conv2D, Dense
from mnc.ir.types import Array, Constant, DType
from mnc.program import Call, Const, Out, RowPointers, Scratch, Step

BLOCKS = ((4, 2), (5, 2), (3, 2), (2, 4), (2, 2), (1, 8), (1, 6), (1, 4), (1, 2))
"""Pixels x channels whose sums, and what they are made of, a Cortex-M4 holds in registers."""

LARGEST_SUM = 2**23
"""Bound of the sum of an odd channel, of which 256 times as much must fit int32."""

LEAST_CHANNELS = 4
"""Fewer output channels do not repay the copy of their window."""

ON_STACK = 1024
"""Bytes of a window that may lie on the stack where the arena has no room."""


@dataclass(frozen=True)
class _Shape:
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
        """Columns of input that so many neighbouring pixels of output see."""
        return pixels if self.kernel[1] == 1 else (pixels - 1) * self.stride + self.kernel[1]

    def window_row(self, pixels: int) -> int:
        """Elements from one row of the window to the next."""
        return (self.columns(pixels) * self.inputs + self.kernel[1] * self.inputs % 2 + 1) // 2 * 2


def paired(context: Context[Conv2D] | Context[Dense], otherwise: Step) -> Step:
    """The layer by `mnc_conv2d_paired_s8` where it applies and the core gains by it, else as it is `otherwise`."""
    layer = context.layer if isinstance(context.layer, Conv2D) else _pointwise(context.layer)
    (x,), y = context.inputs, context.output
    sums = Accumulators.of(context)
    if context.compact or (context.core is not None and "dsp" not in context.core):
        return otherwise
    if layer.groups > 1 or layer.dilation[1] > 1 or sums.epilogue["general"]:
        return otherwise
    if layer.filters < LEAST_CHANNELS or y.image[1] < 2:
        return otherwise
    shape = _Shape(layer.kernel, layer.stride[1], x.image[2], layer.filters, y.image[1])
    pixels, channels = _block(shape)
    order = overlapping(layer.filters, channels)
    weights = _packed(layer.weights.array, order, channels)
    if weights is None or sums.largest >= LARGEST_SUM:
        return otherwise
    zero, low = sums.epilogue["zero"], sums.epilogue["low"]
    assert isinstance(zero, int) and isinstance(low, int)
    call = Call(
        "mnc_conv2d_paired_s8",
        {
            "rows": RowPointers(),
            "out": Out(),
            "window": Scratch(),
            "weights": Const("weights"),
            "bias": Const("bias"),
            "scales": Const("scales"),
            "positive": int(low >= zero),
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
            "unroll": _unroll(shape.pairs),
            "in_zero": quant(context).zero_point,
            "low": low,
            "high": sums.epilogue["high"],
        },
    )
    constants = {
        "weights": Constant(weights),
        "bias": Constant(_paired_bias(sums.bias[order])),
        "scales": Constant(sums.ready()[order].ravel()),
    }
    scratch = 2 * shape.kernel[0] * shape.window_row(pixels)
    step = context.by_rows(window(layer), (call,), constants, scratch=scratch, scratch_dtype=DType.INT16)
    if scratch <= ON_STACK:
        return replace(step, fallback=replace(step, scratch_on_stack=True))
    reason = f"the window of {scratch:,} bytes of mnc_conv2d_paired_s8 would enlarge the arena"
    return replace(step, fallback=replace(otherwise, reason=reason))


def _pointwise(layer: Dense) -> Conv2D:
    matrix = layer.weights.array.reshape(1, 1, *layer.weights.shape)
    return Conv2D(Constant(matrix, layer.weights.quant), layer.bias, activation=layer.activation)


@cache
def _block(shape: _Shape) -> tuple[int, int]:
    """(pixels, channels) of the block that computes a row in the fewest instructions.

    Counted with Arm's DSP instructions: a pair of elements is a load for each pixel, a load and a widening for each
    two channels, and a multiplication for each sum; an output takes six more, a channel's constants three.
    """

    def cost(p: int, c: int) -> float:
        height, _ = shape.kernel
        copying = height * (shape.columns(p) * shape.inputs * (1.25 if shape.inputs % 4 == 0 else 1.75) + 12)
        adding = height * (shape.pairs * (p * c + p + c) + 4 + 4 * (shape.pairs // _unroll(shape.pairs)))
        block = adding + p * c * 8 + c * 4 + 8
        return -(-shape.pixels // p) * (copying + -(-shape.outputs // c) * block)

    sizes = ((p, c) for p, c in BLOCKS if p <= shape.pixels and c <= shape.outputs)
    return min(sizes, key=lambda size: cost(*size))


def _unroll(pairs: int) -> int:
    """How many pairs go at once: those that leave the fewest rounds and pairs over."""
    return pairs if pairs <= 12 else min(range(4, 10), key=lambda count: 4 * (pairs // count) + pairs % count)


def _packed(filters: Array, order: list[int], width: int) -> Array | None:
    """Filters (height, width, inputs, outputs) int8 as int16 [blocks][height][pairs][width / 2][2].

    None where a weight of -128 leaves int16.
    """
    height, columns, inputs, _ = filters.shape
    runs = filters.reshape(height, columns * inputs, -1)[..., order].astype(np.int32)
    if runs.shape[1] % 2:
        runs = np.concatenate([runs, np.zeros_like(runs[:, :1])], axis=1)
    both = runs[..., 0::2] + 256 * runs[..., 1::2]
    if both.min(initial=0) < -(2**15):
        return None
    if inputs % 4 == 0:
        both = both[:, [k for first in range(0, both.shape[1], 4) for k in (first, first + 2, first + 1, first + 3)]]
    blocks = both.reshape(height, both.shape[1] // 2, 2, -1, width // 2)
    return np.asarray(blocks.transpose(3, 0, 1, 4, 2).astype(np.int16).ravel())


def _paired_bias(bias: Array) -> Array:
    """The biases of channels in the kernel's order as the sums begin: those of odd channels paired with the even."""
    wide = bias.astype(np.int64)
    wide[1::2] = 256 * wide[1::2] + wide[0::2]
    return (wide & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
