"""Channels that need not be there: which go, which stay, and that nothing else changes by a bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import chain, networks, samples

import mnc
from mnc.ir.activations import Relu, Sigmoid
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalMaxPooling,
    LayerNormalization,
    MaxPooling2D,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.passes import optimise
from mnc.passes.dead_channels import dead_channels
from mnc.reference import evaluate

ONE = ((1, 1), (1, 1))
OUT = ElementType(DType.INT8, Quantisation((0.5,), -20))
"""The element type of the quantised layers' outputs here."""
X = TensorType((4, 4, 2), OUT.dtype, OUT.quant)


def q(shape: Sequence[int], zero: Sequence[int] = (), seed: int = 1) -> Constant:
    """int8 weights with a scale for each output channel, those of the outputs `zero` all zero, no other."""
    rng = np.random.default_rng(seed)
    stored = rng.integers(1, 30, shape) * rng.choice([-1, 1], shape)
    stored[..., list(zero)] = 0
    scales = rng.uniform(0.01, 0.02, shape[-1]) if len(shape) < 4 or shape[-1] > 1 else rng.uniform(0.01, 0.02, 1)
    return Constant(stored.astype(np.int8), Quantisation(tuple(scales.tolist()), 0, len(shape) - 1))


def depthwise(channels: int, zero: Sequence[int] = ()) -> Constant:
    """int8 weights 3x3 of one output for each channel."""
    wide = q((3, 3, channels), zero)
    assert wide.quant is not None
    return Constant(wide.array[..., np.newaxis], replace(wide.quant, axis=3))


def bias(*values: int) -> Constant:
    return Constant(np.array(values, np.int32))


def q_chain(**layers: Layer) -> Graph:
    """A quantised network that sends an image of two channels through these layers."""
    names = ["x", *layers]
    nodes = [Node((name,), layer, (names[i],)) for i, (name, layer) in enumerate(layers.items())]
    return Graph("chain", (Input("x", X),), tuple(nodes), (names[-1],))


def inputs(graph: Graph, count: int = 20) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [
        rng.integers(-128, 128, (count, *each.type.shape)).astype(np.int8)
        if each.type.quant
        else rng.normal(size=(count, *each.type.shape)).astype(np.float32)
        for each in graph.inputs
    ]


def narrowed(graph: Graph) -> Graph:
    """The network after the pass, which must give exactly what it gave before."""
    after = dead_channels(graph)
    x = inputs(graph)
    before_values, after_values = evaluate(graph, x), evaluate(after, x)
    assert (after.inputs, after.outputs) == (graph.inputs, graph.outputs)
    for name in before_values.keys() & after_values.keys():
        np.testing.assert_array_equal(after_values[name], before_values[name], err_msg=name)
    assert dead_channels(after) == after
    return after


def channels(graph: Graph) -> list[int]:
    """The length of the last axis of every layer's output."""
    return [graph.output_type(node).shape[-1] for node in graph.nodes]


CONV = Conv2D(q((1, 1, 2, 5), zero=[1, 3]), bias(3, 700, 5, 0, 9), output=OUT)
"""Channel 1 is always the same, and channel 3 always at the zero point."""


def test_a_constant_goes_into_the_next_bias() -> None:
    after = narrowed(q_chain(a=CONV, b=Conv2D(q((3, 3, 5, 4)), output=OUT)))
    assert channels(after) == [3, 4]
    second = after.nodes[1].layer
    assert isinstance(second, Conv2D)
    assert second.bias is not None
    assert second.bias.array.any()


def test_where_windows_hang_over_the_edge_only_what_padding_is_goes() -> None:
    padded = Conv2D(q((3, 3, 5, 4)), bias(0, 1, 2, 3), padding=ONE, output=OUT)
    after = narrowed(q_chain(a=CONV, b=padded))
    assert channels(after) == [4, 4]
    second = after.nodes[1].layer
    assert isinstance(second, Conv2D)
    assert second.bias == padded.bias


@pytest.mark.parametrize(
    ("between", "left"),
    [
        (DepthwiseConv2D(depthwise(5), output=OUT), [3, 3]),
        (DepthwiseConv2D(depthwise(5, zero=[0]), output=OUT), [2, 2]),
        (DepthwiseConv2D(depthwise(5), padding=ONE, output=OUT), [4, 4]),
        (MaxPooling2D((2, 2), (1, 1), ((1, 1), (0, 0))), [3, 3]),
        (AveragePooling2D((3, 2), (2, 2), ((1, 0), (0, 0))), [3, 3]),
        (ZeroPadding2D(ONE), [4, 4]),
        (Activation(Relu(6.0), output=OUT), [3, 3]),
        (Reshape((16, 1, 5)), [3, 3]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_layers_that_keep_channels_apart_pass_it_on(between: Layer, left: list[int]) -> None:
    after = narrowed(q_chain(a=CONV, between=between, b=Conv2D(q((1, 1, 5, 4)), output=OUT)))
    assert channels(after) == [*left, 4]


def test_a_sum_that_the_clamp_always_cuts_off_is_constant() -> None:
    # the inputs are at most 147 above the zero point, and the clamp cuts off what is below it
    weights = Constant(np.array([[[[1, 1, -1], [1, 1, -1]]]], np.int8), Quantisation((1.0, 1.0, 1.0), 0, 3))
    conv = Conv2D(weights, bias(-294, -293, 0), activation=Relu(), output=OUT)
    assert channels(narrowed(q_chain(a=conv, b=Conv2D(q((1, 1, 3, 2)), output=OUT)))) == [2, 2]


def test_what_nobody_reads_goes_back_to_where_it_comes_from() -> None:
    deaf = q((1, 1, 6, 3))
    rows = deaf.array.copy()
    rows[0, 0, [0, 4]] = 0
    first = Conv2D(q((1, 1, 2, 6)), output=OUT)
    second = Conv2D(Constant(rows, deaf.quant), output=OUT)
    after = narrowed(q_chain(a=first, b=DepthwiseConv2D(depthwise(6), padding=ONE, output=OUT), c=second))
    assert channels(after) == [4, 4, 3]
    assert set(after.types) == {"x", "a/alive", "b/alive", "c"}


def test_flat_images_lose_all_rows_of_a_channel_together() -> None:
    after = narrowed(q_chain(a=CONV, flat=Flatten(), b=Dense(q((80, 3)), output=OUT), c=Softmax()))
    assert channels(after) == [3, 48, 3, 3]
    some = q((80, 3)).array.copy()
    some[2] = 0  # of channel 2 only one pixel is not read
    after = narrowed(q_chain(a=CONV, flat=Flatten(), b=Dense(Constant(some, q((80, 3)).quant), output=OUT)))
    assert channels(after) == [3, 48, 3]


def add_network(*, both: bool) -> Graph:
    second = replace(CONV, weights=q((1, 1, 2, 5), zero=[1, 3] if both else [], seed=5))
    nodes = (
        Node(("a",), CONV, ("x",)),
        Node(("b",), second, ("x",)),
        Node(("sum",), Add(output=OUT), ("a", "b")),
        Node(("y",), Conv2D(q((1, 1, 5, 2)), output=OUT), ("sum",)),
    )
    return Graph("sum", (Input("x", X),), nodes, ("y",))


def test_a_sum_loses_a_channel_only_where_both_operands_do() -> None:
    assert channels(narrowed(add_network(both=True))) == [3, 3, 3, 2]
    assert channels(narrowed(add_network(both=False))) == [5, 5, 5, 2]


def test_concatenated_channels_go_each_from_its_part() -> None:
    other = ElementType(DType.INT8, Quantisation((0.7,), 5))
    nodes = (
        Node(("a",), CONV, ("x",)),
        Node(("b",), Conv2D(q((1, 1, 2, 3), zero=[2]), output=other), ("x",)),
        Node(("both",), Concatenate(output=OUT), ("a", "b")),
        Node(("y",), Conv2D(q((1, 1, 8, 2)), output=OUT), ("both",)),
    )
    graph = Graph("both", (Input("x", X),), nodes, ("y",))
    assert channels(narrowed(graph)) == [3, 2, 5, 2]


def test_outputs_stay_whole() -> None:
    graph = q_chain(a=CONV, b=MaxPooling2D(), c=Conv2D(q((1, 1, 5, 3), zero=[0]), output=OUT))
    assert narrowed(replace(graph, outputs=("c", "b"))) == replace(graph, outputs=("c", "b"))
    assert channels(narrowed(graph)) == [3, 3, 3]


def test_something_always_stays() -> None:
    nothing = Conv2D(q((1, 1, 2, 5), zero=range(5)), bias(1, 2, 3, 4, 5), output=OUT)
    after = narrowed(q_chain(a=nothing, b=Conv2D(q((1, 1, 5, 3)), output=OUT), c=Conv2D(q((1, 1, 3, 2)), output=OUT)))
    assert channels(after) == [1, 1, 2]


def test_a_bias_that_would_overflow_keeps_its_channels() -> None:
    full = Conv2D(q((1, 1, 5, 2)), bias(2**31 - 1, 0), output=OUT)
    assert channels(narrowed(q_chain(a=CONV, b=full))) == [4, 2]


def test_grouped_convolutions_stay_whole() -> None:
    four = Conv2D(q((1, 1, 2, 4), zero=[1]), output=OUT)
    grouped = Conv2D(q((1, 1, 2, 4), zero=[0]), groups=2, output=OUT)
    graph = q_chain(a=four, b=grouped, c=Conv2D(q((1, 1, 4, 2)), output=OUT))
    assert narrowed(graph) == graph


FLOAT = Constant(np.array([[[[0.0, 0.0, 0.0, 1.5, -0.5], [0.0, 0.0, 0.0, 0.5, -1.0]]]], np.float32))
FLOAT_BIAS = Constant(np.array([0.0, -1.0, 0.25, 1.0, 0.0], np.float32))


def float_chain(second: Layer, function: Relu | Sigmoid | None = None) -> Graph:
    """The input, never negative, through a convolution with channels of zeros into `second`."""
    return chain((4, 4, 2), relu=Activation(Relu()), a=Conv2D(FLOAT, FLOAT_BIAS, activation=function), b=second)


def test_of_real_numbers_only_zeros_are_dropped() -> None:
    weights = Constant(np.random.default_rng(1).normal(size=(3, 3, 5, 2)))
    second = Conv2D(weights, padding=ONE)
    assert channels(narrowed(float_chain(second))) == [2, 4, 2]
    # a clamp at 0 gives zeros where there is but a negative bias; where there are terms, none is looked into
    assert channels(narrowed(float_chain(second, Relu()))) == [2, 3, 2]
    assert channels(narrowed(float_chain(second, Sigmoid()))) == [2, 5, 2]


def test_layers_that_are_not_known_to_keep_channels_apart_read_all() -> None:
    graph = float_chain(LayerNormalization(), Relu())
    graph = chain((4, 4, 2), **{node.name: node.layer for node in graph.nodes}, c=GlobalMaxPooling(), d=Dense(dense(5)))
    assert narrowed(graph) == graph


def dense(n: int) -> Constant:
    return Constant(np.random.default_rng(2).normal(size=(n, 3)))


MIXED = [
    Conv2D, DepthwiseConv2D, Dense, Activation, Add, Concatenate, Flatten, Reshape, MaxPooling2D, AveragePooling2D,
    GlobalMaxPooling,
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(graph=networks(max_layers=9) | networks(layers=MIXED, max_layers=12), share=st.sampled_from([0.3, 0.6, 0.9]))
def test_random_networks_with_many_zeros_mean_the_same(graph: Graph, share: float) -> None:
    sparse = _with_zeros(graph, share)
    after = dead_channels(sparse)
    x = samples(graph)
    expected, got = evaluate(sparse, x), evaluate(after, x)
    for name in expected.keys() & got.keys():
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, atol=1e-4, err_msg=name)
    assert dead_channels(after) == after


def _with_zeros(graph: Graph, share: float) -> Graph:
    """The network with about this share of its filters, and of what they read, at zero, biases at or below zero."""
    rng = np.random.default_rng(len(graph.nodes))

    def thinned(layer: Layer) -> Layer:
        if not isinstance(layer, Conv2D | DepthwiseConv2D | Dense):
            return layer
        weights = layer.weights.array.copy()
        weights[..., rng.random(weights.shape[-1]) < share] = 0
        weights[..., rng.random(weights.shape[-2]) < share, :] = 0
        below = None if layer.bias is None else Constant(np.minimum(layer.bias.array, 0))
        return replace(layer, weights=Constant(weights), bias=below)

    return graph.with_nodes(replace(node, layer=thinned(node.layer)) for node in graph.nodes)


def test_half_of_a_trained_network_goes(models: Path) -> None:
    file = models / "mlperf_tiny" / "vww_96_int8.tflite"
    graph = mnc.load(file)
    after = optimise(graph)
    assert sum(map(graph.macs, graph.nodes)) == 7_489_664
    assert sum(map(after.macs, after.nodes)) <= 3_727_313
    weights = [node.layer.constants["weights"] for node in after.nodes if "weights" in node.layer.constants]
    assert sum(each.array.size for each in weights) <= 29_066
    with np.load(f"{file}.golden.npz") as stored:
        x, y = stored["x"], stored["y_tflm"]
    got = after.predict(x)
    assert isinstance(got, np.ndarray)
    assert int((got.reshape(y.shape) != y).sum()) == 0
    report = mnc.compile(graph, settings={"code": "compact"}).report
    assert report.flash.total_constants <= 48_000, "fast code keeps weights of 16 bits for DSP instructions"
    assert report.macs == sum(map(after.macs, after.nodes))


def test_layers_of_zeros_take_work_in_proportion_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them brings a channel to life; only the nodes next to it are looked at again."""
    module = import_module("mnc.passes.dead_channels")
    demands = module._demands
    looked = 0

    def counted(*arguments: Any) -> Any:
        nonlocal looked
        looked += 1
        return demands(*arguments)

    monkeypatch.setattr(module, "_demands", counted)
    counts = []
    for n in (20, 40):
        names = ["x", *(f"d{i}" for i in range(n))]
        zeros = Dense(Constant(np.zeros((2, 2), np.float32)))
        nodes = [Node((y,), zeros, (x,)) for x, y in pairwise(names)]
        nodes.append(Node(("y",), Dense(Constant(np.ones((2, 2), np.float32))), (names[-1],)))
        looked = 0
        dead_channels(Graph("g", (Input("x", TensorType((2,))),), tuple(nodes), ("y",)))
        counts.append(looked)
    assert counts[1] < 2.5 * counts[0]
