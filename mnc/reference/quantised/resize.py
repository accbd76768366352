"""Bilinear interpolation in integers: places in steps of 1/1024 of a pixel."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import ResizeBilinear
from mnc.ir.types import Array
from mnc.reference.quantised.operands import Operands, compute_quantised, requantise

PLACE_BITS = 10


def bilinear_ratio(layer: ResizeBilinear, size: int, n: int) -> tuple[int, int]:
    """Output pixel p of `size` lies at p * step + start of `n` pixels, in steps of 1/1024: (step, start)."""
    one = 1 << PLACE_BITS
    if layer.align_corners and size > 1:
        return (one * (n - 1) + (size - 1) // 2) // (size - 1), 0
    step = (one * n + size // 2) // size
    return step, step // 2 - one // 2 if layer.half_pixel else 0


def bilinear_places(layer: ResizeBilinear, size: int, n: int) -> tuple[Array, Array, Array]:
    """(pixel before, pixel after, 1024 times the share of the latter) for each of `size` places along `n` pixels.

    Before the first pixel the share is negative, and both pixels are the first.
    """
    one = 1 << PLACE_BITS
    step, start = bilinear_ratio(layer, size, n)
    place = np.arange(size, dtype=np.int64) * step + start
    before = np.maximum(place, 0) >> PLACE_BITS
    after = np.minimum(np.maximum(place + one - 1, 0) >> PLACE_BITS, n - 1)
    share = place - one * before
    return np.minimum(before, n - 1), after, share


@compute_quantised.register
def _resize_bilinear(layer: ResizeBilinear, operands: Operands, x: Array) -> Array:
    for axis, size in enumerate(layer.size, start=1):
        before, after, share = bilinear_places(layer, size, x.shape[axis])
        share = share.reshape(-1, *(1,) * (x.ndim - axis - 1))
        x = x.take(before, axis) * ((1 << PLACE_BITS) - share) + x.take(after, axis) * share
    half = 1 << 2 * PLACE_BITS - 1
    magnitude = (np.abs(x) + half) >> 2 * PLACE_BITS
    return requantise(np.sign(x) * magnitude, operands.quant(), operands)
