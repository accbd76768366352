"""Element-by-element layers of two values in integers, and their matrix product."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from mnc.ir.layers import (
    Add,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    SquaredDifference,
    Subtract,
)
from mnc.ir.types import Array
from mnc.reference.elementwise import aligned
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale
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
    return clip(rescale(total, *pair) + operands.zero, *operands.limits())
