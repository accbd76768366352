"""Element-by-element layers of two values in integers, and their matrix product."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from mnc.errors import refuse
from mnc.ir.layers import (
    Add,
    Divide,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    SquaredDifference,
    Subtract,
)
from mnc.ir.types import Array
from mnc.reference.elementwise import aligned
from mnc.reference.quantised.arithmetic import (
    divide_by_power,
    high_multiply,
    quantise_multiplier,
    rescale,
    rescale_wide,
)
from mnc.reference.quantised.fixed_point import reciprocal_of_one_plus
from mnc.reference.quantised.operands import Operands, clip, compute_quantised, requantise

Pair = tuple[int, int]
"""(multiplier, shift)."""


def headroom(operands: Operands) -> int:
    """The bits by which operands of a sum are shifted left before they are scaled."""
    return 15 if operands.is_int16 else 20


def add_multipliers(operands: Operands) -> tuple[Pair, Pair, Pair]:
    """(multiplier, shift) of both operands and of their sum or difference, for operands shifted left by `headroom`."""
    a, b = (operands.quant(i).scale[0] for i in (0, 1))
    twice = 2.0 * max(a, b)
    return (
        quantise_multiplier(a / twice),
        quantise_multiplier(b / twice),
        quantise_multiplier(twice / (2.0 ** headroom(operands) * operands.scale)),
    )


@compute_quantised.register
def _add(layer: Add, operands: Operands, *inputs: Array) -> Array:
    a, b, total = _scaled(operands, *inputs)
    return clip(rescale(a + b, *total) + operands.zero, *operands.limits(layer.activation))


@compute_quantised.register
def _subtract(layer: Subtract, operands: Operands, *inputs: Array) -> Array:
    a, b, total = _scaled(operands, *inputs)
    return clip(rescale(a - b, *total) + operands.zero, *operands.limits(layer.activation))


def _scaled(operands: Operands, *inputs: Array) -> tuple[Array, Array, Pair]:
    """Both operands on one scale, and the multiplier and shift from their sum to the output's scale."""
    a, b = aligned(*inputs)
    qa, qb = operands.quant(0), operands.quant(1)
    first, second, total = add_multipliers(operands)
    return (
        rescale((a - qa.zero_point) << headroom(operands), *first),
        rescale((b - qb.zero_point) << headroom(operands), *second),
        total,
    )


def difference_headroom(operands: Operands) -> int:
    """The bits by which operands of a squared difference are shifted left before they are scaled."""
    return 0 if operands.is_int16 else 7


def difference_multipliers(operands: Operands) -> tuple[Pair, Pair, Pair]:
    """(multiplier, shift) of both operands of a squared difference, and of the square."""
    a, b = (operands.quant(i).scale[0] for i in (0, 1))
    twice = 2.0 * max(a, b)
    square = twice * twice / (4.0 ** difference_headroom(operands) * operands.scale)
    return quantise_multiplier(a / twice), quantise_multiplier(b / twice), quantise_multiplier(square)


@compute_quantised.register
def _squared_difference(layer: SquaredDifference, operands: Operands, *inputs: Array) -> Array:
    a, b = aligned(*inputs)
    first, second, square = difference_multipliers(operands)
    bits = difference_headroom(operands)
    difference = rescale((a - operands.quant(0).zero_point) << bits, *first) - rescale(
        (b - operands.quant(1).zero_point) << bits, *second
    )
    return clip(rescale(difference**2, *square) + operands.zero, *operands.limits(layer.activation))


@compute_quantised.register
def _multiply(layer: Multiply, operands: Operands, *inputs: Array) -> Array:
    a, b = aligned(*inputs)
    qa, qb = operands.quant(0), operands.quant(1)
    pair = quantise_multiplier(qa.scale[0] * qb.scale[0] / operands.scale)
    raw = (a - qa.zero_point) * (b - qb.zero_point)
    return clip(rescale(raw, *pair) + operands.zero, *operands.limits(layer.activation))


def quotient_multiplier(operands: Operands) -> Pair:
    """(multiplier, shift) of a quotient of stored numbers; TensorFlow Lite Micro divides the scales in float32."""
    a, b = (np.float32(operands.quant(i).scale[0]) for i in (0, 1))
    return quantise_multiplier(float(a / (b * np.float32(operands.scale))))


@compute_quantised.register
def _divide(layer: Divide, operands: Operands, *inputs: Array) -> Array:
    """A reciprocal of 1 to 2 times a number of 32 bits, rounded at the end.

    Where TensorFlow Lite Micro would shift by more than 31 bits, which has no defined result, the quotient is 0; where
    it divides by 0, the largest number.
    """
    if operands.is_int16:
        raise refuse("", "Divide has no meaning in int16", "Let it run in float32 or int8.")
    a, b = aligned(*inputs)
    a, b = a - operands.quant(0).zero_point, b - operands.quant(1).zero_point
    a, b = np.broadcast_arrays(np.where(b < 0, -a, a), np.abs(b))
    multiplier, shift = quotient_multiplier(operands)
    over = np.frexp(np.maximum(b, 1).astype(np.float64))[1].astype(np.int64) - 1
    room = 31 - np.frexp(np.where(a < 0, -a - 1, a).astype(np.float64))[1].astype(np.int64)
    reciprocal = reciprocal_of_one_plus((np.maximum(b, 1) << (31 - over)) - 2**31)
    raw, right = high_multiply(high_multiply(a << room, reciprocal), multiplier), over + room - shift
    quotient = np.where(right <= 31, divide_by_power(raw, np.minimum(right, 31)), 0)
    quotient = np.where(b == 0, 512 * np.sign(a), quotient)
    return clip(quotient + operands.zero, *operands.limits(layer.activation))


@compute_quantised.register
def _maximum(layer: Maximum, operands: Operands, *inputs: Array) -> Array:
    return _extreme(layer, operands, np.maximum, inputs)


@compute_quantised.register
def _minimum(layer: Minimum, operands: Operands, *inputs: Array) -> Array:
    return _extreme(layer, operands, np.minimum, inputs)


def _extreme(
    layer: Maximum | Minimum, operands: Operands, choose: Callable[[Array, Array], Array], inputs: Sequence[Array]
) -> Array:
    """TFLM compares stored values and knows one scale only; others are brought to the output's before."""
    same = (requantise(x, operands.quant(i), operands) for i, x in enumerate(aligned(*inputs)))
    return clip(functools.reduce(choose, same), *operands.limits(layer.activation))


@compute_quantised.register
def _matmul(layer: MatMul, operands: Operands, a: Array, b: Array) -> Array:
    first, second = operands.quant(0), operands.quant(1)
    left, right = a - first.zero_point, b - second.zero_point
    total = (left.swapaxes(-1, -2) if layer.transpose_a else left) @ (
        right.swapaxes(-1, -2) if layer.transpose_b else right
    )
    pair = quantise_multiplier(first.scale[0] * second.scale[0] / operands.scale)
    scaled = rescale_wide if operands.is_int16 else rescale
    return clip(scaled(total, *pair) + operands.zero, *operands.limits())
