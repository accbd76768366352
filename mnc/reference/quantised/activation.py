"""Activation functions and softmax in integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import Abs, Elu, Function, HardSwish, Relu, Rsqrt, Sigmoid, Tanh
from mnc.ir.layers import Activation, LogSoftmax, PReLU, Softmax, UnitNormalization
from mnc.ir.types import Array, DType, Quantisation
from mnc.reference.activations import activate
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import (
    divide_by_power,
    high_multiply,
    high_multiply16,
    narrow,
    quantise_multiplier,
    rescale,
    round_away,
    saturate16,
)
from mnc.reference.quantised.fixed_point import (
    exp_of_negative,
    inverse_root,
    log_of_sum,
    logistic,
    reciprocal_of_one_plus,
    tanh,
)
from mnc.reference.quantised.operands import Operands, clip, compute_quantised


@compute_quantised.register
def _activation(layer: Activation, operands: Operands, x: Array) -> Array:
    return activate_quantised(layer.function, operands, x)


@singledispatch
def activate_quantised(function: Function, operands: Operands, x: Array) -> Array:
    """A function of each stored value.

    A function that TFLM has no integer arithmetic for follows its way for ELU: the
    function in float32 of each of the 256 values, rounded.
    """
    return _tabulated(operands, lambda real: activate(function, real.astype(np.float64)).astype(np.float32), x)


def _tabulated(operands: Operands, function: Callable[[Array], Array], x: Array) -> Array:
    if operands.is_int16:
        raise refuse("", "this function has no meaning in int16", "Let it run in float32 or int8.")
    quant = operands.quant()
    real = np.float32(quant.scale[0]) * (x - quant.zero_point).astype(np.float32)
    scaled = round_away(np.clip(function(real) * (np.float32(1) / np.float32(operands.scale)), -1e9, 1e9))
    return clip(scaled + operands.zero, *operands.limits())


@activate_quantised.register
def _elu(function: Elu, operands: Operands, x: Array) -> Array:
    def elu(real: Array) -> Array:
        power = np.exp(np.minimum(real, 0).astype(np.float64)).astype(np.float32)
        return np.where(real < 0, np.float32(function.alpha) * (power - np.float32(1)), real)

    return _tabulated(operands, elu, x)


@activate_quantised.register
def _relu(function: Relu, operands: Operands, x: Array) -> Array:
    if function.is_clamp:
        return clip(_slope(operands, 1.0, x) + operands.zero, *operands.limits(function))
    if function.max_value is not None or function.threshold != 0.0:
        return activate_quantised.dispatch(Function)(function, operands, x)
    above, below = _slope(operands, 1.0, x), _slope(operands, function.negative_slope, x)
    return clip(np.where(x >= operands.quant().zero_point, above, below) + operands.zero, *operands.limits())


def _slope(operands: Operands, slope: float, x: Array) -> Array:
    """Slope times the input, in steps of the output."""
    quant = operands.quant()
    scaled = rescale(x - quant.zero_point, *quantise_multiplier(quant.scale[0] * abs(slope) / operands.scale))
    return scaled if slope > 0 else -scaled


@activate_quantised.register
def _abs(function: Abs, operands: Operands, x: Array) -> Array:
    quant = operands.quant()
    size = np.abs(x - quant.zero_point)
    if quant.scale[0] != operands.scale:
        # TensorFlow Lite Micro divides these scales in float32.
        ratio = float(np.float32(quant.scale[0]) / np.float32(operands.scale))
        size = rescale(size, *quantise_multiplier(ratio))
    return clip(size + operands.zero, *operands.limits())


RSQRT_BITS = 20
"""By which 1 / sqrt of a stored number is shifted left before it is scaled."""


@activate_quantised.register
def _rsqrt(function: Rsqrt, operands: Operands, x: Array) -> Array:
    """Up to the zero point, as the largest number: below, TensorFlow Lite Micro stops."""
    if operands.is_int16:
        raise refuse("", "this function has no meaning in int16", "Let it run in float32 or int8.")
    quant = operands.quant()
    factor = 1.0 / float(np.sqrt(np.float32(quant.scale[0])) * np.float32(operands.scale))
    steps = x - quant.zero_point
    root, right = inverse_root(np.maximum(steps, 1))
    multiplier, shift = quantise_multiplier(factor)
    scaled = rescale(rescale(np.ones_like(root), root, right + RSQRT_BITS), multiplier, max(shift - RSQRT_BITS, -31))
    low, high = operands.limits()
    return np.where(steps <= 0, high, clip(scaled + operands.zero, low, high))


@activate_quantised.register
def _logistic(function: Sigmoid, operands: Operands, x: Array) -> Array:
    if operands.is_int16:
        return tables.logistic(_shifted(x, *tables.logistic_multiplier(operands.quant().scale[0])))
    raw, beyond = _fixed_point(operands, x)
    y = divide_by_power(logistic(raw, INTEGER_BITS), 31 - 8) - 128
    return np.where(beyond != 0, np.where(beyond > 0, 127, -128), clip(y, -128, 127))


@activate_quantised.register
def _tanh(function: Tanh, operands: Operands, x: Array) -> Array:
    if operands.is_int16:
        return tables.tanh(_shifted(x, *tables.tanh_multiplier(operands.quant().scale[0])))
    raw, beyond = _fixed_point(operands, x)
    y = divide_by_power(tanh(raw, INTEGER_BITS), 31 - 7)
    return np.where(beyond != 0, np.where(beyond > 0, 127, -128), clip(y, -128, 127))


def _shifted(x: Array, multiplier: int, right: int) -> Array:
    """X * multiplier / 2^right, rounded halves upwards."""
    return np.asarray((x * multiplier + ((1 << right) >> 1)) >> right)


INTEGER_BITS = 4
"""Of the fixed-point argument of logistic and tanh: it lies between -16 and 16."""


def _fixed_point(operands: Operands, x: Array) -> tuple[Array, Array]:
    """The argument in Q4, and the sign of one beyond it: where a step is more than 16, 0 counts as below, too."""
    quant = operands.quant()
    multiplier, shift = quantise_multiplier(quant.scale[0] * 2.0 ** (31 - INTEGER_BITS))
    radius = int((2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**shift)
    difference = x - quant.zero_point
    beyond = np.where(difference <= -radius, -1, np.where(difference >= radius, 1, 0))
    return rescale(np.where(beyond != 0, 0, difference), multiplier, shift), beyond


def hard_swish_multipliers(given: float, out: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) in 16 bits of 128 steps of the input: to the output's scale, and to 3 / 2^15."""
    fine = given / 128
    output, ramp = quantise_multiplier(fine / out), quantise_multiplier(fine / (3 / 2**15))
    return (int(narrow(output[0])), output[1]), (int(narrow(ramp[0])), ramp[1])


HARD_SWISH_SHIFTS, RAMP_SHIFTS = range(-15, 1), range(-15, 31)
"""Beyond these TFLM refuses the layer, or its shifts of 16-bit numbers have no defined result."""


def hard_swish_fits(given: float, out: float) -> bool:
    """Whether hard swish in integers means something from an input of this scale to an output of that."""
    (multiplier, shift), (ramp_multiplier, ramp_shift) = hard_swish_multipliers(given, out)
    return min(multiplier, ramp_multiplier) > 0 and shift in HARD_SWISH_SHIFTS and ramp_shift in RAMP_SHIFTS


@activate_quantised.register
def _hard_swish(function: HardSwish, operands: Operands, x: Array) -> Array:
    """X times a ramp from 0 at -3 to 1 at 3, all in 16 bits, for scales that `hard_swish_fits`."""
    if operands.is_int16:
        raise refuse("", "HardSwish has no meaning in int16", "Let it run in float32 or int8.")
    quant = operands.quant()
    (multiplier, shift), (ramp_multiplier, ramp_shift) = hard_swish_multipliers(quant.scale[0], operands.scale)
    fine = (x - quant.zero_point) << 7
    scaled = high_multiply16(fine, multiplier)
    ramp = saturate16(fine << max(ramp_shift - 1, 0))
    ramp = high_multiply16(ramp, ramp_multiplier)
    ramp = saturate16(ramp << 1) if ramp_shift > 0 else divide_by_power(ramp, -ramp_shift)
    ramp = (ramp + 2**15) >> 1
    product = ramp * scaled
    truncated = np.sign(product) * (np.abs(product) >> 15)
    return clip(divide_by_power(truncated, -shift) + operands.zero, *operands.limits())


@compute_quantised.register
def _prelu(layer: PReLU, operands: Operands, x: Array) -> Array:
    given, slopes = operands.quant(), layer.alpha.quant
    assert slopes is not None, "quantised layers have quantised slopes"
    difference = x - given.zero_point
    above = rescale(difference, *quantise_multiplier(given.scale[0] / operands.scale))
    steepness = layer.alpha.array.astype(np.int64) - slopes.zero_point
    product = quantise_multiplier(given.scale[0] * slopes.scale[0] / operands.scale)
    below = rescale(difference * steepness, *product)
    return clip(np.where(difference >= 0, above, below) + operands.zero, *operands.limits())


def softmax_parameters(scale: float) -> tuple[int, int, int]:
    """(multiplier, left shift, smallest difference that counts) for an input of this scale, beta being 1."""
    multiplier, shift = quantise_multiplier(min(scale * 2.0**26, 2.0**31 - 1.0))
    return multiplier, shift, -int(31.0 * 2.0**26 / 2.0**shift)


def is_fine_share(scale: float) -> bool:
    """Whether a result of softmax in 65536ths may be said to have this scale: TensorFlow Lite Micro allows 0.1 %."""
    return abs(scale * 2.0**16 - 1.0) <= 0.001


@compute_quantised.register
def _softmax(layer: Softmax, operands: Operands, x: Array) -> Array:
    axis = layer.axis % operands.output.rank + 1
    if operands.is_int16:
        return _softmax16(operands.quant().scale[0], x, axis)
    multiplier, shift, smallest = softmax_parameters(operands.quant().scale[0])
    difference = x - x.max(axis=axis, keepdims=True)
    counts = difference >= smallest
    scaled = high_multiply(np.where(counts, difference, 0) << shift, multiplier)
    powers = np.where(counts, exp_of_negative(scaled, 5), 0)
    total = np.where(counts, divide_by_power(powers, 12), 0).sum(axis=axis, keepdims=True)
    leading = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    inverse = reciprocal_of_one_plus(((total << leading) & 0xFFFFFFFF) - 2**31)
    fine = operands.output.dtype is DType.INT32
    bits = 12 - leading + 31 - (16 if fine else 8)
    shares = divide_by_power(high_multiply(inverse, powers), bits)
    if fine:
        return np.where(counts, clip(shares, 0, 2**16 - 1), 0)
    return np.where(counts, clip(shares - 128, -128, 127), -128)


LOG_UNIT = Quantisation((1 / 16,), 127)
"""The only quantisation of logarithms of shares."""


def log_softmax_reverse(scale: float) -> tuple[int, int]:
    """(multiplier, shift) that take a difference in Q5 back to steps of an input of this scale."""
    multiplier, shift, _ = softmax_parameters(scale)
    return quantise_multiplier(2.0 ** (31 - shift) / multiplier)


@compute_quantised.register
def _log_softmax(layer: LogSoftmax, operands: Operands, x: Array) -> Array:
    if operands.is_int16:
        raise refuse("", "LogSoftmax has no meaning in int16", "Let it run in float32 or int8.")
    axis = layer.axis % operands.output.rank + 1
    scale = operands.quant().scale[0]
    multiplier, shift, smallest = softmax_parameters(scale)
    difference = x - x.max(axis=axis, keepdims=True)
    counts = difference >= smallest
    scaled = high_multiply(np.where(counts, difference, 0) << shift, multiplier)
    powers = np.where(counts, divide_by_power(exp_of_negative(scaled, 5), 12), 0)
    log = log_of_sum(powers.sum(axis=axis, keepdims=True))
    end = np.maximum(smallest - 1, rescale(log - 2**31, *log_softmax_reverse(scale)))
    return np.where(difference > end, clip(divide_by_power(scaled - log, 22) + 127, -128, 127), -128)


def softmax16_multiplier(scale: float) -> tuple[int, int]:
    """(multiplier, shift) that take int16 differences of this scale to 65536ths of the table of exponentials."""
    return quantise_multiplier(scale / (tables.RANGE / (2.0**16 - 1)))


def _softmax16(scale: float, x: Array, axis: int) -> Array:
    difference = rescale(x - x.max(axis=axis, keepdims=True), *softmax16_multiplier(scale))
    powers = tables.interpolated(tables.EXP, saturate16(difference + 2**15 - 1))
    total = powers.sum(axis=axis, keepdims=True)
    leading = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    mantissa = ((total << (leading - 1)) + (1 << 13)) >> 14
    inverse = tables.interpolated(tables.RECIPROCAL, saturate16(mantissa - 2**15 - 2**16))
    right = 31 - leading
    share = (powers * inverse + (np.int64(1) << (right - 1))) >> right
    return np.asarray(np.clip(share, 0, 2**15 - 1))


UNIT_BITS = 7
"""Of the output of a normalisation to unit length: its scale is 1/128."""


@compute_quantised.register
def _unit_normalization(layer: UnitNormalization, operands: Operands, x: Array) -> Array:
    """The length is never 0: a sum of squares of 0 counts as 1."""
    axes = tuple(axis % (x.ndim - 1) + 1 for axis in layer.axes)
    steps = x - operands.quant().zero_point
    multiplier, shift = inverse_root((steps**2).sum(axes, keepdims=True))
    return clip(rescale(steps, multiplier, shift + UNIT_BITS), *operands.limits())
