"""Resizing and pooling along one axis as a product with a constant matrix, or as windows of one size.

The matrices are those of TensorFlow and JAX: each new pixel is a mean of old
ones, weighed by a filter round its place, whose weights inside the image are
made to sum to 1.  Sources: `compute_weight_mat` of jax.image, and
tensorflow/core/kernels/image/scale_and_translate_op.cc; the cubic filter is
Keys' with a = -0.5 (IEEE Transactions on Acoustics, Speech, and Signal
Processing 29, 1981, 1153-1160).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.assembly import Call
from mnc.ir.layers import Dense, MaxPooling2D, Permute, Take
from mnc.ir.types import Array, Constant

MOST = 2**24
"""Elements of a matrix along an axis."""

TABLE = 1024
"""Places between two pixels for which TensorFlow knows the cubic filter (resize_bicubic_op.cc)."""

Filter = Callable[[Array], Array]
"""The weight of a pixel by its distance from the place that is sampled, in pixels."""


def _triangle(x: Array) -> Array:
    return np.maximum(0.0, 1.0 - x)


def _cubic(x: Array) -> Array:
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(radius: float) -> Filter:
    def weight(x: Array) -> Array:
        y = np.where(x > radius, 0.0, np.sinc(x) * np.sinc(x / radius))
        return np.asarray(y)

    return weight


FILTERS: dict[str, Filter] = {
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}
"""By Keras' names of interpolations."""


def resizing_matrix(before: int, after: int, method: str, antialias: bool, rounded: bool = False) -> Array:
    """How much of each of `before` old pixels is in each of `after` new ones: (before, after).

    Filters are widened by the factor of shrinking where `antialias` is set.
    Places between pixels are `rounded` to the steps of TensorFlow's table of the cubic filter.
    """
    step = before / after
    places = (np.arange(after) + 0.5) * step - 0.5
    if rounded and method == "bicubic" and not antialias:
        places = np.round(places * TABLE) / TABLE
    width = max(step, 1.0) if antialias else 1.0
    weights = FILTERS[method](np.abs(places[None, :] - np.arange(before)[:, None]) / width)
    return np.asarray(weights / weights.sum(axis=0, keepdims=True))


def parts(before: int, after: int) -> list[tuple[int, int]]:
    """The first and the last but one index of each of `after` parts of an axis, which may overlap by one."""
    return [(i * before // after, -(-(i + 1) * before // after)) for i in range(after)]


def mean_matrix(before: int, after: int) -> Array:
    """The mean of each part of an axis: (before, after)."""
    matrix = np.zeros((before, after))
    for i, (start, stop) in enumerate(parts(before, after)):
        matrix[start:stop, i] = 1.0 / (stop - start)
    return matrix


def limited(call: Call, before: int, after: int) -> None:
    """CompileError where a matrix between these sizes would be an attack on memory."""
    if before * after > MOST:
        raise call.fault(f"an axis of {before} elements is not brought to {after} by a matrix; the limit is {MOST}")


def multiplied(call: Call, image: Value, axis: int, matrix: Array, part: str) -> Value:
    """An image whose axis 0 or 1 is multiplied by a matrix (before, after)."""
    order = (2, 1, 0) if axis == 0 else (0, 2, 1)
    turned = call.emit(Permute(order), image, part=f"{part}_turned")
    product = call.emit(Dense(Constant(matrix.astype(np.float32))), turned, part=f"{part}_weighed")
    return call.emit(Permute(order), product, part=part)


def largest(call: Call, image: Value, axis: int, after: int, part: str) -> Value:
    """The largest value of each part of axis 0 or 1 of an image; shorter parts count their last index twice."""
    bounds = parts(image.type.shape[axis], after)
    longest = max(stop - start for start, stop in bounds)
    indices = tuple(min(start + k, stop - 1) for start, stop in bounds for k in range(longest))
    if indices != tuple(range(image.type.shape[axis])):
        image = call.emit(Take(indices, axis), image, part=f"{part}_parts")
    window = (longest, 1) if axis == 0 else (1, longest)
    return call.emit(MaxPooling2D(window, window), image, part=part)
