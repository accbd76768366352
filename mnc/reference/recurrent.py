"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.types import Array
from mnc.reference.activations import activate
from mnc.reference.conv import wide
from mnc.reference.dispatch import compute

State = tuple[Array, ...]
Step = Callable[[Array, State], State]
"""The state after a step; its first vector is the step's output.  Everything is (batch, ...)."""


@compute.register
def simple_rnn(layer: SimpleRNN, x: Array, *more: Array) -> tuple[Array, ...]:
    kernel, recurrent = wide(layer.kernel), wide(layer.recurrent_kernel)
    bias = 0.0 if layer.bias is None else wide(layer.bias)

    def step(now: Array, state: State) -> State:
        (h,) = state
        return (activate(layer.activation, now @ kernel + h @ recurrent + bias),)

    return unroll(layer, x, more, step)


@compute.register
def gru(layer: GRU, x: Array, *more: Array) -> tuple[Array, ...]:
    kernel, recurrent = wide(layer.kernel), wide(layer.recurrent_kernel)
    biases = np.zeros((2, kernel.shape[1]))
    if layer.bias is not None:
        biases[: 2 if layer.reset_after else 1] = wide(layer.bias)

    def step(now: Array, state: State) -> State:
        (h,) = state
        given = np.split(now @ kernel + biases[0], 3, axis=-1)
        kept = np.split(h @ recurrent + biases[1], 3, axis=-1)
        update = activate(layer.recurrent_activation, given[0] + kept[0])
        reset = activate(layer.recurrent_activation, given[1] + kept[1])
        past = reset * kept[2] if layer.reset_after else (reset * h) @ recurrent[:, 2 * layer.units :]
        return (update * h + (1 - update) * activate(layer.activation, given[2] + past),)

    return unroll(layer, x, more, step)


@compute.register
def lstm(layer: LSTM, x: Array, *more: Array) -> tuple[Array, ...]:
    return unroll(layer, x, more, lstm_step(layer))


def lstm_step(layer: LSTM) -> Step:
    kernel, recurrent = wide(layer.kernel), wide(layer.recurrent_kernel)
    bias = 0.0 if layer.bias is None else wide(layer.bias)

    def step(now: Array, state: State) -> State:
        h, c = state
        gates = np.split(now @ kernel + h @ recurrent + bias, 4, axis=-1)
        write, forget, read = (activate(layer.recurrent_activation, gates[i]) for i in (0, 1, 3))
        c = forget * c + write * activate(layer.activation, gates[2])
        c = c if layer.cell_clip is None else np.clip(c, -layer.cell_clip, layer.cell_clip)
        return (read * activate(layer.activation, c), c)

    return step


def largest_cell(layer: LSTM, x: Array, *more: Array) -> float:
    """The largest magnitude of the cell after any step."""
    step, largest = lstm_step(layer), [0.0]

    def watched(now: Array, state: State) -> State:
        h, c = step(now, state)
        largest.append(float(np.abs(c).max()))
        return h, c

    unroll(layer, x.astype(np.float64), more, watched)
    return max(largest)


def unroll(layer: Recurrent, x: Array, more: State, step: Step) -> tuple[Array, ...]:
    """All steps of all samples; a stateful layer takes the samples as runs one after the other."""
    mask = more[-1] if layer.masked else np.ones(x.shape[:2])
    if layer.stateful and len(x) > 0:
        state = _zeros(layer, 1)
        runs = []
        for i in range(len(x)):
            outputs, state = _run(layer, x[i : i + 1], mask[i : i + 1], step, state)
            runs.append(outputs)
        return tuple(np.concatenate(parts) for parts in zip(*runs, strict=True))
    return _run(layer, x, mask, step, more[: layer.states] if layer.initial_state else _zeros(layer, len(x)))[0]


def _zeros(layer: Recurrent, batch: int) -> State:
    return tuple(np.zeros((batch, layer.units)) for _ in range(layer.states))


def _run(layer: Recurrent, x: Array, mask: Array, step: Step, state: State) -> tuple[tuple[Array, ...], State]:
    """The layer's outputs, and the state that is left."""
    steps = range(x.shape[1])
    history = []
    for t in reversed(steps) if layer.go_backwards else steps:
        counts = mask[:, t, np.newaxis] != 0
        state = tuple(np.where(counts, new, old) for new, old in zip(step(x[:, t], state), state, strict=True))
        history.append(state[0])
    output = np.stack(history, axis=1) if layer.return_sequences else history[-1]
    return (output, *state) if layer.return_state else (output,), state
