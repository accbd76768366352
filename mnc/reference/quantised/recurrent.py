"""Recurrent layers in integers: LSTM as TensorFlow Lite Micro has it, SimpleRNN and GRU by definitions in its spirit.

All of them bring the products of the input and of the state to int16 first, each
with its bias, and add them with saturation: the argument of a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.layers.recurrent import STATE_SCALE
from mnc.ir.types import Array, Constant
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale, rescale_wide, saturate16
from mnc.reference.quantised.operands import Operands, clip, compute_quantised
from mnc.reference.recurrent import State, Step, unroll

GATE_SCALE = 2.0**-12
"""Of the argument of a gate's function, in int16."""
UNIT_SCALE = 2.0**-15
"""Of a gate, in int16."""
GATE_FUNCTION = (3, 0)
"""(multiplier, right shift) that take a gate's argument to steps of the tables, which are a third of its own."""


def state_scale(layer: Recurrent, operands: Operands) -> float:
    """The scale of h."""
    return operands.scale if isinstance(layer, LSTM) else STATE_SCALE


def gate_multipliers(layer: Recurrent, operands: Operands) -> tuple[Array, Array]:
    """(multiplier, shift) of each gate's product with the input, then of each one's with the state: (2, gates) each."""
    pairs = []
    scales = operands.quant().scale[0], state_scale(layer, operands)
    for constant, scale in zip((layer.kernel, layer.recurrent_kernel), scales, strict=True):
        assert constant.quant is not None, "quantised layers have quantised weights"
        by_gate = np.resize(constant.quant.scale, layer.gates * layer.units).reshape(layer.gates, layer.units)[:, 0]
        pairs.append([quantise_multiplier(scale * float(own) / GATE_SCALE) for own in by_gate])
    found = np.array(pairs, np.int64)
    return found[..., 0], found[..., 1]


def cell_multiplier(cell_scale: float) -> tuple[int, int]:
    """(multiplier, shift) that take the product of two gates to the cell's scale."""
    return quantise_multiplier(UNIT_SCALE * UNIT_SCALE / cell_scale)


KEPT_MULTIPLIER = quantise_multiplier(UNIT_SCALE)
"""(multiplier, shift) of the product of a gate and another number, which takes the number's scale."""


def narrowing(operands: Operands) -> tuple[int, int]:
    """(multiplier, shift) that take the state of a SimpleRNN or GRU to the output's scale."""
    return quantise_multiplier(STATE_SCALE / operands.scale)


def cell_function(cell_scale: float) -> tuple[int, int]:
    """(multiplier, right shift) that take a cell to steps of the table of the hyperbolic tangent."""
    power = round(math.log2(cell_scale)) + 12
    return (3 << power, 0) if power >= 0 else (3, -power)


def output_multiplier(operands: Operands) -> tuple[int, int]:
    """(multiplier, shift) that take the product of two gates to the output's scale."""
    return quantise_multiplier(UNIT_SCALE * UNIT_SCALE / operands.scale)


def largest_cell(layer: LSTM) -> int:
    """The limit of the cell in its own steps."""
    assert layer.cell_scale is not None
    most = 2**15 - 1
    return most + 1 if layer.cell_clip is None else int(min(layer.cell_clip / layer.cell_scale, most))


@compute_quantised.register
def _lstm(layer: LSTM, operands: Operands, x: Array, *more: Array) -> tuple[Array, ...]:
    """The state h is the output, and c is int16.

    The argument of each gate's function is the saturated sum of two products
    in int16, that of the input with the bias and that of h; a gate is int16.
    """
    assert layer.cell_scale is not None, "quantised layers have a cell of int16"
    scaled = rescale_wide if operands.is_int16 else rescale
    kernel, recurrent = layer.kernel.array.astype(np.int64), layer.recurrent_kernel.array.astype(np.int64)
    bias = np.int64(0) if layer.bias is None else layer.bias.array.astype(np.int64)
    multipliers, shifts = (np.repeat(each, layer.units, axis=-1) for each in gate_multipliers(layer, operands))
    low, high = operands.limits()
    limit = largest_cell(layer)
    new = cell_multiplier(layer.cell_scale)
    multiplier, right = cell_function(layer.cell_scale)

    def step(now: Array, state: State) -> State:
        h, c = (each.astype(np.int64) for each in state)
        given = saturate16(scaled(now @ kernel + bias, multipliers[0], shifts[0]))
        kept = saturate16(scaled(h @ recurrent, multipliers[1], shifts[1]))
        arguments = 3 * saturate16(given + kept)
        write, forget, candidate, read = np.split(arguments, 4, axis=-1)
        write, forget, read = (tables.logistic(each) for each in (write, forget, read))
        kept = saturate16(rescale(forget * c, *KEPT_MULTIPLIER))
        c = saturate16(kept + saturate16(rescale(write * tables.tanh(candidate), *new)))
        c = np.clip(c, -limit, limit)
        squashed = tables.tanh((c * multiplier + ((1 << right) >> 1)) >> right)
        h = np.clip(rescale(squashed * read, *output_multiplier(operands)), low - operands.zero, high - operands.zero)
        return h, c

    return _unroll(layer, operands, x, more, step)


@compute_quantised.register
def _simple_rnn(layer: SimpleRNN, operands: Operands, x: Array, *more: Array) -> tuple[Array, ...]:
    """The state is int16; the output is the state on its own scale."""
    given, kept = _products(layer, operands)

    def step(now: Array, state: State) -> State:
        return (tables.tanh(3 * saturate16(given(now) + kept(state[0].astype(np.int64)))),)

    return _narrowed(layer, operands, x, more, step)


@compute_quantised.register
def _gru(layer: GRU, operands: Operands, x: Array, *more: Array) -> tuple[Array, ...]:
    """As `_simple_rnn`; z * h + (1 - z) * c is one sum of 32 bits, rounded once to int16."""
    units = layer.units
    given, kept = _products(layer, operands)

    def step(now: Array, state: State) -> State:
        h = state[0].astype(np.int64)
        new, old = given(now), kept(h)
        gates = tables.logistic(3 * saturate16(new[..., : 2 * units] + old[..., : 2 * units]))
        update, reset = np.split(gates, 2, axis=-1)
        if layer.reset_after:
            past = rescale(reset * old[..., 2 * units :], *KEPT_MULTIPLIER)
        else:
            past = kept(rescale(reset * h, *KEPT_MULTIPLIER))[..., 2 * units :]
        candidate = tables.tanh(3 * saturate16(new[..., 2 * units :] + past))
        return (saturate16(rescale(update * h + (2**15 - update) * candidate, *KEPT_MULTIPLIER)),)

    return _narrowed(layer, operands, x, more, step)


def _products(layer: SimpleRNN | GRU, operands: Operands) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """The products of a step's input, and of the state, with all gates' weights: int16 of scale `GATE_SCALE`."""
    scaled = rescale_wide if operands.is_int16 else rescale
    multipliers, shifts = (np.repeat(each, layer.units, axis=-1) for each in gate_multipliers(layer, operands))

    def product(weights: Constant, bias: Array, i: int) -> Callable[[Array], Array]:
        matrix = weights.array.astype(np.int64)
        return lambda x: saturate16(scaled(x @ matrix + bias, multipliers[i], shifts[i]))

    biases = stored_biases(layer)
    return product(layer.kernel, biases[0], 0), product(layer.recurrent_kernel, biases[1], 1)


def stored_biases(layer: Recurrent) -> Array:
    """(2, gates * units) int64: of the product with the input, then of that with the state; 0 where there is none."""
    biases = np.zeros((2, layer.gates * layer.units), np.int64)
    if layer.bias is not None:
        rows = layer.bias.array.reshape(-1, biases.shape[1])
        biases[: len(rows)] = rows
    return biases


def _narrowed(layer: Recurrent, operands: Operands, x: Array, more: State, step: Step) -> tuple[Array, ...]:
    """All steps of a layer whose state is int16, with the output on its own scale."""
    h, *states = (each.astype(np.int64) for each in unroll(layer, x - operands.quant().zero_point, more, step))
    y = clip(rescale(h, *narrowing(operands)) + operands.zero, *operands.limits())
    return (y, *states)


def _unroll(layer: Recurrent, operands: Operands, x: Array, more: State, step: Step) -> tuple[Array, ...]:
    """All steps of a layer whose output and first vector of state, h, are stored alike; `step` has no zero points."""
    begun = (more[0] - operands.zero, *more[1:]) if more else ()
    y, *states = (each.astype(np.int64) for each in unroll(layer, x - operands.quant().zero_point, begun, step))
    return tuple(each + operands.zero for each in (y, *states[:1])) + tuple(states[1:])
