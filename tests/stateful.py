"""Networks that keep states: any random network, some of whose values are mixed with what earlier runs left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import assume
from networks import LARGEST, MOVED, ROUNDING, samples

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Maximum,
    MaxPooling2D,
    Recurrent,
    Reshape,
    Slice,
)
from mnc.ir.state import State
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.reference.run import apply_node

STATES = 3
STEADY = [
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Maximum,
    MaxPooling2D,
    Reshape,
]
"""Kinds whose values are as near to each other as what they are given is."""


def stateful(graph: Graph, seed: int) -> Graph:
    """The network with up to `STATES` states, of the types of values that it has.

    Behind such a value stands the largest of it and the state, or a window that slides over both; later layers read
    that.  What a state becomes is any value of its type: that one, the value itself, an input, another state.
    """
    assume(not any(isinstance(node.layer, Recurrent) and node.layer.stateful for node in graph.nodes))
    rng = np.random.default_rng(seed)
    nodes = list(graph.nodes)
    states: list[tuple[str, TensorType]] = []
    mixed = []
    names = [name for name, type_ in graph.types.items() if type_.rank]
    for number in range(int(rng.integers(1, STATES + 1))):
        value, state = names[rng.integers(len(names))], f"s{number}"
        type_ = graph.types[value]
        added = _mixed(rng, value, state, type_)
        at = next((i + 1 for i, node in enumerate(nodes) if value in node.outputs), 0)
        behind = [
            replace(node, inputs=tuple(added[-1].name if name == value else name for name in node.inputs))
            for node in nodes[at:]
        ]
        nodes = [*nodes[:at], *added, *behind]
        states.append((state, type_))
        mixed.append(added[-1].name)
    outputs = tuple(mixed[0] if rng.integers(4) == 0 else name for name in graph.outputs)
    if rng.integers(3) == 0:
        outputs += (states[0][0],)
    plain = tuple(State(name, type_, _initial(rng, type_), name) for name, type_ in states)
    types = replace(graph, nodes=tuple(nodes), outputs=outputs, states=plain).types
    kept = []
    for each, last in zip(plain, mixed, strict=True):
        alike = [name for name, type_ in types.items() if type_ == each.type]
        kept.append(replace(each, next=last if rng.integers(2) else alike[rng.integers(len(alike))]))
    return replace(graph, nodes=tuple(nodes), outputs=outputs, states=tuple(kept))


def _mixed(rng: np.random.Generator, value: str, state: str, type_: TensorType) -> Sequence[Node]:
    """Layers that read a state and a value of its type, the last of which gives one more such value."""
    if type_.dtype is DType.FLOAT32 and rng.integers(2):
        return [Node((f"{state}/mixed",), Maximum(), (state, value))]
    rows = type_.shape[0]
    first = int(rng.integers(rows + 1))
    tail = Slice((first, *(0 for _ in type_.shape[1:])), type_.shape, (1,) * type_.rank)
    return [
        Node((f"{state}/window",), Concatenate(0), (state, value)),
        Node((f"{state}/mixed",), tail, (f"{state}/window",)),
    ]


def _initial(rng: np.random.Generator, type_: TensorType) -> Constant:
    """One number or all, of the type's numbers."""
    shape = type_.shape if rng.integers(2) else ()
    if type_.dtype is DType.FLOAT32:
        return Constant(rng.normal(size=shape).clip(-2, 2).astype(np.float32))
    numbers: Array = rng.integers(type_.dtype.least, type_.dtype.most, shape, endpoint=True)
    return Constant(np.asarray(numbers).astype(type_.dtype.numpy))


def is_steady(graph: Graph) -> bool:
    """Whether rounding errors in every value move none by more than tests of float networks allow."""
    with np.errstate(all="ignore"):
        exact, moved = _outputs(graph, 0.0), _outputs(graph, ROUNDING)
    largest = max(1.0, *(float(np.abs(value).max()) for value in exact))
    return largest < LARGEST and all(np.abs(a - b).max() <= MOVED * largest for a, b in zip(exact, moved, strict=True))


def _outputs(graph: Graph, error: float) -> list[Array]:
    """All values of a short sequence, each with a relative error of up to that."""
    rng = np.random.default_rng(0)
    held = {state.name: state.beginning[np.newaxis] for state in graph.states}
    found: list[Array] = []
    for run in zip(*samples(graph), strict=True):
        values = held | {given.name: x[np.newaxis] for given, x in zip(graph.inputs, run, strict=True)}
        for node in graph.nodes:
            made = apply_node(graph, node, [values[name] for name in node.inputs])
            for name, value in zip(node.outputs, made, strict=True):
                values[name] = (value * (1 + rng.uniform(-error, error, value.shape))).astype(np.float32)
        held = {state.name: values[state.next] for state in graph.states}
        found += values.values()
    return found
