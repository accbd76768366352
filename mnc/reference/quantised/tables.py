"""Functions of one int16 as TensorFlow Lite Micro tabulates them, to the bit.

A table has one value for every 128 steps of its argument, or for every 1/24 of
a logistic function's, and what lies between is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mnc.ir.types import Array
from mnc.reference.quantised.arithmetic import round_away

STEPS = 512
"""Of a table over all of int16."""


def interpolated(table: Array, x: Array) -> Array:
    """The value at each int16, from a table of `STEPS` + 1 values from -32768 on."""
    index = (x >> 7) + STEPS // 2
    base = table[index]
    return np.asarray(base + (((table[index + 1] - base) * (x & 127) + 64) >> 7))


def _over_int16(function: Callable[[Array], Array], low: float, high: float, unit: float) -> Array:
    """The table of a function between `low` and `high`, in steps of `unit`, all in float32.

    From each value is taken half the error of interpolating to the next one.
    """
    f32 = np.float32
    step = f32((f32(high) - f32(low)) / f32(STEPS))
    inverse = f32(2**16) / f32(f32(unit) * f32(2**15 - 1) - f32(unit) * f32(-(2**15)))
    place = f32(low) + np.arange(STEPS, dtype=f32) * step
    following = f32(low) + np.arange(1, STEPS + 1, dtype=f32) * step

    def at(places: Array) -> Array:
        return np.asarray(function(places) * inverse)

    here = _rounded(at(place))
    error = _rounded((at(following) + here) / f32(2)) - _rounded(at(place + step / f32(2)))
    values = np.append(here - _rounded(error / f32(2)), _rounded(at(np.array([high], f32))))
    return np.asarray(np.clip(values, -(2**15), 2**15 - 1), np.int64)


def _rounded(x: Array) -> Array:
    return np.asarray(round_away(x), np.float32)


RANGE = 10.0
"""Below -10, softmax takes the exponential function for 0."""

EXP = _over_int16(lambda x: np.exp(x.astype(np.float64)).astype(np.float32), -RANGE, 0.0, 2.0 / (2**16 - 1))
"""exp from -10 to 0, in Q15."""

RECIPROCAL = _over_int16(lambda x: np.float32(1) / (np.float32(1) + x), 0.0, 1.0, 2.0 / (2**16 - 1))
"""1 / (1 + x) from 0 to 1, in Q15."""


LOGISTIC_STEPS = 24
"""Values of the table of the logistic function between two whole numbers."""
LOGISTIC_SIZE = 256


def _logistic(x: Array) -> Array:
    return np.asarray(2.0**16 / (1 + np.exp(-x / LOGISTIC_STEPS)))


def _logistic_table() -> Array:
    """From each value half the error of interpolating to the next one is taken; the last is the limit."""
    x = np.arange(LOGISTIC_SIZE, dtype=np.float64)
    error = (_logistic(x) + _logistic(x + 1)) / 2 - _logistic(x + 0.5)
    table = round_away(_logistic(x) - error / 2)
    table[-1] = 2**16 - 1
    return table


LOGISTIC = _logistic_table()
"""The logistic function from 0 on, in Q16."""


def logistic(x: Array) -> Array:
    """The logistic function in Q15 of x in steps of 1 / (24 * 512)."""
    distance = np.abs(x)
    index = np.minimum(distance >> 9, LOGISTIC_SIZE - 2)
    between = (LOGISTIC[index] << 9) + (distance & 511) * (LOGISTIC[index + 1] - LOGISTIC[index])
    positive = np.where(distance >> 9 >= LOGISTIC_SIZE - 1, (2**15 - 1) << 10, between)
    return np.asarray(np.where(x >= 0, positive + 512, (1 << 25) - positive + 511) >> 10)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent in Q15 of x in steps of 1 / (48 * 256): twice the logistic function of 2 x, less 1."""
    distance = np.abs(x)
    index = np.minimum(distance >> 8, LOGISTIC_SIZE - 2)
    between = (LOGISTIC[index] << 8) + (distance & 255) * (LOGISTIC[index + 1] - LOGISTIC[index])
    positive = np.where(distance >> 8 >= LOGISTIC_SIZE - 1, (2**16 - 1) << 8, between)
    return np.asarray(np.where(x >= 0, positive - (1 << 23) + 128, (1 << 23) - positive + 127) >> 8)


NEARLY_A_POWER = 1e-3
"""A scale whose binary logarithm is so close to a whole number counts as that power of two."""


def logistic_multiplier(scale: float) -> tuple[int, int]:
    """(multiplier, right shift) that take stored values of this scale to steps of 1 / (24 * 512)."""
    return _sigmoid_multiplier(scale, exact=(-12,))


def tanh_multiplier(scale: float) -> tuple[int, int]:
    """(multiplier, right shift) that take stored values of this scale to steps of 1 / (48 * 256)."""
    return _sigmoid_multiplier(scale, exact=(-12, -11))


def _sigmoid_multiplier(scale: float, exact: tuple[int, ...]) -> tuple[int, int]:
    """Three quarters of the scale in Q14: of some powers of two exactly, else cut off."""
    logarithm = math.log2(scale)
    power = round(logarithm)
    if power in exact and abs(logarithm - power) < NEARLY_A_POWER:
        return 3 << (power + 12), 0
    real, shift = scale * 3 * 2**12, 0
    while real <= (2**15 - 1) / 2 and shift <= 30:
        real, shift = real * 2, shift + 1
    return int(real), shift
