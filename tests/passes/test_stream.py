"""Networks on windows of frames become networks on the newest frames: the same numbers, each row computed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import chain
from quantised_networks import in_integers
from streams import Timed, lasting, sliding, stored

from mnc.errors import CompileError
from mnc.frontends.stores import grouped
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    GRU,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling,
    Multiply,
    Reshape,
    Slice,
)
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.language import parse, show
from mnc.passes import optimise
from mnc.passes.stream import Stream, stream

rng = np.random.default_rng(4)
ROUNDING = 2e-6
"""The reference rounds a state to float32 after each run, and sums in an order that depends on the number of rows."""


def constant(*shape: int) -> Constant:
    return Constant(rng.normal(size=shape).astype(np.float32))


def answers(made: Stream, frames: Array) -> Array:
    """The outputs of a sequence that count, run by run."""
    runs = len(frames) // made.hop
    outputs = made.graph.predict(frames[: runs * made.hop].reshape(runs, made.hop, *frames.shape[1:]))
    return np.asarray(outputs)[made.silent :]


def windows(graph: Graph, hop: int, frames: Array) -> Array:
    """The answers of the whole network to windows that begin every `hop` frames."""
    size = graph.inputs[0].type.shape[0]
    starts = range(0, len(frames) - size + 1, hop)
    return np.asarray(graph.predict(np.stack([frames[start : start + size] for start in starts])))


def multiply_adds(graph: Graph) -> int:
    return sum(map(graph.macs, graph.nodes))


@given(network=sliding(), times=st.integers(1, 3))
@settings(deadline=None)
def test_windows_slide(network: Timed, times: int) -> None:
    graph, hop = network.build(network.window), network.hop * times
    made, frames = stream(graph, hop), network.frames(network.window + 5 * hop)
    assert made.sliding and made.hop == hop and made.delay == 0
    expected, got = windows(graph, hop, frames), answers(made, frames)
    assert len(got) >= len(expected) - 1 >= 4
    np.testing.assert_allclose(got, expected[: len(got)], 1e-5, ROUNDING)


@given(network=sliding(), seed=st.integers(0, 99), dtype=st.sampled_from((DType.INT8, DType.INT16)))
@settings(max_examples=30, deadline=None)
def test_integers_slide(network: Timed, seed: int, dtype: DType) -> None:
    graph = in_integers(network.build(network.window), seed, dtypes=[dtype])
    frames = stored(graph, network.frames(network.window + 4 * network.hop))
    got = answers(stream(graph, network.hop), frames)
    np.testing.assert_array_equal(got, windows(graph, network.hop, frames)[: len(got)])


@given(network=lasting(), hop=st.integers(1, 3), frames=st.integers(12, 20))
@settings(deadline=None)
def test_sequences_go_on(network: Timed, hop: int, frames: int) -> None:
    """Outputs along time are those of the network for one long sequence, whatever the window it was made for."""
    try:
        made = stream(network.build(network.window + 2), hop)
    except CompileError as fault:  # an output that begins inside a run
        assert "late, inside a run" in fault.problems[0].what
        assume(False)
    x = network.frames(frames)
    expected = np.asarray(network.build(frames).predict(x[np.newaxis]))[0]
    got = np.concatenate(list(answers(made, x)))
    assert len(got) >= frames - network.window - 2 * hop
    np.testing.assert_allclose(got, expected[: len(got)], 1e-5, ROUNDING)


@given(network=sliding())
@settings(max_examples=20, deadline=None)
def test_no_row_is_computed_twice(network: Timed) -> None:
    """A window of many rows costs no more than one of few, but for the layers that need all of its rows."""
    few, many = (network.build(network.window + more * network.hop) for more in (8, 40))
    one, other = (optimise(stream(graph, network.hop).graph) for graph in (few, many))
    dense = [sum(g.macs(n) for n in g.nodes if isinstance(n.layer, Dense)) for g in (one, other)]
    assert multiply_adds(one) - dense[0] == multiply_adds(other) - dense[1]


@given(network=lasting())
@settings(max_examples=20, deadline=None)
def test_the_language_has_all_of_it(network: Timed) -> None:
    graph = stream(network.build(network.window + 4)).graph
    shown = show(graph)
    assert parse(shown.text, load_weights=lambda _: grouped(shown.constants)) == graph


def test_padding_that_looks_ahead_becomes_delay() -> None:
    layers = [Conv2D(constant(k, 1, 2, 2), padding=((k // 2, k // 2), (0, 0))) for k in (3, 5)]

    def build(frames: int) -> Graph:
        return chain((frames, 1, 2), first=layers[0], second=layers[1])

    made, x = stream(build(9)), rng.normal(size=(40, 1, 2)).astype(np.float32)
    assert (made.delay, made.silent, made.sliding) == (3, 3, False)
    expected = np.asarray(build(40).predict(x[np.newaxis]))[0]
    np.testing.assert_allclose(np.concatenate(list(answers(made, x))), expected[:37], 1e-5, ROUNDING)


def test_a_recurrent_layer_begins_behind_rows_that_are_none() -> None:
    """A convolution needs three frames for its first row; until then the state stays what it is."""
    gru = GRU(constant(4, 9), constant(3, 9), constant(9), reset_after=False)
    graph = chain((10, 1, 2), conv=Conv2D(constant(3, 1, 2, 4)), flat=Reshape((8, 4)), gru=gru)
    made, x = stream(graph), rng.normal(size=(10, 1, 2)).astype(np.float32)
    assert [state.held for state in made.graph.states] == [0, 2]
    np.testing.assert_allclose(answers(made, x)[0], np.asarray(graph.predict(x[np.newaxis]))[0], 1e-5, ROUNDING)


def test_the_last_row_of_a_window_keeps_no_window() -> None:
    graph = chain((30, 1, 2), conv=Conv2D(constant(3, 1, 2, 4)), last=Slice((27, 0, 0), (1, 1, 4), (1, 1, 1)))
    assert [state.type.shape for state in stream(graph).graph.states] == [(2, 1, 2)]


def test_one_state_serves_all_readers_of_a_value() -> None:
    nodes = [Node((f"c{k}",), Conv2D(constant(k, 1, 2, 2)), ("x",), f"layer c{k}") for k in (2, 4)]
    ends = [Node((f"g{k}",), GlobalAveragePooling(), (f"c{k}",), f"layer g{k}") for k in (2, 4)]
    given = Input("x", TensorType((10, 1, 2), DType.FLOAT32))
    graph = Graph("two", (given,), (*nodes, *ends), ("g2", "g4"))
    made = stream(graph)
    assert sorted(state.type.shape[0] for state in made.graph.states) == [3, 6, 8]


REFUSED: Sequence[tuple[str, Graph, int | None, str, str]] = (
    (
        "two inputs",
        Graph(
            "n",
            tuple(Input(name, TensorType((4, 2), DType.FLOAT32)) for name in "ab"),
            (Node(("m",), Multiply(), ("a", "b"), "layer m"),),
            ("m",),
        ),
        None,
        "network 'n'",
        "has 2 inputs",
    ),
    (
        "hop",
        chain((12, 1, 2), conv=Conv2D(constant(2, 1, 2, 2), stride=(2, 2)), mean=GlobalAveragePooling()),
        3,
        "argument 'hop'",
        "multiply to 2",
    ),
    (
        "same padding",
        chain((12, 1, 2), conv=Conv2D(constant(3, 1, 2, 2), padding=((1, 1), (0, 0))), mean=GlobalAveragePooling()),
        None,
        "conv",
        "pads the end of each window, and the line of mean reads the rows there",
    ),
    (
        "backwards",
        chain((12, 2), gru=GRU(constant(2, 9), constant(3, 9), go_backwards=True)),
        None,
        "gru",
        "reads each window backwards",
    ),
    (
        "padding that does not count",
        chain((12, 1, 2), pool=AveragePooling2D((3, 1), (1, 1), ((2, 0), (0, 0)))),
        None,
        "pool",
        "pads its windows in time",
    ),
    (
        "behind a window",
        chain(
            (12, 1, 2),
            flat=Flatten(),
            again=Reshape((6, 1, 4)),
            conv=Conv2D(constant(3, 1, 4, 2)),
        ),
        None,
        "conv",
        "every row of each window anew",
    ),
)


@pytest.mark.parametrize(("graph", "hop", "where", "what"), [each[1:] for each in REFUSED], ids=[e[0] for e in REFUSED])
def test_refusals(graph: Graph, hop: int | None, where: str, what: str) -> None:
    with pytest.raises(CompileError) as caught:
        stream(graph, hop)
    (problem,) = caught.value.problems
    assert problem.where.endswith(where) and what in problem.what and problem.hints
