"""Functional models of operations of `keras.ops`, many outputs each; for `live_keras`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from live_keras import Case

from mnc.ir.types import Array

Build = Callable[[Any, Any], Any]
"""From `keras.ops` and what is given to what the network gives."""
RNG = np.random.default_rng(11)
GRID = RNG.normal(size=(4, 6)).astype(np.float32)
MATRIX = RNG.normal(size=(6, 5)).astype(np.float32)
TIMES_49 = 49.0 * np.arange(1, 49, dtype=np.float32).reshape(2, 4, 6)
ROW = np.array([1, 2, 3, 1, 2, 5], np.float32)


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def whole(*shape: int) -> Array:
    """Numbers of which many are equal and many are 0."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def of(xs: list[Array], build: Build) -> Case:
    """A network of these inputs, two samples each, whose outputs are float32."""

    def case(keras: Any, layers: Any) -> tuple[Any, list[Array]]:
        given = [keras.Input(x.shape[1:]) for x in xs]
        y = build(keras.ops, given if len(given) > 1 else given[0])
        ends = [keras.ops.cast(each, "float32") for each in (y if isinstance(y, (list, tuple)) else [y])]
        return keras.Model(given, ends), xs

    return case


def truths(ops: Any, x: Any) -> Any:
    """Of numbers, not of comparisons alone."""
    kept = ops.any(x, axis=2, keepdims=True)
    both = [ops.logical_and(x, 1.0), ops.logical_or(x, ROW - 1.0), ops.logical_xor(0.0, x)]
    counts = [ops.count_nonzero(x, axis=1), ops.any(x > 2.0, axis=-1), ops.all(x > -3.0, axis=(1, 2))]
    return [ops.any(x, axis=1), ops.all(x, axis=-1), kept, *both, *counts]


def quotients(ops: Any, xs: Any) -> Any:
    """Of whole numbers, whose reciprocals are rounded: 49 // 49 is 1."""
    x, y = xs
    with_numbers = [x // 49.0, x % 49.0, 1000.0 // x, 1000.0 % x, ops.mod(x, 10.0 * ROW), ops.fmod(x - 200.0, 49.0)]
    return [x // y, x % y, ops.fmod(-x, y), ops.divide_no_nan(x, y - 1.0), ops.divide_no_nan(y, ROW - 1), *with_numbers]


def elements(ops: Any, xs: Any) -> Any:
    x, y = xs
    ones = ("abs", "cbrt", "cosh", "deg2rad", "erfc", "exp2", "expm1", "fabs")
    more = ("rad2deg", "signbit", "sinh", "tan", "trunc", "copy")
    twos = ("fmax", "fmin", "heaviside", "hypot", "isclose", "logaddexp")
    functions = [getattr(ops, name)(x) for name in ones + more]
    both = [getattr(ops, name)(*each) for name in twos for each in ((x, y), (x, np.float32(0.5)))]
    types = [ops.cast(ops.cast(x * 3.0, "int32"), "float32"), ops.cast(x, "bool"), ops.round(x, 1)]
    return [*functions, *both, *types, ops.convert_to_tensor(x * 3.0, "int32")]


def windows(ops: Any, x: Any) -> Any:
    """Convolutions and pooling of images."""
    kernel, own, mixing = (np.sin(np.arange(np.prod(s))).reshape(s) for s in SHAPES)
    rows = ops.reshape(x, (-1, 7, 24))
    taps = np.cos(np.arange(3.0 * 24 * 2)).reshape(3, 24, 2)
    return [
        ops.conv(x, kernel, 2, "same"),
        ops.conv(x, kernel, 1, "valid", dilation_rate=(1, 2)),
        ops.conv(rows, taps, 2, "same"),
        ops.depthwise_conv(x, own, 1, "same"),
        ops.separable_conv(x, own, mixing, 2, "valid"),
        ops.average_pool(rows, 3, 2, "same"),
        ops.max_pool(rows, 2, 2),
        ops.adaptive_average_pool(x, (3, 2)),
        ops.adaptive_max_pool(x, (7, 4)),
    ]


def ordered(ops: Any, x: Any) -> Any:
    """Of numbers of which many are equal."""
    places = [ops.median(x, axis=1), ops.median(x, axis=2, keepdims=True)]
    products = [ops.prod(x, axis=2), ops.prod(x, axis=(1, 2), keepdims=True), ops.cumprod(x, axis=2)]
    return [ops.sort(x, axis=1), ops.sort(x), *places, *products]


def largest(ops: Any, x: Any) -> Any:
    """Of different numbers: which of equal ones is first differs between the backends of Keras."""
    return [*ops.top_k(x, 3), ops.argsort(x, axis=1)]


def normalised(ops: Any, x: Any) -> Any:
    mean, variance = (np.linspace(0.5, 1.5, 6, dtype=np.float32) for _ in range(2))
    return [
        ops.layer_normalization(x),
        ops.layer_normalization(x, mean, variance, axis=-1, epsilon=0.01),
        ops.rms_normalization(x, mean, epsilon=0.01),
        ops.rms_normalization(x),
        ops.batch_normalization(x, mean, variance, -1, ROW, mean),
        ops.batch_normalization(x, mean[:4], variance[:4], 1),
        *ops.moments(x, (1, 2)),
        *ops.moments(x, 2, keepdims=True),
        ops.normalize(x, 1, 1),
        ops.ptp(x, axis=-1),
        ops.average(x, axis=2, weights=ROW),
    ]


def coloured(ops: Any, x: Any) -> Any:
    image = ops.image
    grey = ops.concatenate([x[..., :1], x[..., :1], x[..., :1]], -1)
    changed = [image.rgb_to_hsv(x), image.rgb_to_hsv(grey * 0.0), image.rgb_to_hsv(grey), image.hsv_to_rgb(x)]
    return [*changed, image.gaussian_blur(x, (3, 5), (0.8, 1.5)), image.gaussian_blur(x)]


def multiplied(ops: Any, xs: Any) -> Any:
    x, y, z = xs  # (4, 6), (4, 6), (6, 3)
    tensors = [
        ("bij,bkj->bik", x, y),
        ("bij,bkj->bk", x, y),
        ("...ij,...kj->...ki", x, y),
        ("bij,bkj,bjl->bkl", x, y, z),
    ]
    with_constants = [("bij,jk->bik", x, MATRIX), ("jk,bij->bki", MATRIX, x), ("...j,jk->...k", x, MATRIX)]
    alone = [("bij->bji", x), ("bij->bj", x), ("bij->b", x)]
    products = [ops.matmul(GRID.T, x), ops.matmul(x, MATRIX[None]), ops.matmul(x, ROW), ops.dot(x, MATRIX)]
    more = [
        ops.tensordot(x, MATRIX, 1),
        ops.tensordot(x, GRID, [[1, 2], [0, 1]]),
        ops.inner(x, MATRIX.T),
        ops.inner(x, ROW),
    ]
    sums = [ops.einsum(*each) for each in (*tensors, *with_constants, *alone)]
    return [*sums, *products, *more]


def attended(ops: Any, xs: Any) -> Any:
    """Of two heads; the mask hides one key from all queries."""
    attend, bias = ops.dot_product_attention, np.sin(np.arange(50.0)).reshape(1, 2, 5, 5)
    mask = np.ones((1, 1, 5, 5), bool)
    mask[..., 2] = False
    return [attend(*xs), attend(*xs, is_causal=True, scale=0.3), attend(*xs, bias=bias, mask=mask)]


def arranged(ops: Any, xs: Any) -> Any:
    x, y = xs
    image = ops.expand_dims(x, 3)
    joined = [
        ops.hstack([x, y]),
        ops.dstack([x, y]),
        ops.append(x, y, axis=2),
        ops.select([x > 0.5, y > 0.5], [x, y], 2),
    ]
    parts = [*ops.array_split(x, 4, axis=2), *ops.hsplit(x, 2), *ops.dsplit(x, [1, 4])]
    turned = [ops.rot90(image, k, axes) for k in (1, 2, -1) for axes in ((1, 2), (2, 1))]
    shifted = [
        ops.fliplr(x),
        ops.roll(x, (1, -2), (1, 2)),
        ops.repeat(x, [1, 0, 2, 3], 1),
        ops.diff(x, 2),
        ops.diff(x, axis=1),
    ]
    diagonals = [ops.diagonal(x, 1, 1, 2), ops.trace(x, -1, 1, 2), ops.trace(x, 0, 2, 1), ops.triu(x, 1), ops.tril(x)]
    wider = [ops.expand_dims(x, (1, -1)), ops.full_like(x, 3.0)]
    moved = [ops.moveaxis(ops.expand_dims(image, 1), (1, 3), (4, 2)), ops.pad(x, ((0, 0), (1, 2), (0, 1)), mode="wrap")]
    return [*joined, *parts, *turned, *shifted, *diagonals, *wider, *moved]


SHAPES = ((3, 2, 4, 6), (2, 3, 4, 2), (1, 1, 8, 3))

CASES: dict[str, Case] = {
    "truths": of([whole(2, 4, 6)], truths),
    "quotients": of(
        [np.arange(1.0, 49.0, dtype=np.float32).reshape(2, 4, 6) * 49, np.abs(whole(2, 4, 6)) + 1], quotients
    ),
    "elements": of([normal(2, 4, 6), normal(2, 4, 6)], elements),
    "ordered": of([whole(2, 4, 6)], ordered),
    "largest": of([normal(2, 4, 6)], largest),
    "normalised": of([normal(2, 4, 6)], normalised),
    "coloured": of([RNG.uniform(0.0, 1.0, (2, 5, 7, 3)).astype(np.float32)], coloured),
    "multiplied": of([normal(2, 4, 6), normal(2, 4, 6), normal(2, 6, 3)], multiplied),
    "attended": of([normal(2, 5, 2, 3) for _ in range(3)], attended),
    "arranged": of([normal(2, 4, 6), normal(2, 4, 6)], arranged),
    "windows": of([normal(2, 7, 6, 4)], windows),
}
