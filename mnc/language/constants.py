"""Constants as text where they are small, and as named arrays beside the text where not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

import numpy as np

from mnc.ir.types import Array, Constant, DType, Quantisation
from mnc.language.forms import spell_quantisation
from mnc.language.numbers import spell_float32

INLINE_ELEMENTS = 4
"""Largest number of elements of a constant that is printed with its layer."""

_PLAIN = " !#$&'()*+,-./:;<=>?@[]^_{|}~"
_MAX_KEY = 200


def spell_constant(constant: Constant) -> str | None:
    """A small constant as the language writes it; None where it belongs into a file."""
    array = constant.array
    if not 1 <= array.size <= INLINE_ELEMENTS or not np.all(np.isfinite(array)):
        return None
    items = _items(array)
    if constant.quant is None:
        return items if array.dtype == np.float32 and array.ndim > 0 else f"{array.dtype.name}({items})"
    return f"{array.dtype.name}({items}, {spell_quantisation(constant.quant)})"


def _items(array: Array) -> str:
    if array.ndim == 0:
        return spell_float32(np.float32(array[()])) if array.dtype == np.float32 else str(int(array[()]))
    return f"[{', '.join(_items(item) for item in array)}]"


def key(layer: str, field: str) -> str:
    """The name of a constant in an .npz file: `layer/field`.

    Names that a zip archive would not keep are escaped as in a URL; very long
    ones are replaced by their digest.
    """
    escaped = quote(layer, safe=_PLAIN, errors="surrogatepass")
    if len(escaped) > _MAX_KEY:
        escaped = hashlib.sha256(layer.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{escaped}/{field}"


def arrays(name: str, constant: Constant) -> Mapping[str, Array]:
    """A constant as the arrays of an .npz file, its quantisation beside it."""
    stored = {name: constant.array}
    if constant.quant is not None:
        stored[f"{name}.scale"] = np.array(constant.quant.scale, np.float64)
        stored[f"{name}.zero_point"] = np.array(constant.quant.zero_point, np.int64)
        if constant.quant.axis is not None:
            stored[f"{name}.axis"] = np.array(constant.quant.axis, np.int64)
    return stored


def from_arrays(name: str, stored: Mapping[str, Array]) -> Constant:
    """The constant that `arrays` stored under a name; ValueError where it is none."""
    array = stored[name]
    if array.dtype.name not in [dtype.value for dtype in DType] and array.dtype != np.float64:
        raise ValueError(f"its elements are {array.dtype.name}")
    if f"{name}.scale" not in stored:
        return Constant(array)
    axis = stored.get(f"{name}.axis")
    scale = tuple(float(each) for each in stored[f"{name}.scale"].reshape(-1))
    zero_point = int(stored.get(f"{name}.zero_point", np.zeros((), np.int64)))
    return Constant(array, Quantisation(scale, zero_point, None if axis is None else int(axis)))
