"""Shift registers: states that hold the last frames, moved on inside their own memory.

A network that reads a state, puts a new frame behind it and keeps the last
rows of both has the same rows in memory twice, and copies them twice.  Here the
state becomes the whole window: a run moves its rows on by one frame, and writes
the new frame behind them.  Whatever reads the window finds it in one piece, so
no kernel knows of rings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Concatenate, Slice
from mnc.ir.state import State
from mnc.ir.types import Array, Constant
from mnc.names import Names
from mnc.program import Call, In, Once, Out, Step, Value

ONE_BEHIND_THE_OTHER = {
    f"{side}_{axis}": int(axis == "channel") for side in ("in", "out") for axis in ("row", "pixel", "channel")
}


@dataclass(frozen=True)
class Register:
    """A state of N rows whose next value is its last N - n rows with n new ones behind them."""

    state: str
    rest: str
    """The state without the rows that leave it, which is no memory of its own."""
    added: str
    window: str
    """The next value."""


def with_registers(graph: Graph, root: Callable[[str], str]) -> tuple[Graph, tuple[Register, ...]]:
    """The graph with each shift register as one state of all its rows; `root` tells the value that one is a view of."""
    given_out = {root(name) for name in graph.outputs}
    names = Names(graph.types)
    found = []
    for state in graph.states:
        nexts = [other.next for other in graph.states]
        window = _window(graph, state)
        if window is None or window.name in given_out:
            continue
        tail = state.next
        axis = _rows_axis(window, graph)
        grown = _grown(state, window.name, graph.types[window.name].shape[axis], axis)
        if tail != window.name and window.name in nexts:
            continue
        rest = names.new(f"{state.name}.rest")
        moved, whole = graph.types[window.inputs[1]].shape[axis], grown.type.shape
        cut = Slice(
            tuple(moved if i == axis else 0 for i in range(len(whole))),
            tuple(n - moved if i == axis else n for i, n in enumerate(whole)),
            (1,) * len(whole),
        )
        kept = Node((rest,), cut, (state.name,), window.origin)
        joined = replace(window, inputs=(rest, window.inputs[1]))
        idle = {window.inputs[0]} if window.inputs[0] != state.name else set()
        if tail != window.name and not graph.consumers[tail] and nexts.count(tail) == 1 and tail not in given_out:
            idle.add(tail)
        nodes: list[Node] = []
        for node in graph.nodes:
            if node is window:
                nodes += [kept, joined]
            elif node.name not in idle:
                nodes.append(node)
        states = tuple(grown if each is state else each for each in graph.states)
        graph = replace(graph, nodes=tuple(nodes), states=states)
        found.append(Register(state.name, rest, window.inputs[1], window.name))
    return graph, tuple(found)


def _window(graph: Graph, state: State) -> Node | None:
    """The layer that puts new rows behind a state's, where nothing else reads the state and its tail is what stays."""
    reader = graph.sole_consumer(state.name)
    if reader is not None and isinstance(reader.layer, Slice):
        cut, reader = reader.layer, graph.sole_consumer(reader.name)
        if reader is None or not isinstance(reader.layer, Concatenate):
            return None
        if not _is_tail(cut, state.type.shape, _rows_axis(reader, graph)):
            return None
    if reader is None or not isinstance(reader.layer, Concatenate) or len(reader.inputs) != 2:
        return None
    window, (first, added) = graph.output_type(reader), reader.inputs
    axis = _rows_axis(reader, graph)
    if any(n != 1 for n in window.shape[:axis]):  # its rows do not lie one behind the other
        return None
    if added == first or first not in (state.name, *_slices(graph, state)):
        return None
    kinds = {(type_.dtype, type_.quant) for type_ in (window, graph.types[added], state.type)}
    if len(kinds) != 1 or (reader.layer.output is not None and reader.layer.output.quant != state.type.quant):
        return None
    if state.next == reader.name:
        return reader
    producer = graph.producers.get(state.next)
    if first != state.name or producer is None or producer.inputs != (reader.name,):
        return None
    return reader if isinstance(producer.layer, Slice) and _is_tail(producer.layer, window.shape, axis) else None


def _rows_axis(window: Node, graph: Graph) -> int:
    """The axis along which new rows are put behind others, counted from 0."""
    assert isinstance(window.layer, Concatenate)
    return window.layer.axis % graph.output_type(window).rank


def _slices(graph: Graph, state: State) -> list[str]:
    return [node.name for node in graph.consumers[state.name] if isinstance(node.layer, Slice)]


def _is_tail(layer: Slice, shape: tuple[int, ...], axis: int) -> bool:
    """Whether a slice of a value of this shape is its last rows along `axis`, whole."""
    ends = [start + size == n for start, size, n in zip(layer.starts, layer.sizes, shape, strict=True)]
    whole = [size == n for i, (size, n) in enumerate(zip(layer.sizes, shape, strict=True)) if i != axis]
    return all(ends) and all(whole) and all(step == 1 for step in layer.steps) and layer.output is None


def _grown(state: State, window: str, rows: int, axis: int) -> State:
    """The state with rows in front that nothing reads before they have left it."""
    shape = tuple(rows if i == axis else n for i, n in enumerate(state.type.shape))
    initial = state.initial
    if initial.shape:
        begin: Array = state.beginning
        front = np.repeat(begin.take([0], axis), rows - begin.shape[axis], axis)
        initial = Constant(np.concatenate([front, begin], axis))
    return State(state.name, replace(state.type, shape=shape), initial, window, state.held)


def moved_on(node: Node, register: Value, added: Value, window: Value) -> Step:
    """The rows that stay moved to the front, from the first on, and the new ones written behind them."""
    kernel = f"mnc_copy_{window.type.dtype.suffix}"
    new = added.type.elements
    stay = window.type.elements - new

    def copy(source: In, target: Out, count: int) -> Call:
        sizes = {"rows": 1, "pixels": 1, "channels": count}
        return Call(kernel, {"in": source, "out": target, **sizes, **ONE_BEHIND_THE_OTHER})

    move, append = copy(In(0, offset=new), Out(), stay), copy(In(1), Out(stay), new)
    return Step(node, (register, added), (window,), (move,), Once(in_place=True), after=(append,))
