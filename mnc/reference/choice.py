"""Comparisons, and the choice between two values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mnc.ir.layers import Comparison, Equal, Greater, GreaterEqual, NotEqual, Where
from mnc.ir.types import Array
from mnc.reference.activations import activate
from mnc.reference.dispatch import compute
from mnc.reference.elementwise import operands_of

RELATIONS: Mapping[type[Comparison], Callable[[Array, Array], Array]] = {
    Equal: np.equal,
    Greater: np.greater,
    GreaterEqual: np.greater_equal,
    NotEqual: np.not_equal,
}
"""When the comparisons hold."""


@compute.register(Equal)
@compute.register(Greater)
@compute.register(GreaterEqual)
@compute.register(NotEqual)
def comparison(layer: Comparison, *inputs: Array) -> Array:
    a, b = operands_of(layer, inputs)
    return activate(layer.activation, np.where(RELATIONS[type(layer)](a, b), 1.0, 0.0))


@compute.register
def where(layer: Where, *inputs: Array) -> Array:
    condition, one, other = operands_of(layer, inputs)
    return activate(layer.activation, np.where(condition != 0, one, other))
