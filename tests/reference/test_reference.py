"""Running networks in the reference: every kind is defined, every misuse is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from layer_kinds import OF_PLACES
from networks import FUNCTIONS, KINDS, networks, samples

from mnc.errors import CompileError
from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Add, Concatenate, Dequantize, Quantize, Recurrent
from mnc.ir.types import TensorType
from mnc.reference import activate, compute, evaluate
from mnc.reference.quantised import compute_quantised


def leaves(kind: type[object]) -> Iterator[type[object]]:
    """Every class of the project below `kind` that has no subclass of its own."""
    for below in kind.__subclasses__():
        if below.__module__.startswith("mnc.ir.") and not below.__subclasses__():
            yield below
        yield from leaves(below)


QUANTISED = {Quantize, Dequantize}
"""Kinds that only quantised networks have; the networks that are drawn are of float32."""


def test_every_layer_kind_has_a_meaning_and_is_drawn() -> None:
    kinds = set(leaves(Layer))
    assert {kind for kind in kinds - QUANTISED if compute.dispatch(kind) is compute.dispatch(Layer)} == set()
    assert {
        kind for kind in QUANTISED if compute_quantised.dispatch(kind) is compute_quantised.dispatch(Layer)
    } == set()
    assert kinds - QUANTISED == {*KINDS, *OF_PLACES}


def test_every_function_has_a_meaning_and_is_drawn() -> None:
    kinds = set(leaves(Function))
    assert {kind for kind in kinds if activate.dispatch(kind) is activate.dispatch(Function)} == set()
    assert kinds == set(FUNCTIONS)


@settings(max_examples=60, deadline=None)
@given(graph=networks())
def test_values_have_the_inferred_types_and_do_not_depend_on_the_batch(graph: Graph) -> None:
    x = samples(graph, count=3)
    values = evaluate(graph, x)
    assert list(values) == list(graph.types)
    for name, value in values.items():
        assert value.shape[1:] == graph.types[name].shape
        assert value.dtype == np.float32
        assert np.isfinite(value).all()
    if any(isinstance(node.layer, Recurrent) and node.layer.stateful for node in graph.nodes):
        return  # then a sample depends on those before it
    alone = evaluate(graph, [array[1:2] for array in x])
    for name, value in values.items():
        np.testing.assert_allclose(alone[name], value[1:2], rtol=1e-6, atol=1e-6)


RELU = Graph("relu", (Input("x", TensorType((2, 3))),), (Node(("y",), Activation(Relu()), ("x",)),), ("y",))
SUM = Graph(
    "sum", (Input("a", TensorType((2,))), Input("b", TensorType((2,)))), (Node(("y",), Add(), ("a", "b")),), ("y", "a")
)


def test_the_result_has_the_form_of_the_network() -> None:
    y = RELU.predict(np.array([[[-1, 2, 3], [4, -5, 6]]]))
    assert isinstance(y, np.ndarray)
    np.testing.assert_array_equal(y, np.array([[[0, 2, 3], [4, 0, 6]]], np.float32))
    outputs = SUM.predict([np.ones((4, 2)), np.ones((4, 2))])
    assert isinstance(outputs, list)
    assert [array.shape for array in outputs] == [(4, 2), (4, 2)]


@pytest.mark.parametrize(
    ("graph", "x", "message"),
    [
        (RELU, np.zeros((2, 3)), r"input 'x': expects batchx2x3, not 2x3"),
        (RELU, np.zeros((1, 3, 2)), r"input 'x': expects batchx2x3, not 1x3x2"),
        (RELU, np.array(1.0), r"input 'x': expects batchx2x3, not \(\)"),
        (RELU, np.full((1, 2, 3), "a"), r"input 'x': expects real numbers, not <U1"),
        (RELU, [[[[1.0, 2.0, 3.0], [4.0]]]], r"input 'x': expects numbers of shape batchx2x3"),
        (RELU, [], r"takes 1 input arrays, not 0\nhint: It expects: batchx2x3"),
        (SUM, np.zeros((2, 2)), r"takes 2 input arrays, not 1"),
        (SUM, [np.zeros((2, 2)), np.zeros((3, 2))], r"same number of samples: 'a' has 2, 'b' has 3"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(graph: Graph, x: object, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        graph.predict(x)  # type: ignore[call-overload]  # what a caller may pass nevertheless


def test_a_kind_without_meaning_is_refused_and_can_be_registered() -> None:
    class Twice(Layer):
        def infer(self, *inputs: TensorType) -> TensorType:
            return inputs[0]

    graph = Graph("g", (Input("x", TensorType((1,))),), (Node(("y",), Twice(), ("x",)),), ("y",))
    with pytest.raises(CompileError, match="the reference does not define Twice"):
        graph.predict(np.ones((1, 1)))
    compute.register(Twice, lambda layer, x: 2 * x)
    np.testing.assert_array_equal(graph.predict(np.ones((1, 1))), [[2.0]])


def test_what_overflows_is_infinite_without_a_warning() -> None:
    graph = Graph("g", (Input("x", TensorType((1,))),), (Node(("y",), Add(), ("x", "x")),), ("y",))
    np.testing.assert_array_equal(graph.predict(np.full((1, 1), 3e38)), [[np.inf]])


def test_an_empty_batch_gives_an_empty_batch() -> None:
    graph = Graph("g", (Input("x", TensorType((2,))),), (Node(("y",), Concatenate(), ("x", "x")),), ("y",))
    assert np.shape(graph.predict(np.zeros((0, 2)))) == (0, 4)
