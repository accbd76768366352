"""How the numbers of a network are spread: its weights, and its values over samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnc.compiler import Build
from mnc.ir.types import Array, TensorType
from mnc.reference import evaluate
from mnc.samples import random_inputs

BINS = 32
SAMPLES = 16
"""The most samples that values are observed on."""


@dataclass(frozen=True)
class Histogram:
    """Numbers counted in bins of one width."""

    layer: str
    of: str
    """`weights` or `output`."""
    edges: tuple[float, ...]
    """Of the bins, one more than these."""
    counts: tuple[int, ...]
    low: float | None = None
    """The least number that the integer type has a value for; None where the numbers stay float32."""
    high: float | None = None


def weights(build: Build) -> tuple[Histogram, ...]:
    """The largest constant of each layer that has weights, as real numbers."""
    found = []
    for node in build.graph.nodes:
        constants = sorted(node.layer.constants.values(), key=lambda constant: -constant.array.size)
        if constants and constants[0].array.size > 1:
            found.append(_counted(node.name, "weights", constants[0].type.real(constants[0].array)))
    return tuple(found)


def outputs(build: Build, samples: Sequence[Array] | None) -> tuple[tuple[Histogram, ...], str]:
    """The layers' outputs, and in words on what samples: those given, or that judge quantisation, or random ones.

    Of a network that was quantised the values are the float network's, and the
    range is that which was chosen for them.
    """
    real, judging = build.prepared.real, build.prepared.judging
    graph = build.graph if real is None else real
    if samples is not None:
        xs, words = [each[:SAMPLES] for each in samples], "given"
    elif judging is not None:
        xs, words = [each[:SAMPLES] for each in judging.arrays[: len(graph.inputs)]], "that judge the quantisation"
    else:
        xs, words = random_inputs(graph), "of random numbers"
    values = evaluate(graph, xs)
    found = []
    for name, type_ in _observed(build):
        if name in values:
            found.append(_counted(name, "output", graph.types[name].real(values[name]), type_))
    return tuple(found), f"{len(xs[0])} samples {words}"


def _observed(build: Build) -> Iterator[tuple[str, TensorType]]:
    """The layers' first outputs as they were compiled."""
    return ((node.name, build.graph.output_type(node)) for node in build.graph.nodes)


def _counted(layer: str, of: str, numbers: Array, type_: TensorType | None = None) -> Histogram:
    finite = numbers[np.isfinite(numbers)].astype(np.float64)
    counts, edges = np.histogram(finite, BINS) if finite.size else (np.zeros(BINS, int), np.linspace(0, 1, BINS + 1))
    low = high = None
    if type_ is not None and type_.quant is not None and type_.quant.axis is None:
        low, high = (float(each) for each in type_.real(np.array([type_.dtype.least, type_.dtype.most])))
    return Histogram(layer, of, tuple(map(float, edges)), tuple(map(int, counts)), low, high)
