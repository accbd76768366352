"""Operators on values that are known now, above all on shapes.

The converter writes a reshape to unknown batch as SHAPE, STRIDED_SLICE, PACK,
RESHAPE; the shapes being known, the first three are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from mnc.frontends.tflite.file import Operator
from mnc.frontends.tflite.slicing import strided
from mnc.ir.types import Array

MAX_FOLDED = 2**12
"""Largest number of elements of a folded constant: shapes and sizes, not images."""

Fold = Callable[[Operator, Sequence[Array]], Array]


def folded(operator: Operator, inputs: Sequence[Array]) -> Array | None:
    """The operator's result; None where it is not one that is folded, or does not work out."""
    fold = FOLDS.get(operator.kind)
    if fold is None or (operator.kind != "DEQUANTIZE" and sum(x.size for x in inputs) > MAX_FOLDED):
        return None
    try:
        with np.errstate(all="ignore"):
            return fold(operator, inputs)
    except (ValueError, IndexError, KeyError):
        return None


def _option(operator: Operator, name: str) -> int:
    return int((operator.options or {})[name])


def _strided_slice(operator: Operator, inputs: Sequence[Array]) -> Array:
    x, begin, end, stride = inputs
    places = strided(x.shape, begin, end, stride, lambda name: _option(operator, name))
    return np.asarray(x[tuple(places)])


def _pack(operator: Operator, inputs: Sequence[Array]) -> Array:
    return np.stack(inputs, _option(operator, "Axis"))


def _concatenation(operator: Operator, inputs: Sequence[Array]) -> Array:
    return np.concatenate(inputs, _option(operator, "Axis"))


def _reduce_prod(operator: Operator, inputs: Sequence[Array]) -> Array:
    x, axes = inputs
    keep = bool(_option(operator, "KeepDims"))
    return np.asarray(np.prod(x, axis=tuple(int(a) for a in axes.ravel()), keepdims=keep), x.dtype)


def _gather(operator: Operator, inputs: Sequence[Array]) -> Array:
    x, places = inputs
    axis = _option(operator, "Axis")
    if _option(operator, "BatchDims") or x.shape[axis] == 0 or places.dtype.kind != "i" or places.min(initial=0) < 0:
        raise ValueError("only places on one axis are folded")
    if x.size // x.shape[axis] * places.size > MAX_FOLDED:
        raise ValueError("only shapes are folded")
    return np.take(x, places, axis)


def _elementwise(function: Callable[[Array, Array], Array]) -> Fold:
    def fold(_: Operator, inputs: Sequence[Array]) -> Array:
        a, b = inputs
        if a.dtype.kind != "i" or b.dtype.kind != "i":
            raise ValueError("only whole numbers are folded")
        if math.prod(np.broadcast_shapes(a.shape, b.shape)) > MAX_FOLDED:
            raise ValueError("only shapes are folded")
        return function(a, b)

    return fold


def _broadcast_args(_: Operator, inputs: Sequence[Array]) -> Array:
    a, b = (tuple(int(n) for n in shape.ravel()) for shape in inputs)
    return np.array(np.broadcast_shapes(a, b), inputs[0].dtype)


def _reshape(_: Operator, inputs: Sequence[Array]) -> Array:
    x, shape = inputs
    return x.reshape(tuple(int(n) for n in shape.ravel()))


def _dequantize(_: Operator, inputs: Sequence[Array]) -> Array:
    """Weights that are stored in half precision."""
    (x,) = inputs
    if x.dtype != np.float16:
        raise ValueError("only float16 is folded")
    return x.astype(np.float32)


def _fill(_: Operator, inputs: Sequence[Array]) -> Array:
    shape, value = inputs
    if shape.dtype.kind != "i" or value.size != 1 or not 0 < math.prod(int(n) for n in shape.ravel()) <= MAX_FOLDED:
        raise ValueError("only small constants are filled")
    return np.full(tuple(int(n) for n in shape.ravel()), value.item(), value.dtype)


def _same(_: Operator, inputs: Sequence[Array]) -> Array:
    """Of shapes only, and the type does not matter to them."""
    return inputs[0]


FOLDS: dict[str, Fold] = {
    "ADD": _elementwise(np.add),
    "BROADCAST_ARGS": _broadcast_args,
    "CAST": _same,
    "CONCATENATION": _concatenation,
    "DEQUANTIZE": _dequantize,
    "FILL": _fill,
    "GATHER": _gather,
    "MUL": _elementwise(np.multiply),
    "PACK": _pack,
    "REDUCE_PROD": _reduce_prod,
    "RESHAPE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _elementwise(np.subtract),
}
