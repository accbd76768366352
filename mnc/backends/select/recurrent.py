"""Recurrent layers: a loop over the steps, in which dense layers and small kernels pass scratch memory on.

A run's state lives in scratch memory; that of a stateful layer is fetched
before the first step and put back after the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mnc.backends.select.activation import over
from mnc.backends.select.blocks import float_block, pack, split, unrolled
from mnc.backends.select.context import Context
from mnc.ir.activations import Clip, Function
from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.types import Array, Constant, DType
from mnc.program import NULL, Argument, Call, Const, In, Name, Out, Scratch, State, Step, Times

FLOAT = 4


def simple_rnn(context: Context[SimpleRNN]) -> Step:
    """Scratch: x, h, new h."""
    cell = _Cell.of(context)
    x, h, new = cell.memory(cell.features, cell.units, cell.units)
    weights = np.concatenate([context.layer.kernel.array, context.layer.recurrent_kernel.array])
    calls = (
        copy(cell.step, x, cell.features),
        *cell.product("weights", weights, context.layer.bias, x, new),
        *_activated(context.layer.activation, new, cell.units),
        copy(new, h, cell.units),
    )
    return cell.unrolled(calls, (h,))


def lstm(context: Context[LSTM]) -> Step:
    """Scratch: x, h, the gates i, f, o and the candidate, c.  The gates lie together, as they have one activation."""
    layer = context.layer
    cell = _Cell.of(context)
    x, h, gates, output, candidate, c = cell.memory(cell.features, *(cell.units * n for n in (1, 2, 1, 1, 1)))
    weights = _columns(np.concatenate([layer.kernel.array, layer.recurrent_kernel.array]), (0, 1, 3, 2))
    bias = None if layer.bias is None else Constant(_columns(layer.bias.array, (0, 1, 3, 2)))
    squashed = c if layer.activation is None else candidate
    limit = None if layer.cell_clip is None else Clip(-layer.cell_clip, layer.cell_clip)
    calls = (
        copy(cell.step, x, cell.features),
        *cell.product("weights", weights, bias, x, gates),
        *_activated(layer.recurrent_activation, gates, 3 * cell.units),
        *_activated(layer.activation, candidate, cell.units),
        Call("mnc_lstm_cell_f32", {"gates": gates, "cell": c, "units": cell.units}),
        *_activated(limit, c, cell.units),
        *_activated(layer.activation, c, cell.units, squashed),
        combined("MNC_MULTIPLY", output, squashed, h, cell.units),
    )
    return cell.unrolled(calls, (h, c))


def gru(context: Context[GRU]) -> Step:
    """The reset gate applies to the product with the state, or to the state itself."""
    return _reset_after(context) if context.layer.reset_after else _reset_before(context)


def _reset_after(context: Context[GRU]) -> Step:
    """Scratch: h, then x @ kernel and h @ recurrent_kernel for the gates z, r and the candidate."""
    layer = context.layer
    cell = _Cell.of(context)
    units = cell.units
    h, update, reset, candidate, past, last = cell.memory(*(units * n for n in (1, 1, 1, 1, 2, 1)))
    biases = (None, None) if layer.bias is None else (Constant(layer.bias.array[0]), Constant(layer.bias.array[1]))
    calls = (
        *cell.product("kernel", layer.kernel.array, biases[0], cell.step, update),
        *cell.product("recurrent", layer.recurrent_kernel.array, biases[1], h, past),
        combined("MNC_ADD", update, past, update, 2 * units),
        *_activated(layer.recurrent_activation, update, 2 * units),
        Call("mnc_gru_candidate_f32", {"reset": reset, "past": last, "candidate": candidate, "units": units}),
        *_activated(layer.activation, candidate, units),
        Call("mnc_gru_state_f32", {"update": update, "candidate": candidate, "state": h, "units": units}),
    )
    return cell.unrolled(calls, (h,))


def _reset_before(context: Context[GRU]) -> Step:
    """Scratch: x, h or r * h, h, the gates z and r, the candidate."""
    layer = context.layer
    cell = _Cell.of(context)
    units = cell.units
    x, part, h, update, reset, candidate = cell.memory(cell.features, *(units,) * 5)
    weights = np.concatenate([layer.kernel.array, layer.recurrent_kernel.array])
    bias = (None, None) if layer.bias is None else map(Constant, np.split(layer.bias.array, [2 * units]))
    gates_bias, candidate_bias = bias
    calls = (
        copy(cell.step, x, cell.features),
        copy(h, part, units),
        *cell.product("gates", weights[:, : 2 * units], gates_bias, x, update),
        *_activated(layer.recurrent_activation, update, 2 * units),
        combined("MNC_MULTIPLY", reset, h, part, units),
        *cell.product("candidate", weights[:, 2 * units :], candidate_bias, x, candidate),
        *_activated(layer.activation, candidate, units),
        Call("mnc_gru_state_f32", {"update": update, "candidate": candidate, "state": h, "units": units}),
    )
    return cell.unrolled(calls, (h,))


@dataclass
class _Cell:
    """A recurrent layer's step in the making: its scratch memory and its constants."""

    context: Context[Recurrent]
    features: int
    units: int
    step: In
    """The current step of the input."""
    used: int = 0
    """Elements of scratch memory."""
    constants: dict[str, Constant] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context[Recurrent]) -> _Cell:
        return cls(context, context.inputs[0].type.shape[1], context.layer.units, current(context))

    def memory(self, *sizes: int) -> list[Scratch]:
        """Places of `sizes` elements in scratch memory, one behind the other."""
        taken = []
        for size in sizes:
            taken.append(Scratch(self.used))
            self.used += size
        return taken

    def product(
        self, name: str, matrix: Array, bias: Constant | None, source: In | Scratch, target: Scratch
    ) -> list[Call]:
        """Calls that give source @ matrix + bias."""
        inputs, outputs = matrix.shape
        few = self.context.few_registers
        _, channels = float_block(1, outputs, registers=self.context.float_registers)
        self.constants[name] = Constant(pack(matrix, channels))
        if bias is not None:
            self.constants[f"{name}_bias"] = bias
        return [
            Call(
                "mnc_pointwise_f32",
                {
                    "in": source,
                    "out": Scratch(target.offset + first),
                    "weights": Const(name, first * inputs),
                    "bias": NULL if bias is None else Const(f"{name}_bias", first),
                    "in_channels": inputs,
                    "out_channels": count,
                    "pixels": 1,
                    "in_pixel": 0,
                    "in_channel": 1,
                    "out_pixel": 0,
                    "out_channel": 1,
                    "block_pixels": 1,
                    "block_channels": width,
                    "unroll": unrolled(inputs, compact=self.context.compact or few),
                    "activation": Name("MNC_LINEAR"),
                    "high": 0.0,
                },
            )
            for first, count, width in split(outputs, channels)
        ]

    def unrolled(self, calls: Sequence[Call], states: tuple[Scratch, ...]) -> Step:
        """`calls` for each step of the input, after which `states` are the state and its first vector the output."""
        context, layer, units = self.context, self.context.layer, self.units
        steps = context.inputs[0].type.shape[0]
        before, after = [], []
        if layer.masked:
            last = len(context.inputs) - 1
            mask = In(last, offset=steps - 1, stride=-1) if layer.go_backwards else In(last, stride=1)
            olds = self.memory(*(units for _ in states))
            pairs = list(zip(states, olds, strict=True))
            keep = [
                Call("mnc_keep_f32", {"mask": mask, "before": old, "state": new, "count": units}) for new, old in pairs
            ]
            calls = (*(copy(new, old, units) for new, old in pairs), *calls, *keep)
        for i, state in enumerate(states):
            kept = State(i * units)
            if layer.stateful:
                before.append(copy(kept, state, units))
                after.append(copy(state, kept, units))
            elif layer.initial_state:
                before.append(copy(In(1 + i), state, units))
            else:
                before.append(Call("mnc_fill_f32", {"out": state, "count": units, "value": 0.0}))
            if layer.return_state:
                after.append(copy(state, Out(write=1 + i), units))
        given = copy(states[0], Out(stride=units), units)
        return Step(
            context.node,
            context.inputs,
            context.outputs,
            (*calls, given) if layer.return_sequences else tuple(calls),
            Times(steps),
            before=tuple(before),
            after=tuple(after if layer.return_sequences else [given, *after]),
            constants=self.constants,
            scratch=FLOAT * self.used,
            state=FLOAT * units * len(states) if layer.stateful else 0,
        )


def current(context: Context[Recurrent]) -> In:
    """The step of the input that an iteration reads."""
    steps, features = context.inputs[0].type.shape
    backwards = In(offset=(steps - 1) * features, stride=-features)
    return backwards if context.layer.go_backwards else In(stride=features)


def copy(source: Argument, target: Argument, count: int, dtype: DType = DType.FLOAT32) -> Call:
    """Neighbouring elements to another place."""
    sizes = {"rows": 1, "pixels": 1, "channels": count}
    moves = {f"{operand}_{axis}": int(axis == "channel") for operand in ("in", "out") for axis in _AXES}
    return Call(f"mnc_copy_{dtype.suffix}", {"in": source, "out": target, **sizes, **moves})


def combined(operation: str, a: Argument, b: Argument, out: Argument, count: int) -> Call:
    """Neighbouring elements of a and b, each with its partner."""
    sizes = {"rows": 1, "pixels": 1, "channels": count}
    moves = {f"{operand}_{axis}": int(axis == "channel") for operand in ("a", "b", "out") for axis in _AXES}
    store: dict[str, Argument] = {"factor": 1.0, "activation": Name("MNC_LINEAR"), "high": 0.0}
    kind: dict[str, Argument] = {"operation": Name(operation), "reverse": 0, "b_in_flash": 0}
    return Call("mnc_merge_f32", {"a": a, "b": b, "out": out, **kind, **sizes, **moves, **store})


_AXES = ("row", "pixel", "channel")


def _activated(function: Function | None, source: Scratch, count: int, target: Scratch | None = None) -> list[Call]:
    return [] if function is None else [over(function, source, count, target or source)]


def _columns(blocks: Array, order: Sequence[int]) -> Array:
    """Equal blocks of columns in another order."""
    parts = np.split(blocks, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)
