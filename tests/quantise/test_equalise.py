"""Equalisation: the same network, its channels of like ranges."""

from __future__ import annotations

import numpy as np
import pytest

from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.types import Array, Constant, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.quantise.equalise import HEADROOM, equalise
from mnc.reference import evaluate

SCALES = np.array([0.02, 1.0, -0.3, 5.0], np.float32)


def network(activation: Function | None, *, depthwise: bool) -> Graph:
    """A convolution whose channels are of very different sizes, and a reader of them."""
    rng = np.random.default_rng(11)

    def weights(*shape: int) -> Constant:
        return Constant(rng.normal(0.3, 0.3, shape).astype(np.float32))

    first = Conv2D(Constant(weights(3, 3, 2, 4).array * SCALES), weights(4), activation=activation)
    reader = DepthwiseConv2D(weights(3, 3, 4, 1)) if depthwise else Conv2D(weights(1, 1, 4, 5))
    nodes = (Node(("first",), first, ("x",)), Node(("y",), reader, ("first",)))
    return Graph("uneven", (Input("x", TensorType((9, 9, 2))),), nodes, ("y",))


def samples() -> Array:
    return np.random.default_rng(2).random((20, 9, 9, 2), np.float32)


def equalised(graph: Graph) -> Graph:
    return equalise(graph, [samples()])


@pytest.mark.parametrize("depthwise", [True, False])
@pytest.mark.parametrize("activation", [None, Relu(), Relu(6.0)])
def test_the_network_is_the_same_and_better_in_integers(activation: Function | None, depthwise: bool) -> None:
    graph, x = network(activation, depthwise=depthwise), samples()
    assert equalised(graph) != graph
    expected, got = (evaluate(each, [x])["y"] for each in (graph, equalised(graph)))
    assert np.allclose(expected, got, rtol=1e-4, atol=1e-4)
    noise = [
        to_integers(graph, scheme, lambda graph: {}).noise["y"]
        for scheme in (Scheme(x, ranges="minmax", rounding="nearest", equalise=on) for on in (False, True))
    ]
    assert noise[1] >= noise[0] - 0.5
    if depthwise:
        assert noise[1] > noise[0] + (1.0 if activation is None else 0.0)


def test_signed_channels_lean_to_one_side() -> None:
    """Behind a layer without activation a channel is turned round rather than given a range of its own."""
    graph = network(None, depthwise=True)
    before, after = (evaluate(each, [samples()])["first"].mean(axis=(0, 1, 2)) for each in (graph, equalised(graph)))
    assert len(set(np.sign(before))) == 2
    assert len(set(np.sign(after))) == 1


def test_a_clamp_cuts_nothing_that_goes_a_little_beyond_what_was_seen() -> None:
    graph = network(Relu(6.0), depthwise=True)
    more = samples() * np.float32(0.99 * HEADROOM)
    before, after = (evaluate(each, [more])["y"] for each in (graph, equalised(graph)))
    assert np.allclose(before, after, rtol=1e-4, atol=1e-4)


def test_a_value_that_is_given_out_is_left_alone() -> None:
    graph = network(None, depthwise=True)
    shown = Graph(graph.name, graph.inputs, graph.nodes, ("first", "y"))
    assert equalised(shown) == shown
