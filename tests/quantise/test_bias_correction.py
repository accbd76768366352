"""Bias correction: the mean of every channel is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, Dense, Flatten
from mnc.ir.types import Array, Constant, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.reference import evaluate


def network(activation: Relu | None, bias: float = -4.0) -> Graph:
    """Small weights beside large ones, so that rounding shifts the sums of inputs that are all positive."""
    rng = np.random.default_rng(7)
    kernel = rng.normal(0.02, 0.02, (3, 3, 4, 8)).astype(np.float32)
    kernel[0, 0, 0] = 2.0
    biases = rng.normal(bias, 2.0, 8).astype(np.float32)
    weights = Constant(rng.normal(0.0, 0.3, (6 * 6 * 8, 5)).astype(np.float32))
    nodes = (
        Node(("conv",), Conv2D(Constant(kernel), Constant(biases), activation=activation), ("x",)),
        Node(("flat",), Flatten(), ("conv",)),
        Node(("y",), Dense(weights, Constant(np.zeros(5, np.float32))), ("flat",)),
    )
    return Graph("shifted", (Input("x", TensorType((8, 8, 4))),), nodes, ("y",))


def shifts(graph: Graph, samples: Array, *, corrected: bool) -> dict[str, float]:
    """By layer: the largest difference of a channel's mean, in steps of the layer's output."""
    scheme = Scheme(samples, bias_correction=corrected, rounding="nearest")
    quantised = to_integers(graph, scheme, lambda graph: {}).graph
    exact, stored = evaluate(graph, samples), evaluate(quantised, samples)
    found = {}
    for name in ("conv", "y"):
        quant = quantised.types[name].quant
        assert quant is not None
        difference = quantised.types[name].real(stored[name]) - exact[name]
        means = difference.reshape(-1, difference.shape[-1]).mean(axis=0)
        found[name] = float(np.abs(means).max() / quant.scale[0])
    return found


@pytest.mark.parametrize("activation", [None, Relu(), Relu(6.0)])
def test_every_channel_keeps_its_mean(activation: Relu | None) -> None:
    samples = np.random.default_rng(1).random((40, 8, 8, 4), np.float32) * 4.0
    graph = network(activation)
    before, after = (shifts(graph, samples, corrected=corrected) for corrected in (False, True))
    assert before["conv"] > 0.25, "otherwise there is nothing to correct"
    assert all(shift < 0.15 for shift in after.values()), after


def test_a_channel_that_is_always_clamped_is_left_alone() -> None:
    samples = np.random.default_rng(1).random((10, 8, 8, 4), np.float32)
    graph = network(Relu(), bias=-1000.0)
    quantised = [
        to_integers(graph, Scheme(samples, bias_correction=corrected, rounding="nearest"), lambda graph: {}).graph
        for corrected in (False, True)
    ]
    assert quantised[0].nodes[0] == quantised[1].nodes[0]


def test_a_layer_without_bias_gets_one() -> None:
    samples = np.random.default_rng(1).random((10, 8, 8, 4), np.float32)
    graph = network(None)
    conv = graph.nodes[0].layer
    assert isinstance(conv, Conv2D)
    bare = replace(graph.nodes[0], layer=replace(conv, bias=None))
    assert shifts(graph.with_nodes((bare, *graph.nodes[1:])), samples, corrected=True)["conv"] < 0.15
