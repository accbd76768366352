"""The initial value of a state: as the text states it, and back."""

from __future__ import annotations

import numpy as np

from mnc.ir.state import MOST_HELD, State
from mnc.ir.types import Array, Constant, DType, ShapeError, TensorType
from mnc.language.calls import MissingWeight, Pending, as_constant, pending
from mnc.language.constants import arrays, key, spell_constant
from mnc.language.kind import Weight
from mnc.language.numbers import spell_float32
from mnc.language.source import Place, SourceError
from mnc.language.values import FromFile, RefusalError, Value, describe

INITIAL = Weight("initial", initial="zeros")
"""Of a state, in a weights file: `state/initial`."""


def beginning(name: str, type_: TensorType, value: Value, at: Place) -> Constant:
    """The initial value of a state, as it is written at this place; SourceError where it is none for its type.

    `Pending` where a weights file has it.
    """
    try:
        if isinstance(value, FromFile):
            if (value.type.shape, value.type.dtype) != (type_.shape, type_.dtype):
                raise RefusalError(str(value.type))
            return pending(type_.shape, type_.dtype)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if isinstance(value, float) and type_.dtype is not DType.FLOAT32:
                raise RefusalError(describe(value))
            return State(name, type_, Constant(as_constant([value], type_.dtype.value).array[0]), "").initial
        return State(name, type_, as_constant(value, type_.dtype.value), "").initial
    except RefusalError as fault:
        hints = (*fault.hints, "such as 0, a list of numbers, or a type such as float32[3, 4]")
        raise SourceError(at, f"the state '{name}' is {type_}, and cannot begin as {fault.what}", *hints) from None
    except ShapeError as fault:
        raise SourceError(at, str(fault)) from None


def held_runs(value: Value, at: Place) -> int:
    """The runs for which a state stays at its initial value, as they are written at this place."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_HELD:
        what = f"a state is held for 1 to {MOST_HELD} runs, not {describe(value)}"
        raise SourceError(at, what, "leave `for` out where it changes with the first run")
    return value


def missing(initial: Constant, type_: TensorType) -> tuple[MissingWeight, ...]:
    """The part of a state that the weights file has."""
    return (MissingWeight(INITIAL, type_.shape, type_.dtype),) if isinstance(initial, Pending) else ()


def spell_beginning(state: State, name: str) -> tuple[str, dict[str, Array]]:
    """The initial value as text, and its array of the weights file where it is too large to stand there."""
    array = state.initial.array
    if array.ndim == 0:
        return (spell_float32(np.float32(array)) if array.dtype == np.float32 else str(int(array[()]))), {}
    if (small := spell_constant(state.initial)) is not None:
        return small, {}
    return str(state.initial.type), dict(arrays(key(name, INITIAL.field), state.initial))
