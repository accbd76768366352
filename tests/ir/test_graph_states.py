"""States: what is one, and what the reference makes of a sequence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import networks, samples
from stateful import STEADY, is_steady, stateful

from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Add, BatchNormalization, Flatten, Identity, Reshape, SeparableConv2D, ZeroPadding2D
from mnc.ir.state import State
from mnc.ir.types import Constant, DType, Quantisation, ShapeError, TensorType
from mnc.passes import PASSES, Pass, optimise
from mnc.reference import evaluate

SUM = TensorType((2,))


def counting(initial: float = 0.0) -> Graph:
    """The sum of all inputs so far."""
    return Graph(
        "counting",
        (Input("x", SUM),),
        (Node(("sum",), Add(), ("x", "total")),),
        ("sum",),
        states=(State("total", SUM, Constant(np.float32(initial)), "sum"),),
    )


def test_samples_are_one_sequence() -> None:
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(counting(10.0).predict(x), 10 + np.cumsum(x, axis=0))
    assert np.shape(counting().predict(x[:0])) == (0, 2)


def test_states_are_taken_and_given() -> None:
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    y, states = counting().predict(x, {"total": np.array([100, 200])})
    np.testing.assert_array_equal(y, np.add([100, 200], np.cumsum(x, axis=0)))
    np.testing.assert_array_equal(states["total"], [112, 216])
    _, unmoved = counting(3.0).predict(x[:0], {})
    np.testing.assert_array_equal(unmoved["total"], [3, 3])


def test_states_that_do_not_fit_are_refused() -> None:
    x = np.zeros((1, 2), np.float32)
    with pytest.raises(CompileError, match=r"has no state 'tota'\nhint: its states: 'total'"):
        counting().predict(x, {"tota": np.zeros(2)})
    with pytest.raises(CompileError, match="state 'total': expects 2, not 3"):
        counting().predict(x, {"total": np.zeros(3)})


def test_a_sequence_in_parts_is_the_sequence() -> None:
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    first, states = counting().predict(x[:2], {})
    rest, _ = counting().predict(x[2:], states)
    np.testing.assert_array_equal([*first, *rest], counting().predict(x))


def test_equal_initial_values_are_one_number() -> None:
    one, all_ = (State("s", SUM, Constant(np.full(shape, 2.5, np.float32)), "y") for shape in ((), (2,)))
    assert one == all_
    assert one.initial.shape == ()
    np.testing.assert_array_equal(one.beginning, [2.5, 2.5])
    signed = State("s", SUM, Constant(np.array([0.0, -0.0], np.float32)), "y")
    assert signed.initial.shape == (2,)


@pytest.mark.parametrize(
    ("initial", "what"),
    [
        (np.zeros((), np.int8), "is float32, its initial value int8"),
        (np.zeros(3, np.float32), r"is float32\[2\], its initial value 3"),
        (np.array([1, np.inf], np.float32), "is not finite"),
    ],
)
def test_an_initial_value_is_of_the_state(initial: np.ndarray, what: str) -> None:
    with pytest.raises(ShapeError, match=what):
        State("s", SUM, Constant(initial), "y")


def test_a_next_value_is_of_the_state() -> None:
    graph = counting()
    (state,) = graph.states
    with pytest.raises(CompileError, match="state 'total': its next value, 'y', is given by no layer"):
        replace(graph, states=(replace(state, next="y"),))
    with pytest.raises(CompileError, match=r"it is float32\[3\], "):
        replace(graph, nodes=(), outputs=("x",), states=(replace(state, type=TensorType((3,)), next="x"),))
    with pytest.raises(CompileError, match="the name 'x' is taken"):
        replace(graph, states=(replace(state, name="x"),))
    int8 = TensorType((2,), DType.INT8, Quantisation((1.0,)))
    with pytest.raises(CompileError, match="with another scale or zero point"):
        Graph(
            "g",
            (Input("x", int8),),
            (),
            ("x",),
            states=(State("s", replace(int8, quant=Quantisation((2.0,))), Constant(np.int8(0)), "x"),),
        )


def test_a_recurrent_layer_keeps_nothing_beside_states() -> None:
    weights = Constant(np.zeros((2, 6), np.float32))
    node = Node(("y",), GRU(weights, weights, weights, stateful=True), ("steps",))
    graph = counting()
    with pytest.raises(CompileError, match="beside the states of the network, as 'total'"):
        replace(graph, inputs=(*graph.inputs, Input("steps", TensorType((3, 2)))), nodes=(node, *graph.nodes))


CHANGED = (BatchNormalization, Flatten, Identity, Reshape, SeparableConv2D, ZeroPadding2D)
"""Kinds that passes change."""
GRAPHS = st.builds(stateful, networks(layers=[*STEADY, *CHANGED]), st.integers(0, 2**16)).filter(is_steady)
LENIENT = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


def assert_same_meaning(before: Graph, after: Graph) -> None:
    """The outputs of a sequence, and the states that are left after it."""
    x = samples(before, 4)
    largest = max(float(np.abs(value).max()) for value in evaluate(before, x).values())
    (y, old), (got, new) = before.predict(x, {}), after.predict(x, {})
    assert after.outputs == before.outputs
    assert new.keys() <= old.keys()
    pairs = [*zip(y if isinstance(y, list) else [y], got if isinstance(got, list) else [got], strict=True)]
    pairs += [(old[name], new[name]) for name in new]
    for want, value in pairs:
        np.testing.assert_allclose(value, want, rtol=1e-4, atol=1e-4 * max(1.0, largest))


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
@LENIENT
@given(graph=GRAPHS)
def test_a_pass_keeps_what_states_mean(each: Pass, graph: Graph) -> None:
    once = each.run(graph)
    assert_same_meaning(graph, once)
    assert each.run(once) == once


@LENIENT
@given(graph=GRAPHS)
def test_the_whole_pipeline_keeps_what_states_mean(graph: Graph) -> None:
    assert_same_meaning(graph, optimise(graph))


def test_a_state_that_no_output_depends_on_is_dropped() -> None:
    graph = counting()
    other = State("other", SUM, Constant(np.float32(1)), "twice")
    nodes = (*graph.nodes, Node(("twice",), Add(), ("other", "total")))
    assert optimise(replace(graph, nodes=nodes, states=(*graph.states, other))) == graph
    needed = replace(graph, nodes=nodes, outputs=("twice",), states=(*graph.states, other))
    assert optimise(needed) == needed
