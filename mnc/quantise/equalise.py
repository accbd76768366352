"""Float graph to float graph: the same function, easier to quantise.

A channel that uses a tenth of its value's range loses three of its eight bits.
Where a layer's output channels are scaled up and the next layer's weights for
them down, the network computes the same (Nagel et al., arXiv 1906.04721), and
every channel uses the range.  Under a clamp at 6 this holds as long as no
scaled channel passes 6, which it does not for the samples that were observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.reference import evaluate

MOST = 32.0
"""The largest factor; more would only blow up the noise of a channel that is hardly used."""


def equalise(graph: Graph, samples: Sequence[Array]) -> Graph:
    """The graph with the channels between two weighted layers scaled to like ranges."""
    values = evaluate(graph, samples)
    layers = {node.name: node.layer for node in graph.nodes}
    for node in graph.nodes:
        reader = graph.sole_consumer(node.name)
        if reader is None or not _scales(node) or not isinstance(reader.layer, (Conv2D, DepthwiseConv2D, Dense)):
            continue
        first, second = layers[node.name], layers[reader.name]
        assert isinstance(first, (Conv2D, DepthwiseConv2D, Dense))
        assert isinstance(second, (Conv2D, DepthwiseConv2D, Dense))
        if isinstance(second, Conv2D) and second.groups != 1:
            continue
        observed = np.abs(values[node.name])
        used = observed.reshape(-1, observed.shape[-1]).max(axis=0).astype(np.float64)
        factor = _factors(used, second)
        layers[node.name] = _scaled_output(first, factor)
        layers[reader.name] = _scaled_input(second, 1.0 / factor)
    return graph.with_nodes(replace(node, layer=layers[node.name]) for node in graph.nodes)


def _scales(node: Node) -> bool:
    """Whether scaling a layer's weights scales its output."""
    layer = node.layer
    if not isinstance(layer, (Conv2D, DepthwiseConv2D, Dense)):
        return False
    return layer.activation is None or (isinstance(layer.activation, Relu) and layer.activation.is_clamp)


def _factors(used: Array, reader: Conv2D | DepthwiseConv2D | Dense) -> Array:
    """For each channel; a depthwise reader has a scale for each channel, so it takes all there is to gain,
    others share one among their input channels, and meet half way.
    """
    ratio = np.clip(used.max() / np.maximum(used, 1e-12), 1.0, MOST)
    return np.asarray(ratio if isinstance(reader, DepthwiseConv2D) else np.sqrt(ratio))


def _scaled_output(layer: Conv2D | DepthwiseConv2D | Dense, factor: Array) -> Conv2D | DepthwiseConv2D | Dense:
    weights = layer.weights.array
    shaped = factor.reshape(weights.shape[2:]) if isinstance(layer, DepthwiseConv2D) else factor
    bias = None if layer.bias is None else Constant((layer.bias.array * factor).astype(np.float32))
    return replace(layer, weights=Constant((weights * shaped).astype(np.float32)), bias=bias)


def _scaled_input(layer: Conv2D | DepthwiseConv2D | Dense, factor: Array) -> Conv2D | DepthwiseConv2D | Dense:
    return replace(layer, weights=Constant((layer.weights.array * factor[:, np.newaxis]).astype(np.float32)))
