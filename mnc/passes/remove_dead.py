"""Layers whose values nobody reads, and states that no output depends on."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node


def remove_dead(graph: Graph) -> Graph:
    """Only the nodes and the states on which some output of the network depends, in this run or in a later one."""
    needed = set(graph.outputs)
    while True:
        alive = _alive(graph, needed)
        nexts = {state.next for state in graph.states if state.name in needed}
        if nexts <= needed:
            break
        needed |= nexts
    states = tuple(state for state in graph.states if state.name in needed)
    return graph.with_nodes(alive) if len(states) == len(graph.states) else replace(graph, nodes=alive, states=states)


def _alive(graph: Graph, needed: set[str]) -> tuple[Node, ...]:
    """The nodes on which values in `needed` depend; what they read is added to these."""
    alive: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            alive.append(node)
    return tuple(reversed(alive))
