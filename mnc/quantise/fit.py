"""Weights and biases that fit the samples: what rounding does to a layer's output is kept small.

Weights are rounded together (see `rounding`).  What is left shifts a layer's
mean output, and the bias takes the shift back (Nagel et al., arXiv 1906.04721,
section 4.2), measured on samples, layer after layer: each sees what the layers
before it really give.  What counts is the mean behind the clamp: errors of
sums that become 0 anyway are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import DepthwiseConv2D
from mnc.ir.types import Array, Constant, Quantisation
from mnc.quantise.quality import store, to_real
from mnc.quantise.quantise import BIASES
from mnc.quantise.rounding import Weighted, as_layer, by_group, moments, round_together, windows
from mnc.reference import apply, evaluate
from mnc.reference.quantised.operands import Operands
from mnc.reference.run import apply_node

STEPS = 5
"""Of Newton's method; the mean of clamped sums is nearly straight where it matters."""
LEAST = 0.01
"""The share of a channel's sums between the limits below which there is nothing to learn from them."""
MOST_INPUTS = 1024
"""Of a sum whose weights are rounded together; the time goes with the cube of it."""
MOST_NUMBERS = 2**23
"""How many inputs of sums are looked at; of larger layers the samples are thinned out."""


@dataclass(frozen=True)
class Fit:
    """What of a layer is fitted to the samples."""

    weights: bool = True
    biases: bool = True


def fit(real: Graph, quantised: Graph, samples: Sequence[Array], what: Fit) -> Graph:
    """`quantised` with weights and biases that bring every layer near to what it is in `real` over the samples."""
    expected = evaluate(real, samples)
    inputs = enumerate(zip(quantised.inputs, samples, strict=True))
    values = {given.name: store(x, quantised, i) for i, (given, x) in inputs}
    nodes = []
    for node in quantised.nodes:
        origin = real.producers.get(node.name)
        if origin is not None and isinstance(node.layer, Weighted) and node.layer.weights.quant:
            given = to_real(quantised, node.inputs[0], values[node.inputs[0]]).astype(np.float32)
            node = _Layer(quantised, node, origin, expected[origin.inputs[0]], given).fitted(what)
        results = apply_node(quantised, node, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, results, strict=True))
        nodes.append(node)
    return quantised.with_nodes(nodes)


class _Layer:
    """A quantised layer, what it was made of, and their inputs over the samples."""

    def __init__(self, graph: Graph, node: Node, origin: Node, exact_input: Array, given: Array) -> None:
        layer, exact = node.layer, origin.layer
        assert isinstance(layer, Weighted)
        assert isinstance(exact, Weighted)
        assert layer.weights.quant is not None
        self.node, self.layer, self.exact, self.given = node, layer, exact, given
        self.quant: Quantisation = layer.weights.quant
        self.channels = graph.types[node.name].shape[-1]
        stored = graph.types[node.inputs[0]].quant
        assert stored is not None
        self.scale = np.broadcast_to(np.array(self.quant.scale), self.channels)
        self.most, self.sums = BIASES[graph.types[node.inputs[0]].dtype]
        self.step = self.scale * stored.scale[0]
        result = Operands(graph.input_types(node), graph.output_type(node))
        self.low, self.high = ((end - result.zero) * result.scale for end in result.limits(layer.activation))
        (wanted,) = apply(replace(exact, activation=None), exact_input)
        self.wanted = wanted
        nothing = np.zeros(self.channels, np.int64)
        self.bias = nothing if layer.bias is None else layer.bias.array.astype(np.int64)

    def fitted(self, what: Fit) -> Node:
        """The layer with other weights and biases, channel by channel those of the least error."""
        stored = self.layer.weights.array
        bias, error = self.judged(stored, what)
        if what.weights and by_group(self.layer, stored).shape[1] <= MOST_INPUTS:
            together = self.together()
            other, its_error = self.judged(together, what)
            better = its_error < error
            shaped = better.reshape(stored.shape[2:]) if isinstance(self.layer, DepthwiseConv2D) else better
            stored, bias = np.where(shaped, together, stored), np.where(better, other, bias)
        whole = np.clip(bias, -self.most, self.most).astype(self.sums.numpy)
        keeps_none = self.layer.bias is None and not whole.any()
        weights = Constant(stored.astype(np.int8), self.quant)
        return replace(
            self.node, layer=replace(self.layer, weights=weights, bias=None if keeps_none else Constant(whole))
        )

    def together(self) -> Array:
        """The weights rounded together, shaped as the layer has them."""
        exact = by_group(self.exact, self.exact.weights.array.astype(np.float64))
        groups, inputs, outputs = exact.shape
        places = self.wanted[0].size // self.channels
        most = max(1, MOST_NUMBERS // (places * groups * inputs))
        chosen = np.unique(np.linspace(0, len(self.given) - 1, most).astype(np.int64))
        wanted = self.wanted[chosen].reshape(-1, groups, outputs)
        between = ((wanted > self.low) & (wanted < self.high)).mean(axis=2).T
        second = moments(windows(self.exact, self.given[chosen].astype(np.float64)), between + LEAST)
        return as_layer(self.layer, round_together(exact / self.scale.reshape(groups, 1, outputs), second))

    def judged(self, stored: Array, what: Fit) -> tuple[Array, Array]:
        """The bias for these weights, and each channel's squared error behind the clamp with it."""
        by_channel = stored.astype(np.float64).reshape(-1, self.channels) * self.scale
        weights = Constant(by_channel.reshape(stored.shape).astype(np.float32))
        start = Constant((self.bias * self.step).astype(np.float32))
        (got,) = apply(replace(self.exact, weights=weights, bias=start, activation=None), self.given)
        sums, wanted = (each.reshape(-1, self.channels).astype(np.float64) for each in (got, self.wanted))
        shift = _shift(sums, wanted, self.low, self.high) if what.biases else np.zeros(self.channels)
        whole = np.clip(np.round(shift / self.step), -self.most, self.most)
        off = np.clip(sums - whole * self.step, self.low, self.high) - np.clip(wanted, self.low, self.high)
        return self.bias - whole.astype(np.int64), np.mean(off**2, axis=0)


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
