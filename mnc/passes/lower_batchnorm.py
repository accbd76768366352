"""Batch normalisations that were not folded become depthwise 1x1 convolutions."""

from __future__ import annotations

import math

import numpy as np

from mnc.errors import refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import BatchNormalization, DepthwiseConv2D, Reshape
from mnc.ir.types import Array, Constant
from mnc.names import Names
from mnc.passes.move_reshapes import move_reshapes


def lower_batchnorm(graph: Graph) -> Graph:
    """Each BatchNormalization as a DepthwiseConv2D with one weight and one bias per channel.

    A value that is no image becomes one: one row, a pixel for each index before the
    normalised axis, a channel for each index from there on.  A layer that
    requantises stays.  CompileError where a scale or offset is not finite in float32.
    """
    invent = Names(graph.types).new
    nodes: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node.layer, BatchNormalization) or node.layer.output is not None:
            nodes.append(node)
            continue
        shape = graph.output_type(node).shape
        axis = node.layer.axis % len(shape)
        repeated = math.prod(shape[axis + 1 :])
        scale, offset = (np.repeat(vector, repeated) for vector in _scale_and_offset(node, node.layer))
        layer = DepthwiseConv2D(Constant(scale.reshape(1, 1, -1, 1)), Constant(offset))
        if len(shape) == 3 and axis == 2:
            nodes.append(Node(node.outputs, layer, node.inputs, node.origin))
            continue
        image = (1, math.prod(shape[:axis]), scale.size)
        before, after = invent(f"{node.name}/image"), invent(f"{node.name}/scaled")
        nodes.append(Node((before,), Reshape(image), node.inputs, node.origin))
        nodes.append(Node((after,), layer, (before,), node.origin))
        nodes.append(Node(node.outputs, Reshape(shape), (after,), node.origin))
    return move_reshapes(graph.with_nodes(nodes))


def _scale_and_offset(node: Node, norm: BatchNormalization) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        scale, offset = (vector.astype(np.float32) for vector in norm.scale_and_offset())
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        least = float(norm.variance.array.min())
        raise refuse(
            node.where,
            f"its scale is not finite: the smallest variance is {least:g}, epsilon is {norm.epsilon:g}",
            "A variance is never negative; the file may be damaged or the training have diverged.",
        )
    return scale, offset
