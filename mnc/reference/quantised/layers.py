"""What the layers mean in integers: as TensorFlow Lite Micro computes them, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import Function, Relu
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Flatten,
    Identity,
    MaxPooling2D,
    Multiply,
    Quantize,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Array, Constant, DType, Quantisation, TensorType
from mnc.reference.conv import pad, taps
from mnc.reference.dispatch import compute
from mnc.reference.quantised.arithmetic import (
    divide_by_power,
    high_multiply,
    quantise_multiplier,
    rescale,
    round_away,
)
from mnc.reference.quantised.fixed_point import exp_of_negative, reciprocal_of_one_plus


@dataclass(frozen=True)
class Operands:
    """The types of a layer's inputs and of its output."""

    inputs: tuple[TensorType, ...]
    output: TensorType

    def quant(self, index: int = 0) -> Quantisation:
        """The quantisation of an input."""
        quant = self.inputs[index].quant
        assert quant is not None
        return quant

    @property
    def scale(self) -> float:
        """The output's scale."""
        assert self.output.quant is not None
        return self.output.quant.scale[0]

    @property
    def zero(self) -> int:
        """The output's zero point."""
        assert self.output.quant is not None
        return self.output.quant.zero_point

    def limits(self, function: Function | None = None) -> tuple[int, int]:
        """The smallest and the largest stored value of the output, after a fused clamp."""
        info = np.iinfo(self.output.dtype.numpy)
        low, high = int(info.min), int(info.max)
        if function is None:
            return low, high
        assert isinstance(function, Relu) and function.is_clamp, function
        low = max(low, self.zero)
        if function.max_value is not None:
            steps = round_away(np.float32(function.max_value) / np.float32(self.scale))
            high = min(high, self.zero + int(steps))
        return low, high


def clip(x: Array, low: int, high: int) -> Array:
    """Stored values within the limits of their type."""
    return np.asarray(np.clip(x, low, high))


@singledispatch
def compute_quantised(layer: Layer, operands: Operands, *inputs: Array) -> Array:
    """What `layer` makes of stored integers, as int64; `apply_quantised` narrows the result."""
    raise refuse(
        "",
        f"{type(layer).__name__} has no meaning in integers",
        "Let it run in float32 between Dequantize and Quantize.",
    )


def apply_quantised(
    layer: Layer, types: Sequence[TensorType], outputs: Sequence[TensorType], *inputs: Array
) -> tuple[Array, ...]:
    """All outputs of a layer of which an input or the output is quantised."""
    (output,) = outputs
    wide = (x if x.dtype == np.float32 else x.astype(np.int64) for x in inputs)
    result = compute_quantised(layer, Operands(tuple(types), output), *wide)
    return (result.astype(output.dtype.numpy),)


def channel_multipliers(layer: Conv2D | DepthwiseConv2D | Dense, operands: Operands) -> tuple[Array, Array]:
    """(multiplier, shift) of each output channel; Dense multiplies its scales in float32 first, as TFLite does."""
    quant = layer.weights.quant
    assert quant is not None, "quantised layers have quantised weights"
    given = operands.quant().scale[0]
    if isinstance(layer, Dense) and quant.axis is None:
        reals = [float(np.float32(given) * np.float32(quant.scale[0])) / operands.scale]
    else:
        reals = [given * scale / operands.scale for scale in quant.scale]
    pairs = [quantise_multiplier(real) for real in reals]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


@compute_quantised.register(Conv2D)
@compute_quantised.register(DepthwiseConv2D)
@compute_quantised.register(Dense)
def _weighted(layer: Conv2D | DepthwiseConv2D | Dense, operands: Operands, x: Array) -> Array:
    # float64 holds the sums exactly: they are int32.
    plain = replace(layer, activation=None, output=None, weights=_plain(layer.weights), bias=_plain(layer.bias))
    sums = compute(plain, (x - operands.quant().zero_point).astype(np.float64))
    assert isinstance(sums, np.ndarray)
    multiplier, shift = channel_multipliers(layer, operands)
    return clip(rescale(sums.astype(np.int64), multiplier, shift) + operands.zero, *operands.limits(layer.activation))


def _plain(constant: Any) -> Any:
    return None if constant is None else Constant(constant.array)


def add_multipliers(a: float, b: float, out: float) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) of both operands and of the sum, for operands shifted left by 20 bits."""
    twice = 2.0 * max(a, b)
    return (
        quantise_multiplier(a / twice),
        quantise_multiplier(b / twice),
        quantise_multiplier(twice / (2.0**20 * out)),
    )


@compute_quantised.register
def _add(layer: Add, operands: Operands, *inputs: Array) -> Array:
    a, b = inputs
    qa, qb = operands.quant(0), operands.quant(1)
    first, second, total = add_multipliers(qa.scale[0], qb.scale[0], operands.scale)
    raw = rescale((a - qa.zero_point) << 20, *first) + rescale((b - qb.zero_point) << 20, *second)
    return clip(rescale(raw, *total) + operands.zero, *operands.limits(layer.activation))


@compute_quantised.register
def _multiply(layer: Multiply, operands: Operands, *inputs: Array) -> Array:
    a, b = inputs
    qa, qb = operands.quant(0), operands.quant(1)
    pair = quantise_multiplier(qa.scale[0] * qb.scale[0] / operands.scale)
    raw = (a - qa.zero_point) * (b - qb.zero_point)
    return clip(rescale(raw, *pair) + operands.zero, *operands.limits(layer.activation))


@compute_quantised.register
def _average_pooling2d(layer: AveragePooling2D, operands: Operands, x: Array) -> Array:
    assert not layer.count_padding
    inside = pad(np.ones_like(x), layer.padding)
    padded = pad(x, layer.padding)
    total = sum(view for _, view in taps(padded, layer.pool, layer.stride))
    count = np.asarray(sum(view for _, view in taps(inside, layer.pool, layer.stride)))
    magnitude = (np.abs(total) + count // 2) // count
    return np.asarray(np.where(np.asarray(total) >= 0, magnitude, -magnitude))


@compute_quantised.register
def _max_pooling2d(layer: MaxPooling2D, operands: Operands, x: Array) -> Array:
    padded = pad(x, layer.padding, int(np.iinfo(np.int32).min))
    views = [view for _, view in taps(padded, layer.pool, layer.stride)]
    return np.asarray(np.maximum.reduce(views))


@compute_quantised.register
def _zero_padding2d(layer: ZeroPadding2D, operands: Operands, x: Array) -> Array:
    return np.asarray(pad(x, layer.padding, operands.quant().zero_point))


@compute_quantised.register(Reshape)
@compute_quantised.register(Flatten)
@compute_quantised.register(Identity)
def _moved(layer: Layer, operands: Operands, x: Array) -> Array:
    return x.reshape(len(x), *operands.output.shape)


@compute_quantised.register
def _concatenate(layer: Concatenate, operands: Operands, *inputs: Array) -> Array:
    axis = layer.axis % operands.output.rank + 1
    parts = [requantise(x, operands.quant(i), operands) for i, x in enumerate(inputs)]
    return np.concatenate(parts, axis)


def requantise(x: Array, given: Quantisation, operands: Operands) -> Array:
    """Stored values under the output's quantisation, unchanged where that is the same."""
    if given == operands.output.quant:
        return x
    pair = quantise_multiplier(given.scale[0] / operands.scale)
    return clip(rescale(x - given.zero_point, *pair) + operands.zero, *operands.limits())


@compute_quantised.register
def _quantize(layer: Quantize, operands: Operands, x: Array) -> Array:
    if operands.inputs[0].dtype is not DType.FLOAT32:
        return requantise(x, operands.quant(), operands)
    scaled = round_away(np.asarray(x, np.float32) / np.float32(operands.scale))
    return clip(scaled + operands.zero, *operands.limits())


@compute_quantised.register
def _dequantize(layer: Dequantize, operands: Operands, x: Array) -> Array:
    quant = operands.quant()
    return np.asarray(np.float32(quant.scale[0]) * (x - quant.zero_point).astype(np.float32))


@compute_quantised.register
def _activation(layer: Activation, operands: Operands, x: Array) -> Array:
    low, high = operands.limits(layer.function)
    return clip(requantise(x, operands.quant(), operands), low, high)


def softmax_parameters(scale: float) -> tuple[int, int, int]:
    """(multiplier, left shift, smallest difference that counts) for an input of this scale, beta being 1."""
    multiplier, shift = quantise_multiplier(min(scale * 2.0**26, 2.0**31 - 1.0))
    return multiplier, shift, -int(31.0 * 2.0**26 / 2.0**shift)


@compute_quantised.register
def _softmax(layer: Softmax, operands: Operands, x: Array) -> Array:
    axis = layer.axis % operands.output.rank + 1
    multiplier, shift, smallest = softmax_parameters(operands.quant().scale[0])
    difference = x - x.max(axis=axis, keepdims=True)
    counts = difference >= smallest
    scaled = high_multiply(np.where(counts, difference, 0) << shift, multiplier)
    powers = np.where(counts, exp_of_negative(scaled, 5), 0)
    total = np.where(counts, divide_by_power(powers, 12), 0).sum(axis=axis, keepdims=True)
    leading = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    inverse = reciprocal_of_one_plus(((total << leading) & 0xFFFFFFFF) - 2**31)
    bits = 12 - leading + 31 - 8
    stored = divide_by_power(high_multiply(inverse, powers), bits) - 128
    return np.where(counts, clip(stored, -128, 127), -128)
