"""Element-by-element layers, softmax and merges."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from mnc.ir.layers import (
    Activation,
    Add,
    Average,
    Divide,
    Dot,
    FloorDivide,
    FloorMod,
    Identity,
    LogSoftmax,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    PReLU,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
)
from mnc.ir.types import Array
from mnc.reference.activations import activate
from mnc.reference.dispatch import compute


@compute.register
def identity(layer: Identity, x: Array) -> Array:
    return x


@compute.register
def activation(layer: Activation, x: Array) -> Array:
    return activate(layer.function, x)


@compute.register
def prelu(layer: PReLU, x: Array) -> Array:
    return np.where(x > 0, x, layer.alpha.array.astype(np.float64) * x)


@compute.register
def softmax(layer: Softmax, x: Array) -> Array:
    axis = batch_axis(layer.axis, x)
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis, keepdims=True))


@compute.register
def log_softmax(layer: LogSoftmax, x: Array) -> Array:
    axis = batch_axis(layer.axis, x)
    below = x - x.max(axis, keepdims=True)
    return np.asarray(below - np.log(np.exp(below).sum(axis, keepdims=True)))


@compute.register
def sparsemax(layer: Sparsemax, x: Array) -> Array:
    vectors = np.moveaxis(x, batch_axis(layer.axis, x), -1)
    falling = -np.sort(-vectors)
    sums = falling.cumsum(-1)
    support = falling * np.arange(1, vectors.shape[-1] + 1) > sums - 1
    t = (np.where(support, sums, 0.0).sum(-1, keepdims=True) - 1) / support.sum(-1, keepdims=True)
    return np.moveaxis(np.maximum(vectors - t, 0), -1, batch_axis(layer.axis, x))


@compute.register
def add(layer: Add, *inputs: Array) -> Array:
    return _merge(layer, np.add, inputs)


@compute.register
def subtract(layer: Subtract, *inputs: Array) -> Array:
    return _merge(layer, np.subtract, inputs)


@compute.register
def multiply(layer: Multiply, *inputs: Array) -> Array:
    return _merge(layer, np.multiply, inputs)


@compute.register
def average(layer: Average, *inputs: Array) -> Array:
    operands = operands_of(layer, inputs)
    total = functools.reduce(np.add, operands)
    return activate(layer.activation, total / len(operands))


@compute.register
def maximum(layer: Maximum, *inputs: Array) -> Array:
    return _merge(layer, np.maximum, inputs)


@compute.register
def minimum(layer: Minimum, *inputs: Array) -> Array:
    return _merge(layer, np.minimum, inputs)


@compute.register
def divide(layer: Divide, *inputs: Array) -> Array:
    return _merge(layer, np.divide, inputs)


@compute.register
def floor_divide(layer: FloorDivide, *inputs: Array) -> Array:
    return _merge(layer, _whole_quotient, inputs)


def _whole_quotient(a: Array, b: Array) -> Array:
    """In double precision the quotient of two float32 is whole only where it is."""
    quotient = np.floor(np.asarray(a, np.float64) / np.asarray(b, np.float64))
    return np.asarray(quotient.astype(np.result_type(a, b)))


@compute.register
def floor_mod(layer: FloorMod, *inputs: Array) -> Array:
    return _merge(layer, np.mod, inputs)


@compute.register
def squared_difference(layer: SquaredDifference, *inputs: Array) -> Array:
    return _merge(layer, lambda a, b: np.square(a - b), inputs)


@compute.register
def dot(layer: Dot, a: Array, b: Array) -> Array:
    left = np.moveaxis(a, batch_axis(layer.axes[0], a), -1)
    right = np.moveaxis(b, batch_axis(layer.axes[1], b), -1)
    n = a.shape[batch_axis(layer.axes[0], a)]
    product = left.reshape(len(a), -1, n) @ right.reshape(len(b), -1, n).swapaxes(1, 2)
    return np.asarray(product).reshape(len(a), *((*left.shape[1:-1], *right.shape[1:-1]) or (1,)))


def _merge(layer: Merge, combine: Callable[[Array, Array], Array], inputs: tuple[Array, ...]) -> Array:
    return activate(layer.activation, functools.reduce(combine, operands_of(layer, inputs)))


def operands_of(layer: Merge, inputs: tuple[Array, ...]) -> list[Array]:
    """The operands of a merge, a constant one included, with one rank."""
    if layer.operand is None:
        return aligned(*inputs)
    return aligned(*layer.operands(inputs, layer.operand.array[np.newaxis].astype(np.float64)))


def aligned(*inputs: Array) -> list[Array]:
    """The arrays with axes of one element after the batch, so that all have the same rank and broadcast."""
    rank = max(x.ndim for x in inputs)
    return [x.reshape(x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]) for x in inputs]


def batch_axis(axis: int, x: Array) -> int:
    """A layer's axis, which does not count the batch, as an axis of the batch `x`."""
    return axis % (x.ndim - 1) + 1
