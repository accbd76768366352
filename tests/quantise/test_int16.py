"""int16 values with int8 weights, throughout or where the goal needs them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mnc.backends import get, refusals
from mnc.errors import CompileError
from mnc.ir.activations import Elu, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D, Quantize, Softmax
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.quantise.pipeline import Fallback, Quantised
from mnc.quantise.quality import decibels


def network() -> Graph:
    """Its first layer finds edges and so cancels most of its input, but not the error."""
    rng = np.random.default_rng(0)

    def weights(*shape: int, scale: float = 0.3) -> Constant:
        return Constant(rng.normal(0.0, scale, shape).astype(np.float32))

    edges = weights(3, 3, 2, 6).array
    edges = edges - edges.mean(axis=(0, 1), keepdims=True)
    nodes = (
        Node(("edges",), Conv2D(Constant(edges), weights(6)), ("x",)),
        Node(("a",), Conv2D(weights(1, 1, 6, 8), weights(8), activation=Relu()), ("edges",)),
        Node(("pool",), MaxPooling2D((2, 2), (2, 2)), ("a",)),
        Node(("b",), Conv2D(weights(3, 3, 8, 8), weights(8), activation=Relu(6.0)), ("pool",)),
        Node(("flat",), Flatten(), ("b",)),
        Node(("scores",), Dense(weights(32, 5), weights(5)), ("flat",)),
        Node(("y",), Softmax(), ("scores",)),
    )
    return Graph("edges", (Input("x", TensorType((10, 10, 2))),), nodes, ("y",))


def samples(seed: int = 1) -> Array:
    """Smooth, so that there is little to find for the first layer."""
    rng = np.random.default_rng(seed)
    slopes = rng.random((40, 1, 1, 2), np.float32) * np.linspace(0.0, 0.3, 10, dtype=np.float32)[:, None, None]
    return np.broadcast_to(slopes.reshape(40, 10, 1, 2) + 0.5, (40, 10, 10, 2)).astype(np.float32)


def quantised(**scheme: object) -> Quantised:
    return to_integers(network(), Scheme(samples(), **scheme), lambda graph: {})  # type: ignore[arg-type]


def left(graph: Graph, x: Array) -> float:
    """Of the scores, in dB, by running both networks."""
    real = network()
    scores = Graph(real.name, real.inputs, real.nodes[:-1], ("scores",))
    stored = Graph(graph.name, graph.inputs, graph.nodes, ("scores",))
    expected, got = scores.predict(x), stored.predict(x)
    assert isinstance(expected, np.ndarray)
    assert isinstance(got, np.ndarray)
    return decibels(expected, got)


def wide(graph: Graph) -> set[str]:
    layers = (node for node in graph.nodes if not isinstance(node.layer, Quantize))
    return {node.name for node in layers if graph.output_type(node).dtype is DType.INT16}


def test_int16_throughout_leaves_only_the_error_of_the_weights() -> None:
    narrow, full = quantised(), quantised(quantize="int16x8")
    assert {type_.dtype for type_ in full.graph.types.values()} == {DType.INT16}
    assert left(full.graph, samples(2)) > left(narrow.graph, samples(2)) + 10.0


def test_mixed_reaches_the_goal_with_some_layers() -> None:
    goal = quantised().noise["scores"] + 6.0
    mixed = quantised(quantize="mixed", min_sqnr=goal)
    assert mixed.noise["scores"] >= goal
    assert left(mixed.graph, samples()) >= goal - 0.1
    assert 0 < len(wide(mixed.graph)) < len(network().nodes)


def test_mixed_is_int8_where_that_is_good_enough() -> None:
    assert not wide(quantised(quantize="mixed", min_sqnr=quantised().noise["scores"] - 1.0).graph)


def test_a_goal_out_of_reach_is_refused_with_what_can_be_had() -> None:
    best = quantised(quantize="int16x8").noise["scores"]
    with pytest.raises(
        CompileError, match=f"argument 'min_sqnr': the goal is out of reach: the output has {best:.1f} dB, not 110"
    ):
        quantised(quantize="mixed", min_sqnr=110.0)


def test_a_loss_of_classes_needs_classes() -> None:
    weights = Constant(np.ones((3, 1), np.float32))
    graph = Graph("level", (Input("x", TensorType((3,))),), (Node(("y",), Dense(weights), ("x",)),), ("y",))
    scheme = Scheme(np.eye(3, dtype=np.float32), "mixed", max_loss=1.0)
    with pytest.raises(CompileError, match="argument 'max_loss': is for networks with one output of several classes"):
        to_integers(graph, scheme, lambda graph: {})


@pytest.mark.parametrize("numbers", ["int8", "int16x8"])
@pytest.mark.parametrize("io", ["int8", "int16", "float"])
def test_inputs_and_outputs_are_what_is_asked_for(numbers: str, io: str) -> None:
    graph = quantised(quantize=numbers, io=io).graph
    asked = {"int8": DType.INT8, "int16": DType.INT16, "float": DType.FLOAT32}[io]
    assert {graph.inputs[0].type.dtype, graph.types[graph.outputs[0]].dtype} == {asked}
    assert {graph.types[name].dtype for name in ("a", "b")} == {DType(numbers.partition("x")[0])}


def test_what_has_no_meaning_in_int16_is_int8() -> None:
    nodes = (Node(("y",), Activation(Elu()), ("x",)), Node(("z",), MaxPooling2D((2, 2), (2, 2)), ("y",)))
    graph = Graph("elu", (Input("x", TensorType((4, 4, 1))),), nodes, ("z",))
    x = np.random.default_rng(0).normal(size=(5, 4, 4, 1)).astype(np.float32)
    made = to_integers(graph, Scheme(x, "int16x8"), lambda graph: {}).graph
    assert (made.types["y"].dtype, made.types["z"].dtype) == (DType.INT8, DType.INT16)


def two_dense() -> Graph:
    weights = Constant(np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32))
    nodes = (Node(("a",), Dense(weights), ("x",)), Node(("b",), Dense(weights), ("a",)))
    return Graph("two", (Input("x", TensorType((6,))),), nodes, ("b",))


def no_wide_a(graph: Graph) -> dict[str, str]:
    wide = graph.types["a"].dtype is DType.INT16
    return {"a": "Dense has no int16 kernel for sums like these"} if wide else {}


def test_what_a_backend_has_no_int16_kernel_for_is_int8_and_nothing_else() -> None:
    x = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    made = to_integers(two_dense(), Scheme(x, "int16x8"), no_wide_a)
    assert (made.graph.types["a"].dtype, made.graph.types["b"].dtype) == (DType.INT8, DType.INT16)
    reason = "Dense has no int16 kernel for sums like these"
    assert made.fallbacks == (Fallback("a", DType.INT16, DType.INT8, reason),)
    assert made.warnings == (f"int8 instead of int16: {reason}: 'a'",)


def test_a_goal_is_not_said_to_be_missed_in_int16_throughout_where_it_is_not() -> None:
    x = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    with pytest.raises(CompileError) as caught:
        to_integers(two_dense(), Scheme(x, "mixed", min_sqnr=110.0), no_wide_a)
    (problem,) = caught.value.problems
    assert problem.hints[0].startswith("int8 instead of int16: Dense has no int16 kernel")
    assert problem.hints[1] == "that is int16 in all other layers; ask for less"


def test_a_layer_that_scales_rule_out_leaves_the_others_in_int16() -> None:
    """By the real backend: sums of a network's first layer cancel to a millionth of its input."""
    weights = np.eye(6, dtype=np.float32)
    tiny = Dense(Constant(weights * np.float32(1e5)), Constant(np.full(6, -1e10, np.float32)))
    nodes = (Node(("a",), tiny, ("x",)), Node(("b",), Dense(Constant(weights)), ("a",)))
    graph = Graph("far", (Input("x", TensorType((6,))),), nodes, ("b",))
    x = (1e5 + np.random.default_rng(1).normal(size=(20, 6)) * 1e-2).astype(np.float32)
    made = to_integers(graph, Scheme(x, "int16x8"), partial(refusals, get("c")))
    assert [each.layer for each in made.fallbacks] == ["a"]
    assert made.graph.types["b"].dtype is DType.INT16
