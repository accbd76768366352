"""How many pixels x channels a kernel keeps in registers at once."""

from __future__ import annotations

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
