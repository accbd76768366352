"""Every activation function, element by element."""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import (
    Elu,
    Exponential,
    Function,
    Gelu,
    HardSigmoid,
    HardSwish,
    Mish,
    Relu,
    Selu,
    Sigmoid,
    Softplus,
    Softsign,
    Swish,
    Tanh,
)
from mnc.ir.types import Array

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@singledispatch
def activate(function: Function | None, x: Array) -> Array:
    """function(x); None is the identity.  A new function registers itself here."""
    kind = type(function).__name__
    raise refuse("", f"the reference does not define {kind}", "Register it with mnc.reference.activate.")


@activate.register
def linear(function: None, x: Array) -> Array:
    return x


@activate.register
def relu(function: Relu, x: Array) -> Array:
    above = x if function.max_value is None else np.minimum(x, function.max_value)
    below = function.negative_slope * (x - function.threshold) if function.negative_slope else np.zeros_like(x)
    return np.where(x >= function.threshold, above, below)


@activate.register
def elu(function: Elu, x: Array) -> Array:
    return np.where(x > 0, x, function.alpha * np.expm1(np.minimum(x, 0)))


@activate.register
def selu(function: Selu, x: Array) -> Array:
    return SELU_SCALE * elu(Elu(SELU_ALPHA), x)


@activate.register
def sigmoid(function: Sigmoid, x: Array) -> Array:
    return _sigmoid(x)


@activate.register
def hard_sigmoid(function: HardSigmoid, x: Array) -> Array:
    return np.clip(function.slope * x + 0.5, 0, 1)


@activate.register
def tanh(function: Tanh, x: Array) -> Array:
    return np.asarray(np.tanh(x))


@activate.register
def softplus(function: Softplus, x: Array) -> Array:
    return _softplus(x)


@activate.register
def softsign(function: Softsign, x: Array) -> Array:
    return np.asarray(x / (1 + np.abs(x)))


@activate.register
def swish(function: Swish, x: Array) -> Array:
    return x * _sigmoid(x)


@activate.register
def hard_swish(function: HardSwish, x: Array) -> Array:
    return x * np.clip(x / 6 + 0.5, 0, 1)


@activate.register
def gelu(function: Gelu, x: Array) -> Array:
    if function.approximate:
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


@activate.register
def exponential(function: Exponential, x: Array) -> Array:
    return np.asarray(np.exp(x))


@activate.register
def mish(function: Mish, x: Array) -> Array:
    return x * np.tanh(_softplus(x))


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return np.asarray(np.logaddexp(0, x))


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow, accurate relative to its value on both sides."""
    return np.asarray(np.exp(-_softplus(-x)))


def _erf(x: Array) -> Array:
    """The error function; NumPy has none."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=x.dtype)
