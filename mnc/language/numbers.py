"""Numbers as text that gives the same number back."""

from __future__ import annotations

import math

import numpy as np


def spell_float(value: float) -> str:
    """The shortest text that reads as this double; always visibly not a whole number."""
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def spell_float32(value: np.float32) -> str:
    """The shortest text that reads as this float32: parsed as a double, then rounded."""
    short = str(value)
    return short if np.float32(float(short)) == value else repr(float(value))
