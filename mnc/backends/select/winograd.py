"""Convolutions that are three columns wide, by Winograd's F(4, 3) along a row, and which layers are worth it.

Four neighbouring outputs take six products of each row of the kernel instead of twelve, by the points 0, 1, -1, 2 and
-2.  An output row reads no more rows than without, so that no stage needs more memory for it.  S. Winograd, Arithmetic
Complexity of Computations, 1980; Lavin and Gray, arXiv 1509.09308.

In float32 results differ by rounding from those of the layer's definition, so the user asks for it; `rounding` says
by how much.  Integers, in `quantised.winograd`, are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mnc.backends.select.activation import epilogue
from mnc.backends.select.blocks import overlapping, unrolled
from mnc.backends.select.context import Context
from mnc.backends.select.conv import bias_at, conv2d, window
from mnc.backends.select.quantised.paired import ON_STACK
from mnc.ir.graph import Graph
from mnc.ir.layers import Conv2D
from mnc.ir.types import Array, Constant, DType
from mnc.program import ROW, Call, Const, Out, RowPointers, Scratch, Step, image_shape

FILTERS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]])
"""A filter's three columns to `SCALE` times its weights of the six products."""

INPUTS = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""Six columns to the six numbers that are multiplied."""

OUTPUTS = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
"""Six sums of products to four outputs."""

SCALE = 24
TILE = 4
"""Outputs of a tile."""

KERNEL = "mnc_conv2d_winograd_f32"
MOST_TILES = 4
"""Of a block of `KERNEL`, which has pointers to the columns of as many."""

DIRECT = 1.45
"""Instructions for each multiply-accumulate of mnc_conv2d_f32 on a Cortex-M4F, measured."""

WORTH = 100
"""Instructions of a run that a further byte of constants must save where the user has set no budget."""

USUAL = 16 * 1024
"""Bytes of further constants where the user has set no budget."""


@dataclass(frozen=True)
class Gain:
    """The gain of a layer by constants of several times the size."""

    layer: str
    instructions: float
    """Saved in a run on a Cortex-M4, by estimate."""
    bytes: int
    """More of constants."""

    @property
    def rate(self) -> float:
        """Instructions for each byte."""
        return self.instructions / self.bytes


def worthwhile(gains: Iterable[Gain], budget: int | None) -> frozenset[str]:
    """The layers to compute so, by instructions saved for each byte of constants, until `budget` bytes are spent.

    None: `USUAL` bytes at most, of which each saves `WORTH` instructions.
    """
    least, left = (WORTH, USUAL) if budget is None else (0, budget)
    chosen = set()
    for gain in sorted(gains, key=lambda gain: -gain.rate):
        if gain.rate >= least and gain.bytes <= left:
            chosen.add(gain.layer)
            left -= gain.bytes
    return frozenset(chosen)


def is_narrow(layer: Conv2D) -> bool:
    """Whether a convolution is three columns wide, and its outputs are neighbours of neighbours."""
    return layer.kernel[1] == 3 and layer.stride[1] == layer.dilation[1] == layer.groups == 1


def gains(graph: Graph, registers: int) -> Iterator[Gain]:
    """The gain of each layer of float32 that `KERNEL` can compute."""
    for node in graph.nodes:
        layer = node.layer
        if not isinstance(layer, Conv2D) or graph.types[node.name].dtype is not DType.FLOAT32 or not is_narrow(layer):
            continue
        rows, width, _ = image_shape(graph.types[node.name].shape)
        blocks = _blocks(layer, width, registers)
        if blocks:
            direct = DIRECT * width * layer.weights.array.size
            saved = rows * (direct - _row_cost(layer, width, *blocks[0]))
            if saved > 0:
                more = _packed(layer.weights.array, blocks[0][1]).size - layer.weights.array.size
                yield Gain(node.name, saved, DType.FLOAT32.bytes * more)


def winograd(context: Context[Conv2D]) -> Step:
    """A convolution: by `KERNEL` where its larger constants are worth their flash, else as `conv.conv2d` has it."""
    layer, (x,), y = context.layer, context.inputs, context.output
    otherwise = conv2d(context)
    if not context.larger or x.layout.channel != 1:
        return otherwise
    blocks = _blocks(layer, y.image[1], context.float_registers)
    channels_of = {tiles: channels for tiles, channels in reversed(blocks) if tiles <= blocks[0][0]}
    made = replace(otherwise, reason=f"the window of {KERNEL} would enlarge the arena")
    reason = f"results move by {rounding(layer):.0e} of the largest"
    for tiles, channels in sorted(channels_of.items()):
        step = replace(_step(context, tiles, channels), reason=reason)
        made = replace(step, fallback=replace(step, scratch_on_stack=True) if step.scratch <= ON_STACK else made)
    return made


def _step(context: Context[Conv2D], tiles: int, channels: int) -> Step:
    layer, (x,), y = context.layer, context.inputs, context.output
    fused, after = epilogue(layer.activation, y.layout.row)
    call = Call(
        KERNEL,
        {
            "rows": RowPointers(),
            "out": Out(),
            "window": Scratch(),
            "padding_row": Const(ROW),
            "weights": Const("weights"),
            "bias": bias_at(layer.bias, 0),
            "in_channels": x.image[2],
            "out_channels": layer.filters,
            "kernel_height": layer.kernel[0],
            "padding": layer.padding[1][0],
            "in_width": x.image[1],
            "out_width": y.image[1],
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
            "out_channel": y.layout.channel,
            "block_tiles": tiles,
            "block_channels": channels,
            "unroll": unrolled(layer.kernel[0] * x.image[2], compact=context.few_registers),
            **fused,
        },
    )
    constants = {
        ROW: Constant(np.zeros(x.image[2], np.float32)),
        "weights": Constant(_packed(layer.weights.array, channels)),
    }
    if layer.bias is not None:
        constants["bias"] = layer.bias
    scratch = DType.FLOAT32.bytes * len(FILTERS) * tiles * layer.kernel[0] * x.image[2]
    return context.by_rows(window(layer), (call, *after), constants, scratch=scratch)


def _blocks(layer: Conv2D, width: int, registers: int) -> list[tuple[int, int]]:
    """Blocks of (tiles, channels) whose sums registers hold, that with the fewest instructions first."""
    sizes = [
        (tiles, channels)
        for tiles in range(1, min(width // TILE, MOST_TILES) + 1)
        for channels in range(1, min(layer.filters, 14) + 1)
        if tiles * channels + channels < registers
    ]
    return sorted(sizes, key=lambda size: (_row_cost(layer, width, *size), size))


def _row_cost(layer: Conv2D, width: int, tiles: int, channels: int) -> float:
    """Instructions for a row on a Cortex-M4F."""
    count = layer.kernel[0] * layer.group_inputs
    products = len(FILTERS) * (count * (tiles * channels + tiles + channels + 1) + 2 * tiles * channels + 10)
    finishing = 35 * tiles * channels
    transform = tiles * (28 * count + 20 * layer.kernel[0])
    blocks = -(-width // (TILE * tiles))
    return blocks * (transform + -(-layer.filters // channels) * (products + finishing))


def _packed(filters: Array, channels: int) -> Array:
    """Filters (height, 3, inputs, outputs) as float32 [blocks of channels][6][height][inputs][channels]."""
    order = overlapping(filters.shape[-1], channels)
    made = np.einsum("pj,hjio->phio", FILTERS / SCALE, filters.astype(np.float64))[..., order]
    blocks = made.reshape(*made.shape[:3], -1, channels)
    return np.asarray(np.moveaxis(blocks, 3, 0).astype(np.float32).ravel())


def rounding(layer: Conv2D) -> float:
    """The largest error of float32 sums by Winograd's products, over the largest sum, for inputs that are noise."""
    height, _, inputs, _ = layer.weights.shape
    columns = np.random.default_rng(0).uniform(-1, 1, (8, height, 6, inputs)).astype(np.float32)
    numbers = np.einsum("pj,thji->tphi", INPUTS.astype(np.float32), columns)
    filters = np.einsum("pj,hjio->phio", FILTERS / SCALE, layer.weights.array.astype(np.float64)).astype(np.float32)
    sums = np.zeros((8, len(FILTERS), layer.filters), np.float32)
    for y in range(height):
        for k in range(inputs):
            sums += numbers[:, :, y, k, None] * filters[:, y, k]
    got = np.einsum("qp,tpo->tqo", OUTPUTS.astype(np.float32), sums)
    taps = np.stack([columns[:, :, q : q + 3] for q in range(TILE)], axis=1).astype(np.float64)
    exact = np.einsum("tqhji,hjio->tqo", taps, layer.weights.array.astype(np.float64))
    largest = float(np.abs(exact).max())
    return float(np.abs(got - exact).max()) / largest if largest else 0.0
