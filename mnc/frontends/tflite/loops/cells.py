"""The recurrent layer whose step a loop's body is, found by its formulas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnc.frontends.tflite.loops.terms import Atom, OtherLoopError, Product, State, Step, Vector
from mnc.ir.activations import Clip, Function, Relu
from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN
from mnc.ir.types import Array, Constant

NO_LAYER = "its states do not change as those of an LSTM, a GRU or a SimpleRNN do"


@dataclass(frozen=True)
class Cell:
    """A recurrent layer, and which variable of the loop is which of its states, in its own order."""

    layer: Recurrent
    step: Step
    states: tuple[State, ...]


@dataclass(frozen=True)
class _Gate:
    """A function of x @ kernel + h @ recurrent + bias, all (..., units)."""

    function: Function | None
    step: Step
    kernel: Array
    recurrent: Array
    bias: Array


def cell(after: Mapping[State, Vector]) -> Cell:
    """The layer of which `after` are the states after a step; OtherLoopError where there is none."""
    if len(after) > LSTM.states:
        raise OtherLoopError(f"it has {len(after)} states")
    for find in (_simple_rnn, _gru, _lstm):
        for order in itertools.permutations(after):
            for found in find(_Reading(after, order)):
                return found
    raise OtherLoopError(NO_LAYER)


@dataclass(frozen=True)
class _Reading:
    """The states in the order in which a layer would have them, and what they become."""

    after: Mapping[State, Vector]
    order: tuple[State, ...]

    def is_state(self, vector: Vector, place: int = 0) -> bool:
        return vector.atom is not None and vector.atom.kind == self.order[place]

    def gate(self, vector: Vector) -> _Gate | None:
        """The vector as a function of the step and h; None where it is none."""
        function, inner = _function(vector)
        return self.linear(function, inner.parts, inner.offset)

    def linear(self, function: Function | None, parts: Mapping[Atom, Array], offset: Array) -> _Gate | None:
        """As `gate`, of a sum."""
        matrices = {atom.kind: factor for atom, factor in parts.items()}
        recurrent = matrices.pop(self.order[0], np.zeros((len(offset), len(offset))))
        if len(matrices) != 1 or any(factor.ndim != 2 for factor in parts.values()):
            return None
        ((step, kernel),) = matrices.items()
        return _Gate(function, step, kernel, recurrent, offset) if isinstance(step, Step) else None

    def made(self, kind: type[Recurrent], gates: Sequence[_Gate], bias: Array | None = None, **options: Any) -> Cell:
        """The layer of these gates, side by side; OtherLoopError where they read several sequences."""
        if len({gate.step for gate in gates}) != 1:
            raise OtherLoopError("its gates read several sequences")
        kernel, recurrent = (
            Constant(np.concatenate([getattr(gate, name) for gate in gates], axis=1).astype(np.float32))
            for name in ("kernel", "recurrent")
        )
        own = np.concatenate([gate.bias for gate in gates]) if bias is None else bias
        given = Constant(own.astype(np.float32)) if own.any() else None
        layer = kind(kernel, recurrent, given, **options)
        return Cell(layer, gates[0].step, self.order)


def _function(vector: Vector) -> tuple[Function | None, Vector]:
    """The function that a vector is, and of what; None where it is none."""
    atom = vector.atom
    if atom is None or not isinstance(atom.kind, Function):
        return None, vector
    kind: Function = atom.kind
    if isinstance(kind, Clip) and kind.low == 0.0:
        kind = Relu(None if kind.high == math.inf else kind.high) if kind.high != 1.0 else kind
    return kind, atom.of[0]


def _products(vector: Vector) -> Iterator[tuple[Vector, Vector, Vector, Vector]]:
    """The factors (a, b, c, d) where the vector is a * b + c * d, in every order."""
    atoms = vector.atoms or ()
    if len(atoms) == 2 and all(isinstance(atom.kind, Product) for atom in atoms):
        for one, other in itertools.permutations(atoms):
            for (a, b), (c, d) in itertools.product(itertools.permutations(one.of), itertools.permutations(other.of)):
                yield a, b, c, d


def _simple_rnn(reading: _Reading) -> Iterator[Cell]:
    """The state becomes activation(x @ kernel + h @ recurrent + bias)."""
    if len(reading.order) == 1:
        gate = reading.gate(reading.after[reading.order[0]])
        if gate is not None:
            yield reading.made(SimpleRNN, [gate], activation=gate.function)


def _gru(reading: _Reading) -> Iterator[Cell]:
    """The state h becomes z * h + (1 - z) * c."""
    if len(reading.order) != 1:
        return
    for update, h, kept, candidate in _products(reading.after[reading.order[0]]):
        z = reading.gate(update)
        one_less = update.scaled(np.full(update.size, -1.0)).plus(np.ones(update.size))
        if z is not None and reading.is_state(h) and kept.key == one_less.key:
            yield from _candidate(reading, z, candidate)


def _candidate(reading: _Reading, z: _Gate, vector: Vector) -> Iterator[Cell]:
    """activation(x @ K + r * (h @ R + d) + b), or activation(x @ K + (r * h) @ R + b)."""
    function, inner = _function(vector)
    products = [atom for atom in inner.parts if isinstance(atom.kind, Product)]
    if len(products) != 1:
        return
    rest = {atom: factor for atom, factor in inner.parts.items() if atom is not products[0]}
    given = reading.linear(function, rest, inner.offset)
    factor = inner.parts[products[0]]
    if given is None or given.recurrent.any():
        return
    for reset, past in itertools.permutations(products[0].of):
        r = reading.gate(reset)
        if r is None or r.function != z.function:
            continue
        functions: dict[str, Any] = {"activation": function, "recurrent_activation": z.function}
        if factor.ndim == 2 and reading.is_state(past):
            c = replace(given, recurrent=factor)
            yield reading.made(GRU, [z, r, c], reset_after=False, **functions)
        kept = _of_state(reading, past)
        if factor.ndim == 1 and (factor == 1).all() and kept is not None:
            c = replace(given, recurrent=kept)
            bias = np.zeros((2, 3 * past.size))
            bias[0] = np.concatenate([z.bias, r.bias, c.bias])
            bias[1, 2 * past.size :] = past.offset
            yield reading.made(GRU, [z, r, c], bias, reset_after=True, **functions)


def _of_state(reading: _Reading, vector: Vector) -> Array | None:
    """The matrix where the vector is h @ matrix and an offset."""
    if len(vector.parts) != 1:
        return None
    ((atom, factor),) = vector.parts.items()
    return factor if atom.kind == reading.order[0] and factor.ndim == 2 else None


def _lstm(reading: _Reading) -> Iterator[Cell]:
    """The state c becomes f * c + i * activation(g), and h o * activation(c)."""
    if len(reading.order) != 2:
        return
    h, c = (reading.after[state] for state in reading.order)
    clip, unclipped = _function(c)
    limit = clip.high if isinstance(clip, Clip) and clip.low == -clip.high else None
    if h.atom is None or not isinstance(h.atom.kind, Product) or (clip is not None and limit is None):
        return
    for read, squashed in itertools.permutations(h.atom.of):
        o, (activation, of) = reading.gate(read), _function(squashed)
        if o is None or (squashed.key != c.key and of.key != c.key):
            continue
        activation = None if squashed.key == c.key else activation
        for forget, old, write, new in _products(unclipped if limit is not None else c):
            gates = [reading.gate(each) for each in (write, forget, new)]
            if not reading.is_state(old, 1) or any(gate is None for gate in gates):
                continue
            i, f, g = (gate for gate in gates if gate is not None)
            if i.function == f.function == o.function and g.function == activation:
                functions: dict[str, Any] = {"activation": activation, "recurrent_activation": o.function}
                yield reading.made(LSTM, [i, f, g, o], cell_clip=limit, **functions)
