"""Clamped activations scaled so that they clip at 2, where a core clamps in one instruction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Cropping2D, Flatten, GlobalPooling, Linear, Permute, Pooling2D, Reshape, Reverse
from mnc.ir.types import Constant, DType

LIMIT = 2.0
"""The bits of the floats from 0 to the last before 2 are the integers from 0 to 2^30 - 1, Arm's USAT range."""

LARGEST = 64.0
"""Largest factor, either way, by which values are scaled."""

HOMOGENEOUS = (Cropping2D, Flatten, GlobalPooling, Permute, Pooling2D, Reshape, Reverse)
"""Kinds whose output is scaled as their only input is."""


def scale_clamps(graph: Graph) -> Graph:
    """The network with each value clamp(x, 0, high) stored as clamp(x, 0, high) * 2 / high, where nobody sees it.

    Layers that read such a value take the factor back in their weights, layers that write it have it in weights and
    bias.  Between two layers with one limit the weights stay as they are; all others are rounded once more, by up to
    half a unit in the last place.  The names of the values stay.

    Not one of `PASSES`: scaled values are not the network's, so this is for backends whose target gains by it.
    """
    scales = _scales(graph)
    if not scales:
        return graph
    nodes = [_scaled(node, scales) for node in graph.nodes]
    if any(node is None for node in nodes):
        return graph
    return graph.with_nodes(node for node in nodes if node is not None)


def _scales(graph: Graph) -> dict[str, float]:
    """By the name of each value to scale: the factor from what is stored to what it was."""
    hidden: dict[str, bool] = {}
    for node in reversed(graph.nodes):
        for name in node.outputs:
            readers = graph.consumers[name]
            hidden[name] = name not in graph.results and all(
                isinstance(reader.layer, Linear) or (isinstance(reader.layer, HOMOGENEOUS) and hidden[reader.name])
                for reader in readers
            )
    scales: dict[str, float] = {}
    for node in graph.nodes:
        type_ = graph.types[node.name]
        if len(node.outputs) != 1 or type_.dtype is not DType.FLOAT32 or not hidden[node.name]:
            continue
        if isinstance(node.layer, HOMOGENEOUS) and node.inputs[0] in scales:
            scales[node.name] = scales[node.inputs[0]]
        elif isinstance(node.layer, Linear) and (scale := _scale(node.layer)) is not None:
            scales[node.name] = scale
    return scales


def _scale(layer: Linear) -> float | None:
    """The factor for a layer's output; None: it is not scaled."""
    function = layer.activation
    if not (isinstance(function, Relu) and function.is_clamp and function.max_value is not None):
        return None
    scale = function.max_value / LIMIT
    return scale if scale != 1.0 and 1 / LARGEST <= scale <= LARGEST else None


def _scaled(node: Node, scales: dict[str, float]) -> Node | None:
    """The node as it computes with scaled values; None where a weight would be no finite number."""
    layer = node.layer
    if not isinstance(layer, Linear):
        return node
    before, after = scales.get(node.inputs[0], 1.0), scales.get(node.name, 1.0)
    if before == after == 1.0:
        return node
    weights, bias = layer.weights, layer.bias
    if before != after:
        weights = _times(weights, before / after)
    if bias is not None and after != 1.0:
        bias = _times(bias, 1.0 / after)
    if not all(np.isfinite(each.array).all() for each in (weights, bias) if each is not None):
        return None
    activation = Relu(LIMIT) if node.name in scales else layer.activation
    return replace(node, layer=layer.changed(weights=weights, bias=bias, activation=activation))


def _times(constant: Constant, factor: float) -> Constant:
    """Rounded once, but for the factor; what is too large is infinite."""
    with np.errstate(over="ignore"):
        return Constant((constant.array.astype(np.float64) * factor).astype(np.float32))
