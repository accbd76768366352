"""Activations become part of the layer that computes their input."""

from __future__ import annotations

from dataclasses import replace

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Activation, Linear, Merge, SeparableConv2D
from mnc.passes.rewrite import rewrite_pairs

FUSIBLE = (Linear, SeparableConv2D, Merge)


def fuse_activation(graph: Graph) -> Graph:
    """Each Activation in the layer before it, where it is the only reader and that layer has none yet.

    Where the layer before it requantises, both stay: one rounding is not two.
    """
    return graph.with_nodes(rewrite_pairs(graph, _fuse))


def _fuse(producer: Node, reader: Node) -> tuple[Node, ...] | None:
    if not (isinstance(reader.layer, Activation) and isinstance(producer.layer, FUSIBLE)):
        return None
    if producer.layer.activation is not None or producer.layer.output is not None:
        return None
    layer = producer.layer.changed(activation=reader.layer.function)
    return (replace(producer, outputs=reader.outputs, layer=layer),)
