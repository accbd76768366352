"""Separable convolutions become the two convolutions that they stand for."""

from __future__ import annotations

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import SeparableConv2D
from mnc.names import Names


def decompose_separable(graph: Graph) -> Graph:
    """Each SeparableConv2D as a DepthwiseConv2D and a pointwise Conv2D."""
    invent = Names(graph.types).new
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.layer, SeparableConv2D):
            depthwise, pointwise = node.layer.parts()
            between = invent(f"{node.name}/depthwise")
            nodes.append(Node((between,), depthwise, node.inputs, node.origin))
            nodes.append(Node(node.outputs, pointwise, (between,), node.origin))
        else:
            nodes.append(node)
    return graph.with_nodes(nodes)
