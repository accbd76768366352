"""Comparisons in integers, and the choice between two values."""

from __future__ import annotations

import math

import numpy as np

from mnc.ir.layers import Comparison, Equal, Greater, GreaterEqual, NotEqual, Where
from mnc.ir.types import Array
from mnc.reference.choice import RELATIONS
from mnc.reference.elementwise import aligned
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale, round_away
from mnc.reference.quantised.merge import Pair
from mnc.reference.quantised.operands import Operands, clip, compute_quantised, requantise

HEADROOM = 8
"""The bits by which operands of a comparison are shifted left before they are scaled."""


def comparison_multipliers(operands: Operands) -> tuple[Pair, Pair]:
    """(multiplier, shift) of both operands.

    TensorFlow Lite Micro takes the scales themselves, which must be below 1, so it compares 256ths.  Larger scales
    are divided by the power of two that brings both below 1.
    """
    scales = [operands.quant(i).scale[0] for i in (0, 1)]
    most = max(0, math.frexp(max(scales))[1])
    first, second = (quantise_multiplier(math.ldexp(scale, -most)) for scale in scales)
    return first, second


def truths(layer: Comparison, operands: Operands) -> tuple[int, int]:
    """How the output stores 1 and 0."""
    low, high = operands.limits(layer.activation)
    one = int(round_away(1.0 / operands.scale)) + operands.zero
    return min(max(one, low), high), min(max(operands.zero, low), high)


@compute_quantised.register(Equal)
@compute_quantised.register(Greater)
@compute_quantised.register(GreaterEqual)
@compute_quantised.register(NotEqual)
def _comparison(layer: Comparison, operands: Operands, *inputs: Array) -> Array:
    scaled = [
        rescale((x - operands.quant(i).zero_point) << HEADROOM, *pair)
        for i, (x, pair) in enumerate(zip(aligned(*inputs), comparison_multipliers(operands), strict=True))
    ]
    return np.where(RELATIONS[type(layer)](*scaled), *truths(layer, operands))


@compute_quantised.register
def _where(layer: Where, operands: Operands, *inputs: Array) -> Array:
    """TFLM copies stored values and knows one scale only; others are brought to the output's before."""
    condition, *branches = aligned(*inputs)
    one, other = (requantise(x, operands.quant(i), operands) for i, x in enumerate(branches, start=1))
    chosen = np.where(condition != operands.quant(0).zero_point, one, other)
    return clip(chosen, *operands.limits(layer.activation))
