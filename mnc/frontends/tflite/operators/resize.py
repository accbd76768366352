"""Images made larger or smaller."""

from __future__ import annotations

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.tflite.assembly import Call
from mnc.ir.layers import Identity, Pair, ResizeBilinear, ResizeNearest, Take
from mnc.ir.types import Array, show
from mnc.reference.resize import nearest_places

MAX_SIZE = 2**13
"""Rows or columns: far beyond what a microcontroller holds."""


def resize_nearest_neighbor(call: Call) -> Value:
    """The pixels that TFLite takes: those that the IR takes, or for other centres and corners those of a table."""
    size, x = _size(call), call.value()
    taken = [_nearest(call, wanted, n) for n, wanted in zip(x.type.shape[:2], size, strict=True)]
    if all(
        np.array_equal(places, nearest_places(wanted, n))
        for places, n, wanted in zip(taken, x.type.shape[:2], size, strict=True)
    ):
        return call.emit(ResizeNearest(size), x)
    rows, columns = (tuple(places.tolist()) for places in taken)
    return call.emit(Take(columns, 1), call.emit(Take(rows, 0), x, part="rows"))


def _nearest(call: Call, size: int, n: int) -> Array:
    """The pixels that TFLite takes, in its own float32."""
    corners = bool(call.option("AlignCorners")) and size > 1
    scale = np.float32(n - 1) / np.float32(size - 1) if corners else np.float32(n) / np.float32(size)
    offset = np.float32(0.5 if call.option("HalfPixelCenters") else 0.0)
    places = (np.arange(size, dtype=np.float32) + offset) * scale
    rounded = np.floor(places + np.float32(0.5)) if call.option("AlignCorners") else np.floor(places)
    return np.asarray(np.minimum(rounded.astype(np.int64), n - 1))


def resize_bilinear(call: Call) -> Value:
    """The pixels' places by their centres, by their first corners, or from corner to corner of the image."""
    call.not_int16()
    size, x = _size(call), call.value()
    if size == x.type.shape[:2]:
        return call.emit(Identity(), x)
    half_pixel, align_corners = bool(call.option("HalfPixelCenters")), bool(call.option("AlignCorners"))
    if half_pixel and align_corners:
        raise call.fault("align_corners and half_pixel_centers exclude each other", "set one of the two to False")
    return call.emit(ResizeBilinear(size, half_pixel, align_corners), x)


def _size(call: Call) -> Pair:
    call.keeps_scale()
    x, size = call.value(), call.integers(1, "size")
    if x.type.rank != 3 or len(size) != 2 or min(size) < 1 or max(size) > MAX_SIZE:
        raise call.fault(f"it resizes {show(x.shape)} to {show(size)}; it needs an image and its height and width")
    return size[0], size[1]
