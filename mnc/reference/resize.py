"""Images made larger or smaller."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import Cropping2D, ResizeBilinear, ResizeNearest
from mnc.ir.types import Array
from mnc.reference.dispatch import compute


@compute.register
def resize_nearest(layer: ResizeNearest, x: Array) -> Array:
    rows, columns = (nearest_places(size, n) for size, n in zip(layer.size, x.shape[1:3], strict=True))
    return x[:, rows][:, :, columns]


def nearest_places(size: int, n: int) -> Array:
    """For each of `size` places along `n` pixels, the pixel it lies in."""
    return np.asarray((2 * np.arange(size) + 1) * n // (2 * size))


@compute.register
def resize_bilinear(layer: ResizeBilinear, x: Array) -> Array:
    for axis, size in enumerate(layer.size, start=1):
        n = x.shape[axis]
        step, start, divisor = layer.places(size, n)
        place = np.clip((np.arange(size) * step + start) / divisor, 0, n - 1)
        before = np.floor(place).astype(int)
        after = np.minimum(before + 1, n - 1)
        part = (place - before).reshape(-1, *(1,) * (x.ndim - axis - 1))
        x = x.take(before, axis) * (1 - part) + x.take(after, axis) * part
    return x


@compute.register
def cropping2d(layer: Cropping2D, x: Array) -> Array:
    (top, bottom), (left, right) = layer.cropping
    return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]
