"""How many pixels x channels a kernel keeps in registers at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from mnc.ir.types import Array

REGISTERS = 29
"""Of the 32 single-precision registers of Arm's FPUs, those a block may fill."""

SIXTEEN = 16
"""Of an Xtensa's sixteen registers for floats; a block's sums, one pixel's inputs and the weights are all there is."""

FEW = 5
"""Of the sixteen registers of a core that has no others; addresses and counters fill the rest."""


def float_registers(core: frozenset[str] | None) -> int:
    """How many registers a block of float32 may fill on a core with these features; None: on any."""
    if core is None:
        return REGISTERS
    if "few_registers" in core or "fpu" not in core:
        return FEW
    return SIXTEEN if "sixteen_floats" in core else REGISTERS


@cache
def block(pixels: int, channels: int, *, registers: int) -> tuple[int, int]:
    """(pixels, channels) of the block of integer sums that computes a row in the fewest instructions.

    Counted for one step of the inner loop: a multiply-add for each sum, a load
    for each pixel and for each two weights (loads of several words), and the
    loop itself.
    """

    def cost(p: int, c: int) -> float:
        return p * c + p + c / 2 + 3

    return _cheapest(pixels, channels, cost, lambda p, c: p * c + c + 1 <= registers)


@cache
def float_block(
    pixels: int, channels: int, taps: int = 1, stride: int = 1, *, registers: int = REGISTERS
) -> tuple[int, int]:
    """(pixels, channels) of the block of float32 sums that computes a row in the fewest instructions.

    Counted for one round of the inner loop, over `taps` neighbouring columns: a multiply-add for each sum and tap, a
    load for each input and for each weight, and the loop itself.  Registers hold the sums, the weights of a tap, and
    one input, or one for each pixel where taps share them.
    """
    shared = stride < taps

    def cost(p: int, c: int) -> float:
        return p * c * taps + (p - 1) * min(stride, taps) + taps + c * taps + 1

    return _cheapest(pixels, channels, cost, lambda p, c: p * c + c + (p if shared else 1) <= registers)


def _cheapest(
    pixels: int, channels: int, cost: Callable[[int, int], float], fits: Callable[[int, int], bool]
) -> tuple[int, int]:
    """The block for which the costs of all blocks of a row sum up to the least.

    The last block of a row overlaps the one before; channels left over go in a narrower block.
    """

    def row(p: int, c: int) -> float:
        whole, rest = divmod(channels, c)
        return -(-pixels // p) * (whole * cost(p, c) + (rest > 0) * cost(p, rest))

    sizes = (
        (p, c)
        for p in range(1, min(pixels, 8) + 1)
        for c in range(1, min(channels, 8 if pixels > 1 else 14) + 1)
        if fits(p, c)
    )
    return min(sizes, key=lambda size: (row(*size), -size[1], size[0]))


MOST_PIXELS = 8
"""Of a block of mnc_depthwise2d_f32."""


def inner_blocks(out_width: int, interior: tuple[int, int], most: int) -> list[int]:
    """Of 1 to `most` pixels, the blocks of which in a row only the first and the last see padding.

    `interior` are the output pixels begin <= p < end that see none.
    """
    begin, end = interior

    def is_inner(pixels: int) -> bool:
        between = max(-(-(out_width - 2 * pixels) // pixels), 0)
        first_alone = begin <= min(pixels, out_width - pixels)  # the last block may begin within the first one
        return pixels == out_width or (first_alone and (1 + between) * pixels <= end)

    return [pixels for pixels in range(1, min(out_width, most) + 1) if is_inner(pixels)]


def depthwise_block(
    sizes: Sequence[int], pixels: int, stride: int, kernel_height: int, kernel_width: int, *, registers: int = REGISTERS
) -> int:
    """Which of these numbers of neighbouring pixels of one channel to compute at once, in a row of `pixels`.

    Counted in instructions: a block loads each input once, multiplies and adds for each tap, stores, and has a loop
    round it; the last block overlaps the one before.  Its sums, the taps and one row of inputs should be in registers.
    """
    taps = kernel_height * kernel_width

    def columns(p: int) -> int:
        return (p - 1) * min(stride, kernel_width) + kernel_width

    def cost(p: int) -> int:
        return -(-pixels // p) * (kernel_height * columns(p) + p * (taps + 3) + 8)

    fitting = [p for p in sizes if p + taps + columns(p) // stride <= registers]
    return min(fitting, key=lambda p: (cost(p), p)) if fitting else min(sizes)


def unrolled(count: int, *, compact: bool) -> int:
    """How many rounds of a loop of `count` to write out: all of a short loop, else a divisor; `compact`: one."""
    return 1 if compact else next(each for each in (count, 4, 3, 2, 1) if each <= 12 and count % each == 0)


def across(channels: int, most: int = 16) -> int:
    """How many channels, at most `most`, to work on at once: no more than it takes for the fewest blocks."""
    return -(-channels // -(-channels // most))


def split(channels: int, width: int) -> tuple[tuple[int, int, int], ...]:
    """Channels in blocks of `width`, then one narrower block: (first, count, block width)."""
    whole = channels - channels % width
    parts = [(0, whole, width)] if whole else []
    if channels > whole:
        parts.append((whole, channels - whole, channels - whole))
    return tuple(parts)


def pack(weights: Array, width: int) -> Array:
    """(..., channels) weights as [channels / width][...][width], a narrower block last."""
    channels = weights.shape[-1]
    flat = weights.reshape(-1, channels)
    pieces = [
        flat[:, c : c + part].ravel()
        for first, count, part in split(channels, width)
        for c in range(first, first + count, part)
    ]
    return np.concatenate(pieces) if pieces else flat.ravel()


def column_block(pixels: int, stride: int) -> int:
    """How many pixels mnc_depthwise3x3_s8 computes at once: the fewest instructions with Arm's DSP ones.

    A column takes four to load; an output six to multiply and six to
    requantise, of code that is there once for each pixel of a block.
    """
    return min(
        range(1, min(max(pixels, 1), 5) + 1), key=lambda p: -(-pixels // p) * (4 * (p - 1) * stride + 12 * p + 24)
    )


VECTOR = 4
"""How many neighbouring int8 elements go at once."""


@cache
def vector_block(
    pixels: int, channels: int, *, many_registers: bool = False, few_registers: bool = False
) -> tuple[int, int]:
    """(pixels, channels) of the block of int8 sums that computes a row in the fewest instructions.

    Counted for a 4-vector of inputs with Arm's DSP instructions: each 4-vector is loaded
    and split into two pairs, each sum takes two multiplications.  Thirteen
    registers hold the sums, the pairs of the shorter side, one more pair of
    pairs, a pointer to either operand.  Such blocks are the best on most other cores, too.
    With many or few registers a 4-vector goes element by element, with a multiplication and
    an addition for each sum.  Many, RISC-V's 31, hold six sums before GCC spills; few hold
    the sums, the elements of the shorter side, one more element.
    The last block either way overlaps the one before.
    """
    by_element = many_registers or few_registers

    def cost(p: int, c: int) -> int:
        work = 8 * p * c + 4 * p + 4 * c + 2 if by_element else 2 * p * c + 3 * p + 3 * c + 2
        return -(-pixels // p) * -(-channels // c) * work

    def fits(p: int, c: int) -> bool:
        if few_registers:
            return p * c + min(p, c) + 1 <= FEW
        return p <= 3 and p * c <= 6 and c <= 4 if many_registers else p * c + 2 * min(p, c) + 4 <= 14

    sizes = ((p, c) for p in range(1, min(pixels, 4) + 1) for c in range(1, min(channels, 8) + 1) if fits(p, c))
    return min(sizes, key=lambda size: (cost(*size), size[0] * size[1]))


def overlapping(channels: int, width: int) -> list[int]:
    """Channels in blocks of `width`, the last of which overlaps the one before."""
    starts = [*range(0, channels - width + 1, width), *([channels - width] if channels % width else [])]
    return [start + c for start in starts for c in range(width)]


def pack_vectors(weights: Array, width: int) -> Array:
    """(..., run, channels) int8 weights as [blocks][...][4-vectors][width][4].

    A last 4-vector that is not whole begins with zeros; a run of less than four
    elements is [width][run].  Blocks of channels are as `overlapping` has them.
    """
    *outer, run, channels = weights.shape
    if run % VECTOR and run > VECTOR:
        whole = run - run % VECTOR
        gap = np.zeros((*outer, -run % VECTOR, channels), weights.dtype)
        weights = np.concatenate([weights[..., :whole, :], gap, weights[..., whole:, :]], axis=-2)
    length = min(run, VECTOR)
    order = overlapping(channels, width)
    vectors = weights.shape[-2] // length
    blocks = weights[..., order].reshape(math.prod(outer), vectors, length, len(order) // width, width)
    packed: Array = blocks.transpose(3, 0, 1, 4, 2).ravel()
    return packed
