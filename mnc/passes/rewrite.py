"""How passes change a network: pairs of neighbours, dropped values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mnc.ir.graph import Graph, Node

PairRule = Callable[[Node, Node], tuple[Node, ...] | None]
"""The nodes that replace a node and its only reader; None: they stay as they are."""


def rewrite_pairs(graph: Graph, rule: PairRule) -> tuple[Node, ...]:
    """The nodes of the network after `rule` was applied until it applies nowhere.

    The rule is asked about every node with one output and the node that reads
    it, where nobody else does and the reader has no other input.  The last
    node that it returns defines the reader's outputs; names that it invents
    are read by the nodes that it returns with them and by nobody else.

    One sweep reaches the fixpoint: when a node comes to be paired with its
    producer, that producer is final, and what the rule returns is paired anew.
    """
    done: dict[str, Node] = {}

    def sole_producer(node: Node) -> Node | None:
        if len(node.inputs) != 1:
            return None
        (value,) = node.inputs
        producer = done.get(value)
        if producer is None or len(producer.outputs) != 1:
            return None
        invented = value not in graph.types
        return producer if invented or graph.sole_consumer(value) is not None else None

    for node in graph.nodes:
        waiting = [node]
        while waiting:
            reader = waiting.pop()
            producer = sole_producer(reader)
            rewritten = rule(producer, reader) if producer is not None else None
            if producer is None or rewritten is None:
                done[reader.name] = reader
            else:
                del done[producer.name]
                waiting.extend(reversed(rewritten))
    return tuple(done.values())


def drop(graph: Graph, dropped: Mapping[str, str]) -> Graph:
    """The network without nodes that do nothing: the value `dropped[name]` is read instead of `name`.

    Outputs of the network keep their names: the replacement takes the name
    over, or, where it has one to keep itself, the node stays as a copy.  A
    state's next value has no name to keep.
    """
    source: dict[str, str] = {}
    for node in graph.nodes:
        if node.name in dropped:
            before = dropped[node.name]
            source[node.name] = source.get(before, before)
    if not source:
        return graph

    renamed: dict[str, str] = {}
    copies: set[str] = set()
    fixed = set(graph.given) | set(graph.outputs)
    for name in dict.fromkeys(graph.outputs):
        if name in source:
            if source[name] in fixed or source[name] in renamed:
                copies.add(name)
            else:
                renamed[source[name]] = name

    def current(name: str) -> str:
        origin = source.get(name, name)
        return renamed.get(origin, origin)

    nodes = tuple(
        replace(
            node,
            outputs=tuple(renamed.get(name, name) for name in node.outputs),
            inputs=tuple(map(current, node.inputs)),
        )
        for node in graph.nodes
        if node.name not in source or node.name in copies
    )
    states = tuple(
        replace(state, next=state.next if state.next in copies else current(state.next)) for state in graph.states
    )
    return replace(graph, nodes=nodes, states=states)
