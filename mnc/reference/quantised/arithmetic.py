"""Integer arithmetic of TensorFlow Lite Micro, to the bit.

Rounding takes two steps, as in gemmlowp and CMSIS-NN: a doubling high
multiplication that rounds, then a division by a power of two that rounds.
Everything works on int64 arrays that hold int32 values.  Sums of 64 bits, which
int16 layers have, are rounded once, by a multiplier of 15 bits.

Quotients and products of scales are computed in double precision throughout.
Until 2026 TFLM rounded those of a few layers (fully connected with one scale,
subtraction, the ReLUs, hard swish) to float32 in between, which moves one
result in some hundred thousand by one.
"""

from __future__ import annotations

import math

import numpy as np

from mnc.ir.types import Array

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def quantise_multiplier(real: float) -> tuple[int, int]:
    """A positive real as (multiplier, shift): multiplier * 2 ** (shift - 31), multiplier in [2^30, 2^31).

    A factor too small to matter becomes (0, 0), as in TFLite's QuantizeMultiplier.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def high_multiply(a: Array, b: Array | int) -> Array:
    """round(a * b / 2^31), halves away from zero; the one overflow, of both at the minimum, saturates."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudged = product + np.where(product >= 0, 2**30, 1 - 2**30)
    # C's division truncates towards zero.
    return np.asarray(np.minimum(np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31)), INT32_MAX))


def high_multiply16(a: Array, b: Array | int) -> Array:
    """round(a * b / 2^15), halves away from zero, saturating in 16 bits."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudged = product + np.where(product >= 0, 2**14, 1 - 2**14)
    return saturate16(np.where(nudged >= 0, nudged >> 15, -(-nudged >> 15)))


def saturate16(x: Array) -> Array:
    """The nearest value that 16 bits hold."""
    return np.asarray(np.clip(x, -(2**15), 2**15 - 1))


def divide_by_power(x: Array, exponent: Array | int) -> Array:
    """round(x / 2^exponent), halves away from zero; exponent from 0 to 31."""
    x = np.asarray(x, np.int64)
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    return np.asarray((x >> exponent) + ((x & mask) > threshold))


def rescale(x: Array, multiplier: Array | int, shift: Array | int) -> Array:
    """X * multiplier * 2 ** (shift - 31), rounded in two steps (MultiplyByQuantizedMultiplier).

    A value that the shift pushes out of int32 saturates: it is far beyond int16 then.
    """
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return divide_by_power(high_multiply(shift_left(x, left), multiplier), right)


def narrow(multiplier: Array | int) -> Array:
    """A multiplier of 31 bits in 15: rounded, the largest saturating."""
    return np.asarray(np.minimum((np.asarray(multiplier, np.int64) + 2**15) >> 16, 2**15 - 1))


def rescale_wide(x: Array, multiplier: Array | int, shift: Array | int) -> Array:
    """As `rescale` for x of 48 bits, rounded once with the narrowed multiplier, halves upwards; shift up to 7."""
    right = 15 - np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * narrow(multiplier)
    return np.asarray((product + (np.int64(1) << (right - 1))) >> right)


def shift_left(x: Array, bits: Array | int) -> Array:
    """X * 2^bits, saturating at the ends of int32."""
    return np.asarray(np.clip(np.asarray(x, np.int64) << bits, INT32_MIN, INT32_MAX))


def round_away(x: Array | float) -> Array:
    """The nearest integer, halves away from zero, as C's round()."""
    x = np.asarray(x, np.float64)
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(np.int64)
