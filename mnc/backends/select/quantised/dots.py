"""int8 convolutions for a core that adds a product of two int16 to its accumulator while it loads the next two.

A block of pixels widens what it sees to int16 once, padding included, for all output channels; a channel's weights,
int8 in flash, are widened once for the block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mnc.backends.select.context import Context
from mnc.backends.select.conv import as_pointwise, window
from mnc.backends.select.quantised.accumulators import Accumulators
from mnc.backends.select.quantised.requantise import quant
from mnc.ir.layers import Conv2D, Dense
from mnc.ir.types import Array, Constant, DType
from mnc.program import Argument, Call, Const, Out, RowPointers, Scratch, Step

MOST_PIXELS = 16
"""Pixels of a block, whose sums `mnc_conv2d_dot_s8` keeps on the stack."""

LEAST = 128
"""The distance of the least int8 from 0, from which inputs and weights count."""

IN_ARENA = (4, 8)
"""Pixels of a block that is worth more memory: widening then takes 0.6 and 0.3 instructions for each multiplication."""

ON_STACK = 1536
"""Bytes of widened inputs and weights that may lie on the stack where the arena has no room."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a layer's rows, in elements."""

    kernel: tuple[int, int]
    stride: int
    inputs: int
    pixels: int

    @property
    def elements(self) -> int:
        """Elements of a pixel: an even number, so that each window begins at a word."""
        return self.inputs + self.inputs % 2

    @property
    def run(self) -> int:
        """Elements of a kernel's row, in fours."""
        return -(-self.kernel[1] * self.elements // 4) * 4

    def band(self, pixels: int) -> int:
        """Elements of an input row that so many neighbouring output pixels see."""
        return (pixels - 1) * self.stride * self.elements + self.run

    def scratch(self, pixels: int) -> int:
        """Bytes for what a block of pixels sees, and for one channel's weights."""
        return 2 * self.kernel[0] * (self.band(pixels) + self.run)

    def cost(self, pixels: int) -> float:
        """Instructions for one output of a block, by estimate: a multiplication each, the loops, and widening."""
        height = self.kernel[0]
        return height * (self.run * (1 + 2.5 / pixels) + 6) + 9

    @property
    def cost_as_it_lies(self) -> float:
        """Instructions for one output by `mnc_conv2d_s8`, which loads, extends, multiplies and adds."""
        return 4.5 * self.kernel[0] * self.kernel[1] * self.inputs


def dots(context: Context[Conv2D] | Context[Dense], otherwise: Step) -> Step:
    """The layer by `mnc_conv2d_dot_s8` on a core that gains by it, else as it is `otherwise`."""
    layer = as_pointwise(context.layer)
    (x,), y = context.inputs, context.output
    if context.compact or "mac16" not in (context.core or ()) or x.type.dtype is not DType.INT8:
        return otherwise
    if layer.groups > 1 or layer.dilation[1] > 1:
        return otherwise
    sums = Accumulators.of(context)
    shape = Shape(layer.kernel, layer.stride[1], x.image[2], y.image[1])
    sizes = [size for size in range(min(MOST_PIXELS, shape.pixels), 0, -1) if shape.cost(size) < shape.cost_as_it_lies]
    if sums.epilogue["general"] or not sizes:
        return otherwise
    on_stack = next((size for size in sizes if shape.scratch(size) <= ON_STACK), None)
    if on_stack is None:
        need = shape.scratch(sizes[-1])
        fallback = replace(otherwise, reason=f"the {need:,} bytes of mnc_conv2d_dot_s8 would enlarge the arena")
    else:
        fallback = replace(_by_blocks(context, layer, sums, shape, on_stack), scratch_on_stack=True)
    for size in sorted(
        {on_stack or sizes[-1], *(size for size in IN_ARENA if size in sizes and size > (on_stack or 0))}
    ):
        fallback = replace(_by_blocks(context, layer, sums, shape, size), fallback=fallback)
    return fallback


def _by_blocks(
    context: Context[Conv2D] | Context[Dense], layer: Conv2D, sums: Accumulators, shape: Shape, pixels: int
) -> Step:
    """The layer by blocks of pixels."""
    (x,), y = context.inputs, context.output
    height, width = shape.kernel
    arguments: dict[str, Argument] = {
        "rows": RowPointers(),
        "out": Out(),
        "pairs": Scratch(),
        "weights": Const("weights"),
        **sums.arguments(),
        "in_channels": shape.inputs,
        "out_channels": layer.filters,
        "kernel_height": height,
        "kernel_width": width,
        "stride": shape.stride,
        "padding": layer.padding[1][0],
        "in_width": x.image[1],
        "out_width": shape.pixels,
        "in_pixel": x.layout.pixel,
        "out_pixel": y.layout.pixel,
        "out_channel": y.layout.channel,
        "block_pixels": pixels,
        "pixel": shape.elements // 2,
        "fours": shape.run // 4,
        "band": shape.band(pixels) // 2,
        "in_zero": quant(context).zero_point,
    }
    del arguments["general"]
    from_least = _from_least(layer.weights.array, shape)
    totals = from_least.reshape(layer.filters, -1).sum(axis=1)
    bias = sums.bias - LEAST * totals + LEAST**2 * shape.kernel[0] * shape.run
    constants = {
        **sums.constants(_words(from_least), range(layer.filters)),
        "bias": Constant(bias.astype(np.int32)),
    }
    return context.by_rows(
        window(layer),
        (Call("mnc_conv2d_dot_s8", arguments),),
        constants,
        scratch=shape.scratch(pixels),
        scratch_dtype=DType.INT32,
    )


def _from_least(filters: Array, shape: Shape) -> Array:
    """Filters (height, width, inputs, outputs) int8 as int64 from 0 to 255, [outputs][height][run]."""
    height, width, inputs, outputs = filters.shape
    wide = np.pad(filters, ((0, 0), (0, 0), (0, shape.elements - inputs), (0, 0)))
    runs = wide.reshape(height, width * shape.elements, outputs)
    runs = np.pad(runs, ((0, 0), (0, shape.run - runs.shape[1]), (0, 0)))
    return np.ascontiguousarray(runs.transpose(2, 0, 1)).astype(np.int64) + LEAST


def _words(from_least: Array) -> Array:
    """Elements from 0 to 255 as int32, four a word, in the order of mnc_pairs_of_fours."""
    fours = from_least.reshape(-1, 4)[:, [0, 2, 1, 3]].astype(np.uint32)
    return np.asarray((fours << np.arange(0, 32, 8, dtype=np.uint32)).sum(axis=1, dtype=np.uint32).view(np.int32))
