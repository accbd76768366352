"""Signs that calibration samples were not prepared as those of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import BatchNormalization
from mnc.ir.types import Array, DType
from mnc.quantise.sequences import opened
from mnc.reference import evaluate

ENOUGH = 16
"""How many samples are looked at in front of a normalisation."""
TOO_LARGE = 10.0
"""Deviations: the middle channel's usual distance from the mean of training; samples as trained have 0.9 to 2.1."""
TOO_SMALL = 0.1
"""Deviations: how far the middle channel varies; that of samples as trained does by 0.65 to 2.1."""

FAR = 2.0
"""Values that lie beyond what is covered by this factor are spoken of."""


def doubts(graph: Graph, samples: Sequence[Array], *, scaled: bool = False) -> tuple[str, ...]:
    """A sentence for each thing to look at, none of which is wrong in itself.

    `graph` is the network as it was read, whose batch normalisations know what it
    was trained on; `samples` are `Samples.arrays`; `scaled` as in `Scheme`.
    """
    found = []
    trained = _by_normalisation(graph, samples)
    for given, array in zip(graph.inputs, samples, strict=False):  # states are behind them
        where = f"calibration: input {given.name!r}"
        if len(array) > 1 and (array == array[0]).all():
            found.append(f"{where}: all samples are the same")
        elif trained is None and not scaled and _are_bytes(array):
            found.append(
                f"{where}: the samples are whole numbers up to {array.max():g}, as pixels are stored; "
                "scale them if the network was trained on scaled ones"
            )
    return (*found, *([trained] if trained else []))


def _are_bytes(array: Array) -> bool:
    return bool(array.min() >= 0.0 and 128.0 <= array.max() <= 255.0 and (array == np.floor(array)).all())


def _by_normalisation(graph: Graph, samples: Sequence[Array]) -> str | None:
    """A warning from the statistics of the first batch normalisation; empty: nothing is odd; None: there is none."""
    if any(type_.dtype is not DType.FLOAT32 for type_ in graph.types.values()):
        return None
    node = next((node for node in graph.nodes if isinstance(node.layer, BatchNormalization)), None)
    if node is None:
        return None
    start = f"calibration: the network was trained on other samples: in front of {node.name!r} these "
    as_trained = "prepare them as for training"
    distances = _distances(graph, node, [array[:ENOUGH] for array in samples])
    far = float(np.median(np.sqrt(np.mean(distances**2, axis=0))))
    if far > TOO_LARGE:
        return f"{start}are {far:.0f} deviations off the mean; {as_trained}"
    narrow = float(np.median(distances.std(axis=0)))
    if narrow < TOO_SMALL:
        return f"{start}vary by {narrow:.3f} of a deviation only; {as_trained}"
    return ""


def _distances(graph: Graph, node: Node, samples: Sequence[Array]) -> Array:
    """(places, channels): how many deviations the values in front of a normalisation are off the mean of training."""
    layer = node.layer
    assert isinstance(layer, BatchNormalization)
    ahead = graph.nodes[: graph.nodes.index(node)]
    values = evaluate(replace(opened(graph), nodes=ahead, outputs=node.inputs), samples)
    x = np.moveaxis(values[node.inputs[0]][:, ...], layer.axis if layer.axis < 0 else layer.axis + 1, -1)
    deviation = np.sqrt(layer.variance.array.astype(np.float64) + layer.epsilon)
    return np.asarray((x.reshape(-1, x.shape[-1]) - layer.mean.array) / deviation)


def far_out(graph: Graph, samples: Sequence[Array], cut: Sequence[Array]) -> tuple[str, ...]:
    """A sentence for each input some of whose numbers lie far outside the range to which they were `cut`."""
    found = []
    for given, array, covered in zip(graph.inputs, samples, cut, strict=False):
        far = array[np.abs(array) / FAR > np.abs(covered).max()]
        if far.size:
            found.append(
                f"calibration: input {given.name!r}: {far.size:,} of {array.size:,} numbers lie far outside "
                f"{covered.min():g} to {covered.max():g}, as {far[np.abs(far).argmax()]:g} does; they are cut off"
            )
    return tuple(found)
