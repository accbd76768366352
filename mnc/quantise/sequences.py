"""Samples of a network, and of one with states the sequences that they make.

What a network computes of a frame depends on the frames before.  So the float
network runs whole sequences first, and the states that it has before each frame
stand beside the inputs from there on: ranges, weights and biases are then found
frame by frame, as of any network.  The quantised network is judged by sequences
that it runs by itself, as what it loses in one frame goes on to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph, Input
from mnc.ir.types import Array, show
from mnc.quantise import holdout
from mnc.reference import evaluate
from mnc.reference.run import feed


@dataclass(frozen=True)
class Frames:
    """Frames of one sequence, which follow one another."""

    first: int
    """Their place among all samples."""
    count: int
    before: int = 0
    """How many frames of the sequence came before them."""

    @property
    def indices(self) -> Array:
        return np.arange(self.first, self.first + self.count)


@dataclass(frozen=True)
class Samples:
    """Representative inputs; of a network with states they are frames."""

    names: tuple[str, ...]
    """Those of `Graph.given`."""
    arrays: tuple[Array, ...]
    """One for each name, (samples, *shape): the inputs, then the float network's states before each frame."""
    sequences: tuple[Frames, ...] = ()
    """They lie one behind the other; none where each sample stands alone."""

    def __len__(self) -> int:
        return len(self.arrays[0])


def representative(graph: Graph, given: Samples | Array | Sequence[Array]) -> Samples:
    """The samples, as float arrays, with the states of a float network that has some.

    An array is (samples, *shape); where the network has states it is one sequence, (frames, *shape), or several,
    (sequences, frames, *shape), each of which begins with the initial values.  CompileError where the samples do
    not fit, are none, or not finite.
    """
    if isinstance(given, Samples):
        by_name = dict(zip(given.names, given.arrays, strict=True))  # passes may have left states out
        kept = tuple(by_name[name] for name in graph.given)
        return Samples(tuple(graph.given), kept, given.sequences if graph.states else ())
    arrays, sequences = _in_sequences(graph, given) if graph.states else (given, ())
    inputs = feed(graph, arrays)
    for name, array in inputs.items():
        if not len(array):
            raise refuse("calibration", "there are no samples", "give some dozens of representative inputs")
        if not np.isfinite(array).all():
            raise refuse(f"calibration: input {name!r}", "a sample is not finite", "look for NaN or infinity in it")
    if not graph.states:
        return Samples(tuple(inputs), tuple(inputs.values()))
    runs = [evaluate(graph, [array[each.indices] for array in inputs.values()]) for each in sequences]
    states = (np.concatenate([run[state.name] for run in runs]) for state in graph.states)
    return Samples(tuple(graph.given), (*inputs.values(), *states), sequences)


def _in_sequences(graph: Graph, given: Array | Sequence[Array]) -> tuple[list[Array], tuple[Frames, ...]]:
    """All frames of each input, one behind the other, and the sequences that they make."""
    arrays = [np.asarray(each) for each in ([given] if isinstance(given, np.ndarray) else given)]
    pairs = list(zip(graph.inputs, arrays, strict=False))
    if not pairs or any(array.ndim != wanted.type.rank + 2 for wanted, array in pairs):
        return arrays, (Frames(0, len(arrays[0]) if arrays and arrays[0].ndim else 0),)
    counts = sorted({array.shape[:2] for array in arrays})
    if len(counts) > 1:
        what = f"the inputs have different numbers of sequences or frames: {', '.join(map(show, counts))}"
        raise refuse("calibration", what, "each input is (sequences, frames, *shape)")
    ((number, length),) = counts
    flat = [array.reshape(number * length, *array.shape[2:]) for array in arrays]
    return flat, tuple(Frames(i * length, length) for i in range(number))


def opened(graph: Graph) -> Graph:
    """The network of one run, whose states are inputs behind its own; their next values are left out."""
    if not graph.states:
        return graph
    states = (Input(state.name, state.type) for state in graph.states)
    return replace(graph, inputs=(*graph.inputs, *states), states=())


def by_frame(graph: Graph, arrays: Sequence[Array]) -> dict[str, Array]:
    """Every value of the network by name, each sample with its own states: `arrays` is as in `Samples`."""
    return evaluate(opened(graph), arrays)


def by_sequence(graph: Graph, samples: Samples) -> dict[str, Array]:
    """Every value of the network by name, each run of which goes on with what the one before left.

    A sequence that does not begin with its first frame begins with the state that the float network has there.
    """
    if not graph.states:
        return evaluate(graph, samples.arrays)
    runs = []
    for each in samples.sequences:
        arrays = [array[each.indices] for array in samples.arrays]
        states = zip(graph.states, arrays[len(graph.inputs) :], strict=True)
        beginning = {state.name: array[0] for state, array in states} if each.before else {}
        runs.append(evaluate(graph, arrays[: len(graph.inputs)], beginning))
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


@dataclass(frozen=True)
class Split:
    """Samples to quantise by, and others to judge the result by."""

    fitting: Samples
    judging: Samples
    """The samples held back; all samples where none are held back."""
    indices: Array
    """Of the samples that fit."""
    held_back: int
    """How many are held back."""


def split(graph: Graph, samples: Samples) -> Split:
    """Hold samples back, as `holdout.split`: of many sequences whole ones, of few the last frames of each."""
    if not samples.sequences:
        parts = holdout.split(len(samples))
        fitting, judging = (_taken(samples, each) for each in (parts.fitting, parts.judging))
        return Split(fitting, judging, parts.fitting, parts.held_back)
    if len(samples.sequences) >= holdout.FEWEST:
        parts = holdout.split(len(samples.sequences))
        first, last = ([samples.sequences[i] for i in each] for each in (parts.fitting, parts.judging))
    else:
        held = max(state.held for state in graph.states)
        first, last = [], []
        for each in samples.sequences:
            kept = each.count - each.count // holdout.SHARE
            if each.count < holdout.FEWEST or each.before + kept < held:
                kept = each.count
            first.append(Frames(each.first, kept, each.before))
            if kept < each.count:
                last.append(Frames(each.first + kept, each.count - kept, each.before + kept))
    fitting, judging = _of(samples, first), _of(samples, last)
    indices = np.concatenate([each.indices for each in first])
    return Split(fitting, judging, indices, len(judging)) if last else Split(samples, samples, indices, 0)


def _of(samples: Samples, sequences: Sequence[Frames]) -> Samples:
    """The frames of these sequences."""
    if not sequences:
        return samples
    taken, made = 0, []
    for each in sequences:
        made.append(replace(each, first=taken))
        taken += each.count
    return replace(_taken(samples, np.concatenate([each.indices for each in sequences])), sequences=tuple(made))


def _taken(samples: Samples, indices: Array) -> Samples:
    return replace(samples, arrays=tuple(array[indices] for array in samples.arrays))
