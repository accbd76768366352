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
from mnc.quantise.quality import correlation


@dataclass(frozen=True)
class Accuracy:
    """Of a network that chooses among classes: shares of the samples, from 0 to 1."""

    samples: int
    model: float
    """Where the network as it was read chooses the right class."""
    code: float
    """Where the generated code does."""
    agreement: float
    """Share of the samples for which both choose one class."""


@dataclass(frozen=True)
class Errors:
    """How far numbers are from the right ones, over all samples and elements."""

    rmse: float
    """The root of the mean squared error."""
    mae: float
    """The mean absolute error."""
    correlation: float | None
    """Pearson's; None where one side does not vary."""

    @classmethod
    def of(cls, got: Array, right: Array) -> Errors:
        """Of two arrays of one shape."""
        error = got.astype(np.float64) - right
        return cls(float(np.sqrt(np.mean(error**2))), float(np.mean(np.abs(error))), correlation(right, got))


@dataclass(frozen=True)
class Regression:
    """Of a network that gives numbers."""

    samples: int
    model: Errors
    """The network as it was read."""
    code: Errors
    """The generated code."""


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
    by_model, by_code = choices(expected), choices(outputs)
    return Accuracy(
        samples=len(truth),
        model=float(np.mean(by_model == truth)),
        code=float(np.mean(by_code == truth)),
        agreement=float(np.mean(by_model == by_code)),
    )


def choices(outputs: Array | list[Array]) -> Array:
    """The class that each sample's scores are largest for, (samples,); of one score, whether it is 0.5 or more."""
    assert isinstance(outputs, np.ndarray), "see `classes`"
    rows = outputs.reshape(len(outputs), -1)
    return np.asarray(rows.argmax(axis=1) if rows.shape[1] > 1 else (rows[:, 0] >= 0.5).astype(np.int64))
