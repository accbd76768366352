"""gemmlowp's fixed-point functions, to the bit: exp, 1 / (1 + x), logistic, tanh.

A value in Qn has n bits before the binary point of an int32: raw / 2^(31 - n).
"""

from __future__ import annotations

import numpy as np

from mnc.ir.types import Array
from mnc.reference.quantised.arithmetic import INT32_MAX, divide_by_power, high_multiply, shift_left

_EXP_STEPS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""exp(-2^k) in Q0 for each k."""


def exp_of_negative(a: Array, integer_bits: int) -> Array:
    """exp(a) in Q0 for a <= 0 in Q`integer_bits`: a polynomial on the last quarter, then a factor per bit."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(shift_left(within, integer_bits))
    remainder = within - a
    for exponent, factor in _EXP_STEPS:
        if integer_bits > exponent:
            bit = remainder & (1 << (fraction_bits + exponent))
            result = np.where(bit != 0, high_multiply(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _exp_near_zero(a: Array) -> Array:
    """exp(a) for -1/4 <= a < 0, both in Q0: Taylor's series round -1/8."""
    x = a + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4 = high_multiply(x2, x2)
    third = 715827883
    higher = divide_by_power(high_multiply(divide_by_power(x4, 2) + x3, third) + x2, 1)
    centre = 1895147668  # exp(-1/8)
    return centre + high_multiply(x + higher, centre)


def reciprocal_of_one_plus(a: Array) -> Array:
    """1 / (1 + a) in Q0 for 0 <= a <= 1 in Q0: three steps of Newton and Raphson."""
    x = _newton(a)
    return shift_left(x, 1)


def _newton(a: Array) -> Array:
    """2 / (1 + a) in Q2."""
    total = np.asarray(a, np.int64) + INT32_MAX
    half = (total + np.where(total >= 0, 1, -1)) // 2
    x = 1515870810 + high_multiply(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - high_multiply(half, x)
        x = x + shift_left(high_multiply(x, rest), 2)
    return x


def logistic(a: Array, integer_bits: int) -> Array:
    """The logistic function in Q0 of `a` in Q`integer_bits`."""
    positive = reciprocal_of_one_plus(exp_of_negative(-np.abs(a), integer_bits))
    result = np.where(a > 0, positive, INT32_MAX - positive)
    return np.where(a == 0, 1 << 30, result)


def tanh(a: Array, integer_bits: int) -> Array:
    """The hyperbolic tangent in Q0 of `a` in Q`integer_bits`: (1 - e) / (1 + e) with e = exp(-2 |a|)."""
    e = exp_of_negative(-np.abs(a), integer_bits + 1)
    positive = _one_minus_over_one_plus(e)
    return np.where(a == 0, 0, np.where(a < 0, -positive, positive))


def _one_minus_over_one_plus(a: Array) -> Array:
    x = _newton(a)
    return shift_left(x - (1 << 29), 2)


def log_of_sum(x: Array) -> Array:
    """log(x) in Q5 of x >= 1 in Q12.

    x is a power of two times a number near the fourth root of 1/2, of which either of two is nearer; its logarithm is a
    quotient of polynomials.
    """
    root, centre, quarter = 1518500250, 1805811301, 1 << 23
    x = np.asarray(x, np.int64)
    leading, reduced_leading = (31 - np.frexp(each.astype(np.float64))[1] for each in (x, high_multiply(x, root)))
    first = shift_left(high_multiply(x << leading, root), 1)
    second = shift_left(x, reduced_leading)
    power = np.maximum(((11 - leading) << 25) + quarter, ((12 - reduced_leading) << 25) - quarter)
    r = np.minimum(first, second)
    mean, q = (r + centre + 1) // 2, 2 * (r - centre)
    square = high_multiply(q, q)
    above = high_multiply(q, r) + high_multiply(high_multiply(q, square), 117049297)
    below = high_multiply(mean, 1057819769 + q + high_multiply(square, 127690142)) + high_multiply(q, 638450708)
    quotient = high_multiply(divide_by_power(above, 6), reciprocal_of_one_plus(below))
    return shift_left(high_multiply(power, 1488522236) + quotient, 1)


def inverse_root(x: Array) -> tuple[Array, Array]:
    """1 / sqrt(x) as (multiplier, shift) of `rescale`, for whole x; up to 1 it is as good as 1.

    Five steps of Newton and Raphson from 1, in Q3, on x shifted by pairs of bits
    to between 2^27 and 2^29.
    """
    small = np.asarray(x, np.int64) <= 1
    x = np.maximum(np.asarray(x, np.int64), 2)
    right = np.full(x.shape, 11, np.int64)
    while (x >= 1 << 29).any():
        large = x >= 1 << 29
        x, right = np.where(large, x // 4, x), right + large
    left = (30 - np.floor(np.log2(x)).astype(np.int64)) // 2 - 1
    right, raw = right - left, (x << 2 * left) >> 1
    half, three_halves = divide_by_power(raw, 1), (1 << 28) + (1 << 27)
    root = np.full(x.shape, 1 << 28, np.int64)
    for _ in range(5):
        cube = shift_left(high_multiply(high_multiply(root, root), root), 6)
        root = shift_left(high_multiply(root, three_halves) - high_multiply(half, cube), 3)
    root = high_multiply(root, 1518500250)  # sqrt(2) / 2
    root = np.where(right < 0, root << np.maximum(-right, 0), root)
    return np.where(small, INT32_MAX, root), np.where(small, 0, -np.maximum(right, 0))
