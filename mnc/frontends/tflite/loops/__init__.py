"""Loops that converters wrote of recurrent layers, read as the layers they were.

Keras' LSTM, GRU and SimpleRNN become a WHILE where the converter does not fuse
them: variables that count, the sequence, rows that each iteration sets one of,
and the states.  The body is evaluated in symbols (`body`, `terms`), and the layer
found by what its states become (`cells`).  Whatever is not proven to be such a
layer is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.errors import refuse
from mnc.frontends.tflite.file import Model
from mnc.frontends.tflite.loops.body import Body
from mnc.frontends.tflite.loops.cells import cell
from mnc.frontends.tflite.loops.terms import OtherLoopError, State, Terms, Vector
from mnc.frontends.tflite.loops.values import Iteration, Limit, Rows, Steps, Term, Written
from mnc.frontends.tflite.unsupported import way_out
from mnc.ir.layers import Recurrent
from mnc.ir.types import Array, Shape

LOOP = "WHILE"
Given = Array | Shape
"""The value of a variable before the first iteration: numbers, or the shape of what the network computes."""


@dataclass(frozen=True)
class Loop:
    """A recurrent layer in the place of a loop."""

    layer: Recurrent
    """It gives all steps, and its states."""
    sequence: int
    """The variable that is its input, (steps, 1, features) or (steps, features)."""
    states: tuple[int, ...]
    """The variables that are its states, in its order."""
    rows: Mapping[int, int]
    """The variables that are rows of its output, and how many of them: all steps, or the last alone."""
    known: Mapping[int, Array]
    """The variables that are known behind the loop."""
    same: tuple[int, ...]
    """The variables that are what they were."""


def loop(where: str, condition: Model, body: Model, given: Sequence[Given]) -> Loop:
    """The layer that a loop is; CompileError where it is none."""
    try:
        return _loop(where, condition, body, given)
    except OtherLoopError as fault:
        raise refuse(where, f"its loop is not that of a recurrent layer: {fault}", way_out(LOOP)) from None


def _loop(where: str, condition: Model, body: Model, given: Sequence[Given]) -> Loop:
    if not len(given) == len(body.inputs) == len(body.outputs) == len(condition.inputs) or len(condition.outputs) != 1:
        raise OtherLoopError("its subgraphs have other variables than it")
    terms = Terms()
    before = tuple(_before(terms, body, i, each) for i, each in enumerate(given))
    (limit,) = Body(where, condition, Terms()).results(before)
    if not isinstance(limit, Limit) or limit.count < 1:
        raise OtherLoopError("it does not run a number of times that is known")
    after = Body(where, body, terms).results(before)
    states = {State(i): after[i] for i, each in enumerate(before) if isinstance(each, Vector)}
    found = cell({state: _vector(term) for state, term in states.items()})
    order = tuple(state.variable for state in found.states)
    shape = given[found.step.variable]
    if not isinstance(shape, tuple) or shape[0] != limit.count:
        raise OtherLoopError(f"it runs {limit.count} times over {shape[0]} steps")
    changes = [_change(old, new, _vector(after[order[0]]), limit.count) for old, new in zip(before, after, strict=True)]
    return Loop(
        found.layer.changed(initial_state=_begins_outside([given[i] for i in order])),
        found.step.variable,
        order,
        {i: each for i, each in enumerate(changes) if isinstance(each, int)},
        {i: each for i, each in enumerate(changes) if isinstance(each, np.ndarray)},
        tuple(i for i, each in enumerate(before) if isinstance(each, Steps)),
    )


def _before(terms: Terms, body: Model, variable: int, given: Given) -> Term:
    """The value of a variable as an iteration begins."""
    own, result = body.inputs[variable], body.outputs[variable]
    shape = given if isinstance(given, tuple) else given.shape
    if own == result:
        return Steps(variable, given) if isinstance(given, tuple) else given
    readers = [each for each in body.operators if own in each.inputs]
    if not readers or any(each.kind in SETTING and each.inputs[0] == own for each in readers):
        return Rows(variable, shape)
    if isinstance(given, tuple) or given.dtype == np.float32:
        return terms.vector(State(variable), shape)
    if given.dtype.kind != "i" or given.size != 1:
        raise OtherLoopError(f"its variable {variable} is neither a number of the iteration nor a state")
    return np.full(given.shape, Iteration(int(given.item())), object)


SETTING = ("DYNAMIC_UPDATE_SLICE", "SLICE")
"""The operators that read rows in which the iteration sets one."""


def _vector(term: Term) -> Vector:
    if not isinstance(term, Vector):
        raise OtherLoopError("one of its states becomes what is no vector")
    return term


def _change(old: Term, new: Term, output: Vector, count: int) -> int | Array | None:
    """The rows of a variable that are of the layer's output; or the numbers that it is at the end."""
    if isinstance(old, Vector) or (isinstance(old, Steps) and new == old):
        return None
    if isinstance(old, Rows) and isinstance(new, Written) and new.rows == old and new.row.key == output.key:
        rows, place = old.shape[0], new.place
        if (rows, place) in ((count, Iteration()), (1, 0)) and old.shape[1:] == (*new.row.shape[1:],):
            return rows
        raise OtherLoopError(f"it sets row {place} of {rows} in {count} iterations")
    if isinstance(old, Rows) and isinstance(new, Vector) and new.key == output.key and new.shape == old.shape:
        return 1  # the only row, which is never read
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.shape == new.shape:
        if old.dtype != object and old is new:
            return old
        if old.dtype == object and (new == old + 1).all():
            return np.full(old.shape, old.item().plus + count, np.int32)
    raise OtherLoopError("one of its variables changes in another way")


def _begins_outside(given: Sequence[Given]) -> bool:
    """Whether the states begin with what the network has computed; else they begin at zero."""
    if all(isinstance(each, tuple) for each in given):
        return True
    if any(isinstance(each, tuple) or each.any() for each in given):
        raise OtherLoopError("its states begin with constants other than zero")
    return False
