"""Reshapes go behind element-by-element layers, which then stand next to the layers that they can be fused with."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, BatchNormalization, Flatten, Reshape
from mnc.ir.types import Shape
from mnc.names import Names
from mnc.passes.rewrite import rewrite_pairs


def move_reshapes(graph: Graph) -> Graph:
    """Each Reshape or Flatten behind the activations and normalisations that are its only readers.

    A BatchNormalization of the last axis stays one where the reshape keeps that axis.
    """
    invent = Names(graph.types).new
    shapes = {name: type_.shape for name, type_ in graph.types.items()}

    def swap(reshape: Node, reader: Node) -> tuple[Node, ...] | None:
        before, after = shapes[reshape.inputs[0]], shapes[reshape.name]
        if not (isinstance(reshape.layer, (Reshape, Flatten)) and _indifferent(reader.layer, before, after)):
            return None
        name = invent(f"{reader.name}/moved")
        shapes[name] = before
        layer = replace(reader.layer, axis=-1) if isinstance(reader.layer, BatchNormalization) else reader.layer
        return (
            replace(reader, outputs=(name,), layer=layer, inputs=reshape.inputs),
            replace(reshape, outputs=reader.outputs, inputs=(name,)),
        )

    return graph.with_nodes(rewrite_pairs(graph, swap))


def _indifferent(layer: Layer, before: Shape, after: Shape) -> bool:
    """Whether the layer does the same to each element under both shapes."""
    if isinstance(layer, BatchNormalization):
        return layer.axis % len(after) == len(after) - 1 and before[-1:] == after[-1:]
    return isinstance(layer, Activation)
