"""Every activation function, element by element."""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import (
    Abs,
    Ceil,
    Celu,
    Clip,
    Cos,
    Elu,
    Erf,
    Exponential,
    Floor,
    Function,
    Gelu,
    HardShrink,
    HardSigmoid,
    HardSwish,
    Log,
    Log1p,
    LogSigmoid,
    Mish,
    Power,
    Relu,
    Round,
    Rsqrt,
    Selu,
    Sigmoid,
    Sign,
    Sin,
    Softplus,
    SoftShrink,
    Softsign,
    SparsePlus,
    Sqrt,
    Square,
    Squareplus,
    Swish,
    Tanh,
    TanhShrink,
    Threshold,
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


@activate.register
def celu(function: Celu, x: Array) -> Array:
    return np.where(x > 0, x, function.alpha * np.expm1(np.minimum(x, 0) / function.alpha))


@activate.register
def clip(function: Clip, x: Array) -> Array:
    return np.asarray(np.minimum(np.maximum(x, function.low), function.high))


@activate.register
def hard_shrink(function: HardShrink, x: Array) -> Array:
    return np.where(np.abs(x) > function.threshold, x, 0.0)


@activate.register
def soft_shrink(function: SoftShrink, x: Array) -> Array:
    return np.where(x > function.threshold, x - function.threshold, np.minimum(x + function.threshold, 0.0))


@activate.register
def tanh_shrink(function: TanhShrink, x: Array) -> Array:
    return np.asarray(x - np.tanh(x))


@activate.register
def threshold(function: Threshold, x: Array) -> Array:
    return np.where(x > function.threshold, x, function.value)


@activate.register
def squareplus(function: Squareplus, x: Array) -> Array:
    root = np.sqrt(x * x + function.b)
    return np.where(x > 0, (x + root) / 2, function.b / 2 / np.maximum(root - x, 1e-300))


@activate.register
def sparse_plus(function: SparsePlus, x: Array) -> Array:
    return np.where(x >= 1, x, np.square(np.maximum(x + 1, 0)) / 4)


@activate.register
def log_sigmoid(function: LogSigmoid, x: Array) -> Array:
    return -_softplus(-x)


@activate.register
def absolute(function: Abs, x: Array) -> Array:
    return np.asarray(np.abs(x))


@activate.register
def sign(function: Sign, x: Array) -> Array:
    return np.asarray(np.sign(x))


@activate.register
def square(function: Square, x: Array) -> Array:
    return np.asarray(np.square(x))


@activate.register
def sqrt(function: Sqrt, x: Array) -> Array:
    return np.asarray(np.sqrt(x))


@activate.register
def rsqrt(function: Rsqrt, x: Array) -> Array:
    return np.asarray(1 / np.sqrt(x))


@activate.register
def power(function: Power, x: Array) -> Array:
    return np.asarray(np.power(x, function.exponent))


@activate.register
def log(function: Log, x: Array) -> Array:
    return np.asarray(np.log(x))


@activate.register
def log1p(function: Log1p, x: Array) -> Array:
    return np.asarray(np.log1p(x))


@activate.register
def sin(function: Sin, x: Array) -> Array:
    return np.asarray(np.sin(x))


@activate.register
def cos(function: Cos, x: Array) -> Array:
    return np.asarray(np.cos(x))


@activate.register
def erf(function: Erf, x: Array) -> Array:
    return _erf(x)


@activate.register
def floor(function: Floor, x: Array) -> Array:
    return np.asarray(np.floor(x))


@activate.register
def ceil(function: Ceil, x: Array) -> Array:
    return np.asarray(np.ceil(x))


@activate.register
def round_to_even(function: Round, x: Array) -> Array:
    return np.asarray(np.rint(x))


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return np.asarray(np.logaddexp(0, x))


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow, accurate relative to its value on both sides."""
    return np.asarray(np.exp(-_softplus(-x)))


def _erf(x: Array) -> Array:
    """The error function; NumPy has none."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=x.dtype)
