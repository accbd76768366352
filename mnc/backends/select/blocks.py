"""How many pixels x channels a kernel keeps in registers at once."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from mnc.ir.types import Array

REGISTERS = 29
"""Of the 32 single-precision registers of Arm's FPUs, those a block may fill:
its sums, one weight for each channel, one input."""


@cache
def block(pixels: int, channels: int, *, registers: int = REGISTERS) -> tuple[int, int]:
    """(pixels, channels) of the block that computes a row in the fewest instructions.

    Counted for one step of the inner loop: a multiply-add for each sum, a load
    for each pixel and for each two weights (loads of several words), and the
    loop itself.  The last block of a row overlaps the one before; channels left
    over go in a narrower block.
    """

    def cost(p: int, c: int) -> float:
        across = -(-pixels // p)
        whole, rest = divmod(channels, c)
        return across * (whole * (p * c + p + c / 2 + 3) + (rest > 0) * (p * rest + p + rest / 2 + 3))

    sizes = (
        (p, c)
        for p in range(1, min(pixels, 8) + 1)
        for c in range(1, min(channels, 8 if pixels > 1 else 14) + 1)
        if p * c + c + 1 <= registers
    )
    return min(sizes, key=lambda size: (cost(*size), -size[1], size[0]))


def depthwise_block(pixels: int, stride: int, kernel_height: int, kernel_width: int) -> int:
    """How many of `pixels` neighbouring pixels of one channel to compute at once.

    Counted in instructions: a block loads each input once, multiplies and adds
    for each tap, and has a loop round it; a pixel left over costs about half
    as much again as one in a block.
    """
    taps = kernel_height * kernel_width

    def cost(p: int) -> int:
        blocks, rest = divmod(pixels, p)
        loads = kernel_height * ((p - 1) * min(stride, kernel_width) + kernel_width)
        return blocks * (loads + p * (taps + 6) + 8) + rest * (2 * taps + 16)

    return min(range(1, 7), key=cost) if pixels else 1


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


QUAD = 4
"""How many neighbouring int8 elements go at once."""


@cache
def quad_block(pixels: int, channels: int) -> tuple[int, int]:
    """(pixels, channels) of the block of int8 sums that computes a row in the fewest instructions.

    Counted for a quad of inputs with Arm's DSP instructions: each quad is loaded
    and split into two pairs, each sum takes two multiplications.  Thirteen
    registers hold the sums, the pairs of the shorter side, one more pair of
    pairs, a pointer to either operand.  The last block either way overlaps the one
    before.
    """

    def cost(p: int, c: int) -> int:
        return -(-pixels // p) * -(-channels // c) * (2 * p * c + 3 * p + 3 * c + 2)

    sizes = (
        (p, c)
        for p in range(1, min(pixels, 4) + 1)
        for c in range(1, min(channels, 8) + 1)
        if p * c + 2 * min(p, c) + 4 <= 14
    )
    return min(sizes, key=lambda size: (cost(*size), size[0] * size[1]))


def overlapping(channels: int, width: int) -> list[int]:
    """Channels in blocks of `width`, the last of which overlaps the one before."""
    starts = [*range(0, channels - width + 1, width), *([channels - width] if channels % width else [])]
    return [start + c for start in starts for c in range(width)]


def pack_quads(weights: Array, width: int) -> Array:
    """(..., run, channels) int8 weights as [blocks][...][quads][width][4].

    A last quad that is not whole begins with zeros; a run of less than four
    elements is [width][run].  Blocks of channels are as `overlapping` has them.
    """
    *outer, run, channels = weights.shape
    if run % QUAD and run > QUAD:
        whole = run - run % QUAD
        gap = np.zeros((*outer, -run % QUAD, channels), weights.dtype)
        weights = np.concatenate([weights[..., :whole, :], gap, weights[..., whole:, :]], axis=-2)
    length = min(run, QUAD)
    order = overlapping(channels, width)
    quads = weights.shape[-2] // length
    blocks = weights[..., order].reshape(math.prod(outer), quads, length, len(order) // width, width)
    packed: Array = blocks.transpose(3, 0, 1, 4, 2).ravel()
    return packed
