"""Chains of reshapes become one, or none."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Flatten, Reshape
from mnc.passes.rewrite import drop


def merge_reshapes(graph: Graph) -> Graph:
    """Every Reshape and Flatten reads what was there before any other reshape, and does something."""
    origin: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.layer, (Reshape, Flatten)):
            (value,) = node.inputs
            origin[node.name] = origin.get(value, value)
            nodes.append(replace(node, inputs=(origin[node.name],)))
        else:
            nodes.append(node)
    same = {name: value for name, value in origin.items() if graph.types[name] == graph.types[value]}
    merged = drop(graph.with_nodes(nodes), same)
    read = {name for node in merged.nodes for name in node.inputs} | set(merged.results)
    return merged.with_nodes(
        node for node in merged.nodes if node.name in read or not isinstance(node.layer, (Reshape, Flatten))
    )
