"""Weights and biases that fit the samples: what rounding does to a layer's output is kept small.

Weights are rounded together (see `rounding`), where it is asked for after they
have been fitted to inputs that are rounded (see `refit`).  What is left shifts a
layer's mean output, and the bias takes the shift back (Nagel et al., arXiv
1906.04721, section 4.2), measured on samples, layer after layer: each sees what
the layers before it really give.  What counts is the mean behind the clamp:
errors of sums that become 0 anyway are none.  Whether a channel keeps its weights
rounded together or each to the nearest is decided by samples that rounding did not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.types import Array, Constant, Quantisation
from mnc.pace import counted
from mnc.quantise.holdout import Split, split
from mnc.quantise.refit import Moments, refit
from mnc.quantise.rounding import has_windows, round_together, windows
from mnc.quantise.sequences import by_frame, opened
from mnc.quantise.weights import BIASES, weight_scale
from mnc.reference import apply
from mnc.reference.quantised.operands import Operands
from mnc.reference.run import apply_node, feed

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
    """The parts of a layer that are fitted to the samples."""

    rounding: bool = True
    """Weights are rounded together."""
    weights: bool = False
    """They are fitted to the inputs first; as that moves biases, only where biases are fitted, too."""
    biases: bool = True


def fit(real: Graph, quantised: Graph, samples: Sequence[Array], what: Fit) -> Graph:
    """`quantised` with weights and biases that bring every layer near to its values in `real` over the samples."""
    expected = by_frame(real, samples)
    values = feed(opened(quantised), samples)
    nodes, parts = [], split(len(samples[0]))
    for node in counted("fitting weights", quantised.nodes):
        origin = real.producers.get(node.name)
        if origin is not None and has_windows(node.layer) and node.layer.weights.quant:
            given = quantised.types[node.inputs[0]].real(values[node.inputs[0]]).astype(np.float32)
            node = _Layer(quantised, node, origin, expected[origin.inputs[0]], given, parts).fitted(what)
        results = apply_node(quantised, node, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, results, strict=True))
        nodes.append(node)
    return quantised.with_nodes(nodes)


class _Stored(NamedTuple):
    """The weights and biases of a layer as it stores them."""

    weights: Array
    """Whole steps, (groups, taps * group inputs, group outputs)."""
    scale: Array
    """(channels,): real numbers for one step."""
    bias: Array
    """(channels,), in steps of the sums."""


class _Layer:
    """A quantised layer, what it was made of, and their inputs over the samples."""

    def __init__(self, graph: Graph, node: Node, origin: Node, exact_input: Array, given: Array, parts: Split) -> None:
        layer, exact = node.layer, origin.layer
        assert has_windows(layer)
        assert has_windows(exact)
        assert layer.weights.quant is not None
        self.node, self.layer, self.exact, self.given = node, layer, exact, given
        self.parts = parts
        self.quant: Quantisation = layer.weights.quant
        stored = graph.types[node.inputs[0]].quant
        assert stored is not None
        self.input_scale = stored.scale[0]
        self.channels = layer.filters
        self.shape = layer.as_matrix().shape
        self.most, self.sums = BIASES[graph.types[node.inputs[0]].dtype]
        result = Operands(graph.input_types(node), graph.output_type(node))
        self.low, self.high = ((end - result.zero) * result.scale for end in result.limits(layer.activation))
        (self.wanted,) = apply(exact.changed(activation=None), exact_input)

    def fitted(self, what: Fit) -> Node:
        """The layer with other weights and biases, in each channel the ones with the least error."""
        best, error = self.judged(self.as_it_is(), what)
        if what.rounding and self.layer.taps * self.layer.group_inputs <= MOST_INPUTS:
            other, its_error = self.judged(self.together(what), what)
            better = its_error < error
            best = _Stored(
                weights=np.where(self.by_output(better), other.weights, best.weights),
                scale=np.where(better, other.scale, best.scale),
                bias=np.where(better, other.bias, best.bias),
            )
        whole = np.clip(best.bias, -self.most, self.most).astype(self.sums.numpy)
        keeps_none = self.layer.bias is None and not whole.any()
        scale = best.scale if len(self.quant.scale) > 1 else best.scale[:1]
        quant = replace(self.quant, scale=tuple(scale.tolist()))
        bias = None if keeps_none else Constant(whole)
        matrix = best.weights.astype(np.int8).reshape(self.shape)
        return replace(self.node, layer=self.layer.with_matrix(matrix, bias, quant))

    def by_output(self, each: Array) -> Array:
        """(channels,) as (groups, 1, group outputs)."""
        return each.reshape(self.layer.groups, 1, -1)

    def as_it_is(self) -> _Stored:
        bias = self.layer.bias
        return _Stored(
            weights=_flat(self.layer.as_matrix()),
            scale=np.broadcast_to(np.array(self.quant.scale), self.channels),
            bias=np.zeros(self.channels, np.int64) if bias is None else bias.array.astype(np.int64),
        )

    def together(self, what: Fit) -> _Stored:
        """The weights, refitted to the inputs where biases may follow, rounded together."""
        exact = _flat(self.exact.as_matrix().astype(np.float64))
        groups, inputs, _ = exact.shape
        places = self.wanted[0].size // self.channels
        most = max(1, MOST_NUMBERS // (places * groups * inputs))
        fitting = self.parts.fitting
        chosen = fitting[np.unique(np.linspace(0, len(fitting) - 1, most).astype(np.int64))]
        plain = self.as_it_is()
        if not what.weights or not what.biases or len(chosen) < 2:
            return plain._replace(weights=round_together(exact / self.by_output(plain.scale), self.seen(chosen).inputs))
        halves = self.seen(chosen[0::2]), self.seen(chosen[1::2])
        seen = Moments.of_both(*halves)
        weights = refit(exact, halves)
        bias = (seen.mean_sum - seen.mean_input @ weights).reshape(self.channels)
        scale = plain.scale
        if len(self.quant.scale) > 1:
            largest = np.abs(weights).max(axis=1).reshape(self.channels)
            scale = weight_scale(largest, np.abs(bias), self.input_scale, self.most)
        return _Stored(
            weights=round_together(weights / self.by_output(scale), seen.inputs),
            scale=scale,
            bias=np.round(bias / (scale * self.input_scale)).astype(np.int64),
        )

    def seen(self, chosen: Array) -> Moments:
        """Moments of the layer's inputs and wanted outputs; a place weighs as much as the share of it not clamped."""
        wanted = np.moveaxis(self.wanted[chosen].reshape(-1, self.layer.groups, self.layer.group_outputs), 1, 0)
        between = ((wanted > self.low) & (wanted < self.high)).mean(axis=2)
        given = windows(self.exact, self.given[chosen].astype(np.float64))
        return Moments.of(given, wanted.astype(np.float64), between + LEAST)

    def judged(self, stored: _Stored, what: Fit) -> tuple[_Stored, Array]:
        """With the bias for these weights, and each channel's squared error behind the clamp with it.

        The error is over the samples that judge.
        """
        step = stored.scale * self.input_scale
        real = stored.weights.astype(np.float64) * self.by_output(stored.scale)
        start = Constant((stored.bias * step).astype(np.float32))
        plain = self.exact.changed(activation=None).with_matrix(real.reshape(self.shape).astype(np.float32), start)
        (got,) = apply(plain, self.given)
        sums, wanted = (each.reshape(-1, self.channels).astype(np.float64) for each in (got, self.wanted))
        shift = _shift(sums, wanted, self.low, self.high) if what.biases else np.zeros(self.channels)
        whole = np.clip(np.round(shift / step), -self.most, self.most)
        off = np.clip(sums - whole * step, self.low, self.high) - np.clip(wanted, self.low, self.high)
        by_sample = off.reshape(len(self.given), -1, self.channels)[self.parts.judging]
        return stored._replace(bias=stored.bias - whole.astype(np.int64)), np.mean(by_sample**2, axis=(0, 1))


def _flat(matrix: Array) -> Array:
    """(groups, taps, group inputs, group outputs) as (groups, taps * group inputs, group outputs)."""
    groups, _, _, outputs = matrix.shape
    return matrix.reshape(groups, -1, outputs)


def _shift(got: Array, wanted: Array, low: float, high: float) -> Array:
    """The amount to subtract from each column of `got` so that, clamped to the limits, it has the mean of `wanted`."""
    goal = np.clip(wanted, low, high).mean(axis=0)
    shift = np.zeros(got.shape[1])
    for _ in range(STEPS):
        moved = got - shift
        between = ((moved > low) & (moved < high)).mean(axis=0)
        excess = np.clip(moved, low, high).mean(axis=0) - goal
        shift += np.where(between >= LEAST, excess / np.maximum(between, LEAST), 0.0)
    return shift
