"""Which range of real numbers each value's int8 shall cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Flatten, Multiply, Reshape, Softmax
from mnc.ir.types import Array, DType
from mnc.pace import counted
from mnc.quantise.scales import KEEPING, Range
from mnc.quantise.sequences import opened
from mnc.reference.run import apply_node, feed

Choose = Callable[[str, Array], Range]

BINS = 4096
"""Of a histogram: sixteen for each step of int8."""

NEXT_TO_NONE = 1e-4
"""Count for a level that holds only clipped values: with 0 the divergence would be infinite."""

BELOW_LARGEST = 2.0 * math.log(512.0)
"""Softmax gives less than half of its step of 1/256 for what lies ln 512 below the largest of its inputs; twice
that, because other samples are less clear than those of the calibration."""

HIDDEN = -1000.0
"""No score that a network computes is as far below the others: what is, a mask has hidden."""

UNSEEN = 2.0**-9
"""Of the largest of a value in int8: half a step, which is stored as 0."""
MUCH_SMALLER = 4.0
"""How many times smaller a range must become for rare factors to be cut off: two of the eight bits."""


def observe(graph: Graph, samples: Sequence[Array], method: str = "minmax") -> dict[str, Range]:
    """The range of every float value of `graph` over representative inputs.

    `samples` holds one array for each input, (samples, *shape), and, of a network
    with states, for each of these.  `method` is one of `RANGES`.  CompileError
    where a value is not finite.
    """
    return ranges_of(graph, samples, by(method))


def by(method: str) -> Choose:
    """A range by one of `RANGES`, which look at the values alone."""
    return lambda _, values: RANGES[method](values)


def cut_inputs(graph: Graph, samples: Sequence[Array], choose: Choose) -> list[Array]:
    """The samples as the quantised network will see them: cut to the ranges of its inputs and states."""
    inputs = replace(opened(graph), nodes=(), outputs=tuple(graph.given))
    ranges = ranges_of(inputs, samples, choose)
    pairs = zip(graph.given, samples, strict=True)
    return [_cut(x, ranges[name]) if name in ranges else x for name, x in pairs]


def _cut(values: Array, *ranges: Range) -> Array:
    low, high = Range.around(*ranges)
    return np.clip(values, np.float32(low), np.float32(high))


def ranges_of(graph: Graph, samples: Sequence[Array], choose: Choose) -> dict[str, Range]:
    """As `observe`, each range being what `choose` makes of a value's name and all that is seen of it.

    A value is seen as the quantised network will have it: what it is made of is
    cut to the ranges that were chosen before.  Else a single outlier would
    spoil all ranges behind it, whether it is cut off or not.  Values that are
    only moved are cut once, to what they cover together.
    """
    ranges: dict[str, Range] = {}
    cut: dict[str, Array] = {}

    def settle(name: str, values: Array) -> None:
        """Choose the ranges of a value and of all values that are only moved from it."""
        moved = {name: values}
        for origin in (waiting := [name]):
            for node in graph.consumers[origin]:
                if isinstance(node.layer, KEEPING):
                    (moved[node.name],) = apply_node(graph, node, [moved[origin]])
                    waiting.append(node.name)
        if graph.types[name].dtype is DType.FLOAT32:
            for each, array in moved.items():
                if not np.isfinite(array).all():
                    raise refuse(
                        f"value {each!r}", "is not finite for a calibration sample", "check the samples' scale"
                    )
                least = least_that_counts(graph, each, moved)
                array = seen_in_product(graph, each, array, cut)
                low, high = choose(each, array if array.min() > HIDDEN else np.maximum(array, np.float32(least)))
                ranges[each] = Range(max(low, least), high)
            moved = {each: _cut(array, *(ranges[each] for each in moved)) for each, array in moved.items()}
        cut.update(moved)

    for name, values in feed(opened(graph), samples).items():
        settle(name, values)
    for node in counted("choosing ranges", graph.nodes):
        if node.name not in cut:
            results = apply_node(graph, node, [cut[name] for name in node.inputs])
            for name, values in zip(node.outputs, results, strict=True):
                settle(name, values)
    return ranges


def least_that_counts(graph: Graph, name: str, values: Mapping[str, Array]) -> float:
    """Below it a value may be cut off, as only a softmax reads it, which sees what is near the largest; or -inf.

    `values` are the network's over some samples, with all that is only moved from this one.
    """
    softmax = softmax_reader(graph, name)
    if softmax is None:
        return -np.inf
    assert isinstance(softmax.layer, Softmax)
    read = values[softmax.inputs[0]]
    largest = read.max(axis=softmax.layer.axis % (read.ndim - 1) + 1)
    return float(largest.min(where=largest > HIDDEN, initial=largest.max())) - BELOW_LARGEST


def seen_in_product(graph: Graph, name: str, values: Array, others: Mapping[str, Array]) -> Array:
    """The values, cut to those that show in the product which alone reads them, where they are much smaller.

    A factor shows where the other one is not next to nothing: the reciprocal of
    the length of a row of zeros, 1000 and more, would leave the others no step.
    """
    reader = graph.sole_consumer(name)
    if reader is None or not isinstance(reader.layer, Multiply) or len(reader.inputs) != 2:
        return values
    other = next((each for each in reader.inputs if each != name), name)
    if other not in others or others[other].ndim != values.ndim:
        return values
    sizes = np.abs(others[other])
    shows = sizes > UNSEEN * sizes.max()
    along = tuple(axis for axis, size in enumerate(values.shape) if size == 1 and axis)
    shown = values[np.broadcast_to(shows.any(axis=along, keepdims=True), values.shape)]
    if not shown.size or MUCH_SMALLER * np.abs(shown).max() > np.abs(values).max():
        return values
    return np.clip(values, shown.min(), shown.max())


def softmax_reader(graph: Graph, name: str) -> Node | None:
    """The softmax that alone reads a value, perhaps in another shape."""
    reader = graph.sole_consumer(name)
    while reader is not None and isinstance(reader.layer, (Flatten, Reshape)):
        reader = graph.sole_consumer(reader.name)
    return reader if reader is not None and isinstance(reader.layer, Softmax) else None


def _minmax(values: Array) -> Range:
    """Everything that was seen."""
    return Range(float(values.min()), float(values.max()))


def _percentile(values: Array) -> Range:
    """All but the outermost hundredth of a percent at each end."""
    low, high = np.percentile(values.astype(np.float64), (0.01, 99.99))
    return Range(float(low), float(high))


def _mse(values: Array) -> Range:
    """The range of the smallest mean squared error: what is clipped against how coarse the steps are."""

    def error(drawn: Array, counts: Array, given_back: Array, step: float) -> float:
        return float(np.sum(counts * (given_back * step - drawn) ** 2))

    return _least(values, error)


def _entropy(values: Array) -> Range:
    """The range whose stored values are distributed most like the real ones, by Kullback and Leibler's divergence.

    After Migacz, "8-bit Inference with TensorRT", GTC 2017, with 256 steps over
    a range of both signs.  What is clipped counts at the end of the range.
    Zeros, which every range stores as they are, do not take part.
    """

    def divergence(drawn: Array, counts: Array, stored: Array, step: float) -> float:
        within = np.flatnonzero(np.abs(stored * step - drawn) <= step)
        if not within.size:
            return math.inf
        clipped = counts[within].copy()
        clipped[0] += counts[: within[0]].sum()
        clipped[-1] += counts[within[-1] + 1 :].sum()
        level = (stored[within] - stored[0]).astype(np.int64)
        bins = np.bincount(level, clipped > 0.0)
        spread = (np.bincount(level, counts[within]) / np.maximum(bins, 1.0))[level]
        present = clipped > 0.0
        real, coarse = clipped[present] / clipped.sum(), np.maximum(spread[present], NEXT_TO_NONE)
        coarse /= coarse.sum()
        return float(np.sum(real * np.log(real / coarse)))

    return _least(values[values != 0.0], divergence)


def _least(values: Array, error: Callable[[Array, Array, Array, float], float]) -> Range:
    """The range, its ends both drawn in by a share, of the least error.

    The error is of a histogram: the bins' middles, their counts, the steps from
    0 in which they are stored, and the step.
    """
    if not values.size:
        return Range(0.0, 0.0)
    full = _minmax(values)
    if full.low == full.high:
        return full
    # in float64, as no 4096 bins fit between neighbours of float32
    counts, edges = np.histogram(values.astype(np.float64), bins=BINS)
    drawn, counts = (edges[:-1] + edges[1:]) / 2.0, counts.astype(np.float64)
    best, least = full, np.inf
    for share in np.linspace(1.0, 0.5, 51):
        low, high = min(full.low * share, 0.0), max(full.high * share, 0.0)
        step = (high - low) / 255.0 or 1.0
        first = low / step
        stored = np.clip(np.round(drawn / step - first), 0, 255) + first
        found = error(drawn, counts, stored, step)
        if found < least * (1.0 - 1e-9):
            best, least = Range(low, high), found
    return best


RANGES: Mapping[str, Callable[[Array], Range]] = {
    "minmax": _minmax,
    "percentile": _percentile,
    "mse": _mse,
    "entropy": _entropy,
}
"""The ways to choose a range from a value alone, by name."""
