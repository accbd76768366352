"""Bias correction: rounding shifts a layer's mean output; the bias takes the shift back.

Nagel et al., arXiv 1906.04721, section 4.2, but measured on samples, and layer
after layer: each sees what the corrected layers before it really give.  What
counts is the mean behind the clamp: errors of sums that become 0 anyway are
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.quantise.quality import store, to_real
from mnc.reference import apply, evaluate
from mnc.reference.quantised.operands import Operands
from mnc.reference.run import apply_node

STEPS = 5
"""Of Newton's method; the mean of clamped sums is nearly straight where it matters."""
LEAST = 0.01
"""The share of a channel's sums between the limits below which there is nothing to learn from them."""


def correct_biases(real: Graph, quantised: Graph, samples: Sequence[Array]) -> Graph:
    """`quantised` with the biases that keep every channel's mean as it is in `real` over the samples."""
    expected = evaluate(real, samples)
    inputs = enumerate(zip(quantised.inputs, samples, strict=True))
    values = {given.name: store(x, quantised, i) for i, (given, x) in inputs}
    nodes = []
    for node in quantised.nodes:
        origin = real.producers.get(node.name)
        if origin is not None and isinstance(node.layer, (Conv2D, DepthwiseConv2D, Dense)) and node.layer.weights.quant:
            node = _corrected(quantised, node, origin, expected[origin.inputs[0]], values[node.inputs[0]])
        results = apply_node(quantised, node, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, results, strict=True))
        nodes.append(node)
    return quantised.with_nodes(nodes)


def _corrected(graph: Graph, node: Node, origin: Node, exact_input: Array, stored_input: Array) -> Node:
    """The layer with its bias such that the mean of every channel's output is that of the exact layer."""
    layer, exact = node.layer, origin.layer
    assert isinstance(layer, (Conv2D, DepthwiseConv2D, Dense)) and layer.weights.quant is not None
    assert isinstance(exact, (Conv2D, DepthwiseConv2D, Dense))
    channels = graph.types[node.name].shape[-1]
    scale = np.array(layer.weights.quant.scale)
    weights = (layer.weights.array.astype(np.float64).reshape(-1, channels) * scale).reshape(layer.weights.shape)
    given = graph.types[node.inputs[0]].quant
    assert given is not None
    step = scale * given.scale[0]
    bias = np.zeros(channels, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)
    rounded = replace(
        exact,
        weights=Constant(weights.astype(np.float32)),
        bias=Constant((bias * step).astype(np.float32)),
        activation=None,
    )
    real_input = to_real(graph, node.inputs[0], stored_input).astype(np.float32)
    (got,) = apply(rounded, real_input)
    (wanted,) = apply(replace(exact, activation=None), exact_input)
    result = Operands(graph.input_types(node), graph.output_type(node))
    low, high = ((end - result.zero) * result.scale for end in result.limits(layer.activation))
    shift = _shift(got.reshape(-1, channels).astype(np.float64), wanted.reshape(-1, channels), low, high)
    corrected = Constant((bias - np.round(shift / step).astype(np.int64)).astype(np.int32))
    return replace(node, layer=replace(layer, bias=corrected))


def _shift(got: Array, wanted: Array, low: float, high: float) -> Array:
    """What to take from each column of `got` so that, clamped to the limits, it has the mean of `wanted`."""
    goal = np.clip(wanted, low, high).mean(axis=0)
    shift = np.zeros(got.shape[1])
    for _ in range(STEPS):
        moved = got - shift
        between = ((moved > low) & (moved < high)).mean(axis=0)
        excess = np.clip(moved, low, high).mean(axis=0) - goal
        shift += np.where(between >= LEAST, excess / np.maximum(between, LEAST), 0.0)
    return shift
