"""Recurrent layers of whose steps only the last is read give the last alone: the others need no memory."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import GRU, LSTM, Flatten, Reshape, SimpleRNN, Slice
from mnc.ir.types import Shape
from mnc.names import Names


def last_step(graph: Graph) -> Graph:
    """No recurrent layer returns its sequence to a slice of the last step, directly or through reshapes."""
    names = Names(graph.types)
    nodes = {node.name: node for node in graph.nodes}
    for node in graph.nodes:
        rows = _rows(graph, node) if isinstance(node.layer, Slice) else None
        if rows is None or not isinstance(node.layer, Slice):
            continue
        last = (names.new(f"{rows.name}/last"), *rows.outputs[1:])
        nodes[rows.name] = replace(rows, outputs=last, layer=rows.layer.changed(return_sequences=False))
        nodes[node.name] = replace(node, layer=Reshape(node.layer.sizes), inputs=last[:1])
        for name in _between(graph, node):
            del nodes[name]
    return graph.with_nodes(nodes.values())


def _rows(graph: Graph, node: Node) -> Node | None:
    """The recurrent layer of whose steps a slice takes the last, and which nothing else reads; else None."""
    cut = node.layer
    assert isinstance(cut, Slice)
    name = node.inputs[0]
    shape = graph.types[name].shape
    while graph.sole_consumer(name) is not None and name in graph.producers:
        producer = graph.producers[name]
        if isinstance(producer.layer, GRU | LSTM | SimpleRNN):
            is_last = producer.layer.return_sequences and _takes_end(cut, shape, producer.layer.units)
            return producer if is_last and name == producer.outputs[0] else None
        if not isinstance(producer.layer, Reshape | Flatten):
            return None
        (name,) = producer.inputs
    return None


def _takes_end(cut: Slice, shape: Shape, count: int) -> bool:
    """Whether a slice takes the last `count` elements."""
    end = all(start + size == whole for start, size, whole in zip(cut.starts, cut.sizes, shape, strict=True))
    return end and cut.sizes[-1] == count == shape[-1] and set(cut.sizes[:-1]) <= {1} and cut.is_forward


def _between(graph: Graph, node: Node) -> set[str]:
    """The reshapes that a slice reads through."""
    found = set()
    name = node.inputs[0]
    while isinstance(graph.producers[name].layer, Reshape | Flatten):
        found.add(name)
        (name,) = graph.producers[name].inputs
    return found
