"""Normalisations in front of a network stay in float where one scale for all features would lose some of them.

A sensor's features can differ by orders of magnitude; the network sees them
alike, because its first layer normalises them.  Folded into the weights behind
it, the normalisation is gone, and in the steps of the largest feature nothing
is left of the smallest.  So it is kept, and its result is what is quantised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mnc.errors import argument, refuse
from mnc.ir.graph import Graph, Input
from mnc.ir.layers import (
    BatchNormalization,
    Broadcast,
    Concatenate,
    Cropping2D,
    Flatten,
    Identity,
    Permute,
    Reshape,
    Reverse,
    Slice,
    Take,
)
from mnc.ir.types import Array, DType, Features, TensorType
from mnc.passes import optimise
from mnc.quantise.judge import judged
from mnc.quantise.pipeline import Quantised, Refusals, Scheme
from mnc.quantise.scales import quantisation
from mnc.quantise.sensitivity import round_to
from mnc.quantise.sequences import representative
from mnc.reference import evaluate

MOVING = (Broadcast, Concatenate, Cropping2D, Flatten, Identity, Permute, Reshape, Reverse, Slice, Take)
"""Layers between an input and a normalisation that leave every number what it is."""

ENOUGH = 1000.0
"""Ratio (30 dB) of a feature's variance to its rounding error above which the feature is left alone."""

LEAST = 2.0**-40
"""Of a feature that a normalisation multiplies by 0, or nearly, this factor stays, in steps: only the offset counts."""

WORTH = 4.0
"""By this factor the error has to be smaller behind the normalisation, one bit."""


class Split(NamedTuple):
    """A network in two."""

    front: Graph
    """From the network's inputs to normalised values and whatever else is read behind them."""
    rest: Graph
    """Its inputs are the outputs of `front`."""


def quantised(graph: Graph, scheme: Scheme, refusals: Refusals, strange: Sequence[str] = ()) -> Quantised:
    """Quantise a float graph as it was read, optimised, with its leading normalisations in float where that pays.

    `strange` is as for `judged`.  CompileError as there, and where integer
    inputs cannot keep the features.
    """
    is_float = all(type_.quant is None for type_ in graph.types.values())
    parts = split(optimise(graph, after="move-reshapes")) if is_float else None
    if parts is None or scheme.calibration is None:
        return judged(optimise(graph), scheme, refusals, strange)
    samples = representative(graph, scheme.calibration)
    inputs = samples.arrays[: len(graph.inputs)]
    lost = lost_features(parts, inputs, DType.INT16 if scheme.quantize == "int16x8" else DType.INT8)
    if not lost:
        return judged(optimise(graph), scheme, refusals, strange)
    values = evaluate(parts.front, inputs)
    arrays = (*(values[name] for name in parts.front.outputs), *samples.arrays[len(graph.inputs) :])
    behind = replace(scheme, calibration=replace(samples, names=tuple(parts.rest.given), arrays=arrays))
    found = judged(optimise(parts.rest), behind, refusals, strange)
    if any(given.type.quant is not None for given in found.graph.inputs):
        return replace(found, graph=_stored_by_feature(parts, found.graph, lost))
    whole = replace(found.graph, inputs=graph.inputs, nodes=(*parts.front.nodes, *found.graph.nodes))
    return replace(found, graph=whole)


def _stored_by_feature(parts: Split, integers: Graph, lost: Sequence[str]) -> Graph:
    """`integers`, whose inputs are normalised values, with the normalisations as part of how its inputs are stored.

    CompileError where they are not of one input each, which nothing else reads.
    """
    front = parts.front
    inputs, names = [], {}
    for value, inside in zip(front.outputs, integers.inputs, strict=True):
        norms: list[BatchNormalization] = []
        name = value
        while name in front.producers and isinstance(layer := front.producers[name].layer, BatchNormalization):
            norms.insert(0, layer)
            (name,) = front.producers[name].inputs
        alone = name not in front.producers and len(front.consumers[name]) + (name in front.outputs) == 1
        features = _features(norms, inside.type) if alone and inside.type.quant is not None else None
        if not alone or (norms and features is None):
            what = f"one scale for all features leaves too little of {', '.join(lost)}"
            outside = "or normalise them outside of the network"
            raise refuse(argument("quantize"), what, "let the network take floats: `--io float`", outside)
        quant = None if inside.type.quant is None else replace(inside.type.quant, features=features)
        inputs.append(Input(name, replace(inside.type, quant=quant)))
        names[value] = name
    nodes = (replace(node, inputs=tuple(names.get(each, each) for each in node.inputs)) for node in integers.nodes)
    outputs = tuple(names.get(each, each) for each in integers.outputs)
    states = tuple(replace(each, next=names.get(each.next, each.next)) for each in integers.states)
    return replace(integers, inputs=tuple(inputs), nodes=tuple(nodes), outputs=outputs, states=states)


def _features(norms: Sequence[BatchNormalization], type_: TensorType) -> Features | None:
    """How numbers before normalisations are stored as `type_` stores them behind these; None for different axes."""
    axes = {norm.axis % type_.rank for norm in norms}
    if len(axes) != 1 or type_.quant is None:
        return None
    scale, offset = np.float64(1.0), np.float64(0.0)
    for norm in norms:
        by, plus = norm.scale_and_offset()
        scale, offset = scale * by, offset * by + plus
    step = type_.quant.scale[0]
    scale = np.where(np.abs(scale) < step * LEAST, step * LEAST, scale)
    stored, shift = (step / scale).astype(np.float32), (-offset / scale).astype(np.float32)
    return Features(tuple(map(float, stored)), tuple(map(float, shift)), axes.pop())


def split(graph: Graph) -> Split | None:
    """The network before and behind its leading normalisations; None where it has none, or nothing behind them."""
    known = {given.name for given in graph.inputs}
    leading = {}
    for node in graph.nodes:
        if isinstance(node.layer, (*MOVING, BatchNormalization)) and known.issuperset(node.inputs):
            known.add(node.name)
            leading[node.name] = node
    front: set[str] = set()
    for node in reversed(leading.values()):
        if isinstance(node.layer, BatchNormalization) or node.name in front:
            front |= {node.name, *node.inputs}
    first = tuple(node for node in graph.nodes if node.name in front)
    last = tuple(node for node in graph.nodes if node.name not in front)
    if not first or not last:
        return None
    read = {name for node in last for name in node.inputs} | set(graph.results)
    made = {*(name for node in last for name in node.outputs), *(state.name for state in graph.states)}
    passed = tuple(name for name in graph.types if name in read and name not in made)
    inputs = tuple(Input(name, graph.types[name]) for name in passed)
    return Split(replace(graph, nodes=first, outputs=passed, states=()), replace(graph, inputs=inputs, nodes=last))


def lost_features(parts: Split, samples: Sequence[Array], dtype: DType) -> tuple[str, ...]:
    """The features that are lost if the inputs are quantised and not the normalised values, in words."""
    exact = evaluate(parts.front, samples)
    rounded = [_rounded(x, dtype) if x.dtype == np.float32 else x for x in samples]
    got = evaluate(parts.front, rounded)
    found = []
    for node in parts.front.nodes:
        if not isinstance(node.layer, BatchNormalization) or node.name not in parts.front.outputs:
            continue
        value = exact[node.name].astype(np.float64)
        axis = node.layer.axis % (value.ndim - 1) + 1
        others = tuple(each for each in range(value.ndim) if each != axis)
        before = np.mean((got[node.name] - value) ** 2, axis=others)
        behind = np.mean((_rounded(exact[node.name], dtype) - value) ** 2, axis=others)
        lost = (before * ENOUGH > value.var(axis=others)) & (before > WORTH * behind)
        found += [f"{node.name!r}[{index}]" for index in np.flatnonzero(lost)]
    return tuple(found)


def _rounded(values: Array, dtype: DType) -> Array:
    """Real numbers after they were stored with one scale that covers them all."""
    return round_to(values, quantisation(float(values.min()), float(values.max()), dtype), dtype)
