"""Layers whose values nobody reads."""

from __future__ import annotations

from mnc.ir.graph import Graph, Node


def remove_dead(graph: Graph) -> Graph:
    """Only the nodes on which some output of the network depends."""
    needed = set(graph.outputs)
    alive: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            alive.append(node)
    return graph.with_nodes(reversed(alive))
