"""Where values live before they have addresses: layouts, aliases, buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import (
    Activation,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalPooling,
    Identity,
    Merge,
    Permute,
    Pooling2D,
    PReLU,
    Reshape,
    Resize,
    Reverse,
    Slice,
    ZeroPadding2D,
)
from mnc.names import Names
from mnc.program import Buffer, Layout, Value, up_to

VIEWS = (Flatten, Reshape)
"""Layers whose output is their input under another shape: no code, no memory."""


STRIDED = (
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    GlobalPooling,
    Merge,
    Permute,
    Pooling2D,
    Resize,
    Reverse,
    Slice,
    ZeroPadding2D,
)
"""Layers whose kernels walk their operands by strides, and so take any layout."""


def separate_outputs(graph: Graph) -> Graph:
    """A graph in which every output is memory of its own.

    An output that is an input or a state, or the same memory as an earlier output, is
    copied by an `Identity`: the caller's buffers may not be confused.
    """
    root = roots(graph)
    taken = set(graph.given)
    names = Names(graph.types)
    nodes, outputs = list(graph.nodes), []
    for name in graph.outputs:
        if root(name) in taken:
            copy = names.new(f"{name}.copy")
            nodes.append(Node((copy,), Identity(), (name,), f"output {name!r}"))
            name = copy
        else:
            taken.add(root(name))
        outputs.append(name)
    return replace(graph, nodes=tuple(nodes), outputs=tuple(outputs))


def separate_states(graph: Graph, apart_from: Set[str]) -> Graph:
    """A graph in which the next value of each state is made by an `Identity` of its own, the last of its nodes.

    It writes where the state lies.  A next value that is itself a state is first copied elsewhere, as all states
    change at once.  The states `apart_from` already have a layer that makes their next values and nothing else.
    """
    root, names = roots(graph), Names(graph.types)
    held = {state.name for state in graph.states}
    apart: list[Node] = []
    copies: list[Node] = []
    states = []
    for state in graph.states:
        if state.name in apart_from:
            states.append(state)
            continue
        made, origin = state.next, f"state {state.name!r}"
        if root(made) in held:
            made = names.new(f"{state.name}.kept")
            apart.append(Node((made,), Identity(), (state.next,), origin))
        copy = names.new(f"{state.name}.next")
        copies.append(Node((copy,), Identity(), (made,), origin))
        states.append(replace(state, next=copy))
    return replace(graph, nodes=(*graph.nodes, *apart, *copies), states=tuple(states))


def place_values(
    graph: Graph, planes: Set[str] = frozenset(), interleaving: Callable[[Node], bool] | None = None
) -> tuple[dict[str, Value], dict[str, Buffer]]:
    """A layout for every value and a buffer for every group of views; `planes` are quantised values that lie so.

    Layers for which `interleaving` is true want channels interleaved, whatever their kind.  A state and its next value
    have two buffers of one place.
    """
    root = roots(graph)
    planar = _planar(graph, interleaving) | planes
    inputs = {given.name: i for i, given in enumerate(graph.inputs)}
    outputs = {root(name): i for i, name in enumerate(graph.outputs)}
    kept = _places(graph)
    values: dict[str, Value] = {}
    buffers: dict[str, Buffer] = {}
    for name, type_ in graph.types.items():
        base = root(name)
        if base == name:
            if name in inputs:
                buffers[name] = Buffer(name, "input", type_.bytes, inputs[name], type_.dtype)
            elif name in outputs:
                buffers[name] = Buffer(name, "output", type_.bytes, outputs[name], type_.dtype)
            elif name in kept:
                buffers[name] = Buffer(name, "state", type_.bytes, kept[name], type_.dtype)
            else:
                buffers[name] = Buffer(name, "arena", type_.bytes, 0, type_.dtype)
        layout = Layout.planar(type_.shape) if name in planar else Layout.interleaved(type_.shape)
        values[name] = Value(name, type_, layout, base)
    return values, buffers


def _places(graph: Graph) -> dict[str, int]:
    """The place of each state and of its next value, in bytes from the beginning of the memory that outlives a run."""
    places: dict[str, int] = {}
    end = 0
    for state in graph.states:
        place = up_to(end, state.type.dtype.bytes)
        places[state.name] = places[state.next] = place
        end = place + state.type.bytes
    return places


def roots(graph: Graph) -> Callable[[str], str]:
    """The value that each value is a view of."""
    parent = {node.name: node.inputs[0] for node in graph.nodes if isinstance(node.layer, VIEWS)}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    return root


def _planar(graph: Graph, interleaving: Callable[[Node], bool] | None) -> frozenset[str]:
    """The values to lay out in channel planes.

    A kernel that slides along one channel's row wants the row together.  What
    the caller sees, and what is viewed under another shape, stays interleaved;
    layers that go element by element keep one layout for all their operands.
    """
    group: dict[str, str] = {name: name for name in graph.types}

    def find(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    fixed = {*graph.given, *graph.results}
    fixed |= {name for name, type_ in graph.types.items() if type_.quant is not None}  # dot products go along channels
    wanting: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.layer, VIEWS):
            fixed |= {node.name, node.inputs[0]}
        elif isinstance(node.layer, (Activation, Identity, Merge, PReLU)):
            for name in node.inputs:
                if graph.types[name].shape == graph.types[node.name].shape:
                    group[find(name)] = find(node.name)
        elif isinstance(node.layer, (DepthwiseConv2D, Pooling2D)):
            if interleaving is None or not interleaving(node):
                wanting.add(node.inputs[0])
        elif not isinstance(node.layer, STRIDED):
            fixed |= {*node.inputs, *node.outputs}
    fixed |= {name for name in graph.types if len(graph.types[name].shape) != 3}
    never = {find(name) for name in fixed}
    return frozenset(name for name in graph.types if find(name) in {find(w) for w in wanting} - never)


Values = Mapping[str, Value]
