"""How often a network is right, or how near to it, before and after it became code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import Sigmoid
from mnc.ir.graph import Graph
from mnc.ir.layers import Softmax
from mnc.ir.types import Array
from mnc.quantise.quality import correlation, decibels


@dataclass(frozen=True)
class Choices:
    """How often classes that were chosen are the right ones: shares of the samples, from 0 to 1."""

    accuracy: float
    top: float | None
    """Where the right class is among the `TOP` with the largest scores; None where there are no more classes."""
    auc: float | None
    """Area under the curve of true against false positives; None unless there are two classes, and samples of both."""
    confusion: tuple[tuple[int, ...], ...]
    """For each right class, how often each class was chosen."""

    @classmethod
    def of(cls, outputs: Array, right: Array) -> Choices:
        """Of the scores for each sample, (samples, ...), and the right classes, (samples,)."""
        rows, chosen = outputs.reshape(len(outputs), -1).astype(np.float64), choices(outputs)
        count = max(rows.shape[1], 2)
        confusion = np.zeros((count, count), np.int64)
        np.add.at(confusion, (right, chosen), 1)
        best = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
        return cls(
            accuracy=float(np.mean(chosen == right)),
            top=float(np.mean((best == right[:, None]).any(axis=1))) if count > TOP else None,
            auc=area_under_curve(rows[:, -1] - (rows[:, 0] if rows.shape[1] == 2 else 0.0), right)
            if count == 2
            else None,
            confusion=tuple(tuple(map(int, row)) for row in confusion),
        )


TOP = 5
"""How many classes with the largest scores count for `Choices.top`."""


@dataclass(frozen=True)
class Accuracy:
    """Of a network that chooses among classes."""

    samples: int
    model: Choices
    """The network as it was read."""
    code: Choices
    """The generated code."""
    agreement: float
    """Share of the samples for which both choose one class."""


@dataclass(frozen=True)
class Errors:
    """How far numbers are from the right ones, over all samples and elements."""

    rmse: float
    """The root of the mean squared error."""
    mae: float
    """The mean absolute error."""
    r2: float | None
    """Share of the variance that is explained; None where the right numbers do not vary."""
    cosine: float | None
    """Of the angle between them as vectors; None where one is zero."""
    sqnr: float | None
    """Power of the right numbers over that of the error, in dB; None where one of them is zero."""
    correlation: float | None
    """Pearson's; None where one side does not vary."""

    @classmethod
    def of(cls, got: Array, right: Array) -> Errors:
        """Of two arrays of one shape."""
        x, y = got.astype(np.float64), right.astype(np.float64)
        error = x - y
        spread, lengths = float(np.sum((y - y.mean()) ** 2)), float(np.sqrt(np.sum(x**2) * np.sum(y**2)))
        ratio = decibels(y, x)
        return cls(
            rmse=float(np.sqrt(np.mean(error**2))),
            mae=float(np.mean(np.abs(error))),
            r2=1.0 - float(np.sum(error**2)) / spread if spread > 0.0 else None,
            cosine=float(np.sum(x * y)) / lengths if lengths > 0.0 else None,
            sqnr=ratio if np.isfinite(ratio) else None,
            correlation=correlation(right, got),
        )


@dataclass(frozen=True)
class Regression:
    """Of a network that gives numbers."""

    samples: int
    model: Errors
    """The network as it was read."""
    code: Errors
    """The generated code."""


def area_under_curve(scores: Array, right: Array) -> float | None:
    """The share of pairs of a 1 and a 0 in which the 1 has the larger score, equal ones counted half."""
    ones, zeros = int(np.sum(right == 1)), int(np.sum(right == 0))
    if not ones or not zeros:
        return None
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((np.sum(rank[group.ravel()][right == 1]) - ones * (ones + 1) / 2) / (ones * zeros))


def elements(graph: Graph) -> int:
    """How many elements the only output has; CompileError where there are several outputs."""
    sizes = [graph.types[name].elements for name in graph.outputs]
    if len(sizes) != 1:
        hint = "labels are for a network with one output"
        raise refuse(f"network {graph.name!r}", f"has {len(sizes)} outputs", hint)
    return sizes[0]


def classes(graph: Graph) -> int:
    """Among how many classes the network chooses; CompileError where it does not."""
    count = elements(graph)
    if count < 2:
        hint = "labels are for a network that chooses among classes"
        raise refuse(f"network {graph.name!r}", "has one output element", hint)
    return count


def gives_probabilities(graph: Graph) -> bool:
    """Whether the last layer is a softmax or a sigmoid, so that the network chooses rather than measures."""
    node = graph.producers.get(graph.outputs[0])
    if node is None:
        return False
    function = getattr(node.layer, "function", None) or getattr(node.layer, "activation", None)
    return isinstance(node.layer, Softmax) or isinstance(function, Sigmoid)


def judge(graph: Graph, samples: Sequence[Array], outputs: Array, truth: Array) -> Accuracy | Regression:
    """Accuracy, or error, of `graph` and of its code over samples with known truth.

    `samples` holds one array for each input, as `graph` takes them; `outputs` are
    the code's results for them, as real numbers; `truth` is as `load_truth` has it.
    """
    expected = graph.predict(list(samples))
    assert isinstance(expected, np.ndarray), "see `elements`"
    expected = graph.types[graph.outputs[0]].real(expected) if expected.dtype.kind == "i" else expected
    if truth.dtype.kind == "f":
        return Regression(
            len(truth), Errors.of(expected.reshape(truth.shape), truth), Errors.of(outputs.reshape(truth.shape), truth)
        )
    agreement = float(np.mean(choices(expected) == choices(outputs)))
    return Accuracy(len(truth), Choices.of(expected, truth), Choices.of(outputs, truth), agreement)


def choices(outputs: Array | list[Array]) -> Array:
    """The class that each sample's scores are largest for, (samples,); of one score, whether it is 0.5 or more."""
    assert isinstance(outputs, np.ndarray), "see `classes`"
    rows = outputs.reshape(len(outputs), -1)
    return np.asarray(rows.argmax(axis=1) if rows.shape[1] > 1 else (rows[:, 0] >= 0.5).astype(np.int64))
