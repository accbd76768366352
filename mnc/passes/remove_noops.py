"""Layers that give their input back."""

from __future__ import annotations

from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    NO_PADDING,
    Activation,
    Broadcast,
    Concatenate,
    Cropping2D,
    Flatten,
    Identity,
    Permute,
    Pooling2D,
    Quantize,
    Reshape,
    Resize,
    Reverse,
    Slice,
    Take,
    ZeroPadding2D,
)
from mnc.ir.types import TensorType
from mnc.passes.ranges import Range, is_identity, ranges
from mnc.passes.rewrite import drop


def remove_noops(graph: Graph) -> Graph:
    """The network without layers whose output equals their only input."""
    known = ranges(graph)
    dropped = {}
    for node in graph.nodes:
        if len(node.inputs) == 1:
            (value,) = node.inputs
            x = graph.types[value]
            # a layer that requantises does something, whatever else it does
            if graph.output_type(node) == x and _does_nothing(node.layer, x, known[value]):
                dropped[node.name] = value
    return drop(graph, dropped)


def _does_nothing(layer: Layer, x: TensorType, within: Range) -> bool:
    """Whether the layer, whose output has the type of its only input `x`, gives it back."""
    match layer:
        case (
            Identity() | Concatenate() | Reshape() | Flatten() | Broadcast() | Resize() | Quantize()
        ):  # of one input, which has the same shape and scale
            return True
        case Permute():
            return layer.axes == tuple(range(x.rank))
        case Reverse():
            return x.shape[layer.axis] == 1
        case Slice():  # of all elements
            return layer.is_forward
        case Take():
            return layer.indices == tuple(range(x.shape[layer.axis]))
        case Cropping2D():
            return layer.cropping == NO_PADDING
        case ZeroPadding2D():
            return layer.padding == NO_PADDING
        case Pooling2D():
            return layer.pool == layer.stride == (1, 1) and layer.padding == NO_PADDING
        case Activation():
            return is_identity(layer.function, within)
    return False
