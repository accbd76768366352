"""Names that can be called besides layers and blocks: functions, activations, constants, quantisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnc.ir.types import Constant, DType, ElementType, Features, Quantisation
from mnc.language import arithmetic
from mnc.language.calls import as_constant
from mnc.language.expressions import DTYPES
from mnc.language.functions import functions, make
from mnc.language.values import RefusalError, Value, describe

_QUANTISED = ("quantised", "quantized")


def names() -> list[str]:
    """Everything that `call` knows."""
    return [*arithmetic.FUNCTIONS, *functions(), *DTYPES, *_QUANTISED]


def is_known(name: str) -> bool:
    """Whether a name is one of `names`."""
    return name in arithmetic.FUNCTIONS or name in functions() or name in DTYPES or name in _QUANTISED


def call(name: str, positional: list[Value], named: dict[str, Value]) -> Value:
    """The value of a call; RefusalError where the arguments do not fit."""
    if name in _QUANTISED:
        return _quantisation(name, positional, named)
    if name in DTYPES and named:
        return ElementType(DType(name), _quantisation(name, positional, named))
    if name in functions() and not (positional and name in arithmetic.FUNCTIONS):
        if positional:
            raise RefusalError(f"{name} takes a value of the network, not {describe(positional[0])}")
        return make(name, named)
    for keyword in named:
        raise RefusalError(f"{name} has no argument '{keyword}'")
    if name in DTYPES:
        return _constant(name, positional)
    return arithmetic.call(name, positional)


def _quantisation(name: str, positional: list[Value], named: dict[str, Value]) -> Quantisation:
    unknown = sorted(set(named) - {"scale", "zero_point", "axis", *_FEATURES})
    if positional or unknown or "scale" not in named:
        raise RefusalError(f"{name} takes scale = ..., and where they are needed zero_point = ... and axis = ...")
    axis = None if named.get("axis") is None else _whole("axis", named["axis"])
    try:
        zero_point = _whole("zero_point", named.get("zero_point", 0))
        return Quantisation(_reals("scale", named["scale"]), zero_point, axis, _features(named))
    except ValueError as fault:
        raise RefusalError(str(fault)) from None


_FEATURES = ("feature_scale", "feature_offset", "feature_axis")


def _features(named: dict[str, Value]) -> Features | None:
    """How each feature of an input is stored; RefusalError where some of the three are missing."""
    given = [name for name in _FEATURES if name in named]
    if not given:
        return None
    if len(given) < len(_FEATURES):
        raise RefusalError(f"{', '.join(_FEATURES)} go together")
    scale, offset = (_reals(name, named[name]) for name in _FEATURES[:2])
    return Features(scale, offset, _whole("feature_axis", named["feature_axis"]))


def _reals(name: str, value: Value) -> tuple[float, ...]:
    """A number or a list of them."""
    values: list[Any] = value if isinstance(value, list) else [value]
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        raise RefusalError(f"{name} takes a number or a list of numbers, not {describe(value)}")
    return tuple(float(each) for each in values)


def _whole(name: str, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusalError(f"{name} takes a whole number, not {describe(value)}")
    return value


def _constant(dtype: str, positional: list[Value]) -> Constant:
    quant = positional[1] if len(positional) == 2 else None
    if len(positional) not in (1, 2) or (len(positional) == 2 and not isinstance(quant, Quantisation)):
        raise RefusalError(f"{dtype} takes a list of numbers, and its quantisation where it has one")
    value = positional[0]
    scalar = not isinstance(value, list)
    try:
        constant = as_constant([value] if scalar else value, dtype)
    except RefusalError as fault:
        raise RefusalError(f"{dtype} takes numbers, not {fault.what}", *fault.hints) from None
    array = np.asarray(constant.array[0]) if scalar else constant.array
    return Constant(array, quant if isinstance(quant, Quantisation) else None)
