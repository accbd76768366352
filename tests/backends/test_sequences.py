"""Float networks with states in integers: sequences calibrate and judge them, and states are integers, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, run_cases
from hypothesis import given
from hypothesis import strategies as st
from networks import batches, networks, samples
from same_bits import BATCH, case_of
from stateful import STEADY, is_steady, stateful
from tflite_files import read, register

import mnc
from mnc.cli import run
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.activations import Relu, Sigmoid
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Recurrent,
    Reshape,
    SimpleRNN,
    Slice,
)
from mnc.ir.state import State
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.quantise.own_states import put_back, taken_out
from mnc.quantise.pipeline import Scheme
from mnc.quantise.sequences import representative, split

FRAMES, LENGTH = 36, 3
ZERO = Constant(np.float32(0))


def decibels(expected: Array, got: Array) -> float:
    noise = float(np.square(expected.astype(np.float64) - got).sum())
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise)) if noise else np.inf


def listed(outputs: Array | list[Array]) -> list[Array]:
    return outputs if isinstance(outputs, list) else [outputs]


def weights(rng: np.random.Generator, *shape: int) -> Constant:
    fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 9
    return Constant(rng.normal(0, fan_in**-0.5, shape).astype(np.float32))


def wake_word() -> Graph:
    """Three frames of 20 features a run; registers before a convolution, two depthwise ones and a dense layer, as in
    microWakeWord's second version."""
    rng = np.random.default_rng(5)
    nodes: list[Node] = [Node(("row",), Reshape((LENGTH, 1, 20)), ("x",))]
    states: list[State] = []

    def window(name: str, read: str, rows: int, new: int, channels: int) -> str:
        kept, whole, tail = f"{name}/state", f"{name}/window", f"{name}/tail"
        nodes.append(Node((whole,), Concatenate(0), (kept, read)))
        nodes.append(Node((tail,), Slice((new, 0, 0), (rows, 1, channels), (1, 1, 1)), (whole,)))
        states.append(State(kept, TensorType((rows, 1, channels)), ZERO, tail))
        return whole

    first = Conv2D(weights(rng, 5, 1, 20, 16), weights(rng, 16), (3, 1), activation=Relu())
    nodes.append(Node(("first",), first, (window("in", "row", 2, LENGTH, 20),)))
    read = "first"
    for i, taps in enumerate((5, 9)):
        along = DepthwiseConv2D(weights(rng, taps, 1, 16, 1), weights(rng, 16))
        nodes.append(Node((f"along{i}",), along, (window(f"s{i}", read, taps - 1, 1, 16),)))
        nodes.append(
            Node(
                (f"across{i}",), Conv2D(weights(rng, 1, 1, 16, 16), weights(rng, 16), activation=Relu()), (f"along{i}",)
            )
        )
        read = f"across{i}"
    nodes.append(Node(("flat",), Flatten(), (window("last", read, 4, 1, 16),)))
    nodes.append(Node(("dense",), Dense(weights(rng, 80, 1), weights(rng, 1)), ("flat",)))
    nodes.append(Node(("y",), Activation(Sigmoid()), ("dense",)))
    return Graph("wake", (Input("x", TensorType((LENGTH, 20))),), tuple(nodes), ("y",), states=tuple(states))


def sounds(count: int, seed: int = 1) -> Array:
    """Features that go up and down with time."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.4, (count * LENGTH, 20)).cumsum(axis=0)
    return np.asarray(np.abs(steps - steps.mean(axis=0)), np.float32).reshape(count, LENGTH, 20)


@BATCH
@given(graphs=batches(st.builds(stateful, networks(layers=STEADY), st.integers(0, 2**16)).filter(is_steady), 6))
def test_random_networks(graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """States are what they become, sequences judge where there are some, and C gives the same bits.

    Of networks with layers in float32 the bits depend on the order of sums, and are not compared.
    """
    builds: list[Build] = []
    inputs: list[list[Array]] = []
    for i, graph in enumerate(graphs):
        x = samples(graph, FRAMES)
        scheme = Scheme(x, ("int8", "int16x8")[i % 2], allow_loss=True, ranges="minmax")
        build = mnc.compile(graph, name=f"n{i}", scheme=scheme)
        judging = build.prepared.judging
        assert build.prepared.real is not None and judging is not None and build.report.quantisation is not None
        assert build.report.quantisation.sequences == len(judging.sequences) == bool(build.prepared.real.states)
        if build.report.quantisation.float_layers:
            continue
        read = [state for state in build.graph.states if build.graph.consumers[state.name]]
        assert all(state.type.quant is not None for state in read)
        builds.append(build)
        inputs.append([given.type.stored(each[:5]) for given, each in zip(build.graph.inputs, x, strict=True)])
    cases = [case_of(build, x) for build, x in zip(builds, inputs, strict=True)]
    outputs = run_cases(cases, tmp_path_factory.mktemp("sequences"), gcc, SANITIZED)
    for build, x, found in zip(builds, inputs, outputs, strict=True):
        for got, want in zip(found, listed(build.graph.predict(x)), strict=True):
            np.testing.assert_array_equal(got, want.reshape(got.shape), err_msg=str(build.graph))


@pytest.mark.parametrize(("quantize", "least"), [("int8", 24.0), ("int16x8", 34.0)])
def test_a_network_that_listens(quantize: str, least: float, cc: str) -> None:
    """All of it is in integers, its registers stay registers, and sequences it has not heard come out nearly alike."""
    graph = wake_word()
    x = sounds(240).reshape(12, 20, LENGTH, 20)
    build = mnc.compile(graph, name="wake", quantize=quantize, calibration=x)
    dtype = DType(quantize.removesuffix("x8"))
    assert {type_.dtype for type_ in build.graph.types.values()} == {dtype}
    assert build.report.quantisation is not None and build.report.quantisation.float_layers == ()
    assert build.report.quantisation.sequences == 3
    # a window is its state and the newest frame: the arena has none of the 2 + 4 + 8 + 4 rows that are kept
    assert build.report.ram.state == dtype.bytes * (20 * 5 + 16 * (5 + 9 + 5))
    assert build.report.ram.arena <= dtype.bytes * 20 * LENGTH
    unheard = sounds(60, seed=9)
    got = build.graph.predict(unheard)
    assert isinstance(got, np.ndarray)
    assert decibels(np.asarray(graph.predict(unheard)), got) > least
    np.testing.assert_array_equal(build.predict(unheard), got)


def test_the_report_has_the_noise_of_sequences_that_the_network_runs_itself() -> None:
    """A mean that forgets slowly: an error of one frame is there in the next ones, and counts there."""
    rng = np.random.default_rng(2)
    dense = Dense(Constant(np.concatenate([0.95 * np.eye(4), 0.2 * np.eye(4)]).astype(np.float32)))
    nodes = (Node(("both",), Concatenate(0), ("mean", "x")), Node(("y",), dense, ("both",)))
    kept = State("mean", TensorType((4,)), Constant(np.float32(0.5)), "y", held=2)
    graph = Graph("mean", (Input("x", TensorType((4,))),), nodes, ("y",), states=(kept,))
    x = rng.normal(0.3, 1.0, (10, 30, 4)).astype(np.float32)
    build = mnc.compile(graph, scheme=Scheme(x, rounding="nearest", bias_correction=False))
    assert build.report.quantisation is not None and build.report.quantisation.judged_by == 60
    given = representative(graph, x)
    parts = split(graph, given)
    held = [x[i] for i in range(10) if (parts.judging.arrays[0] == x[i][0]).all(axis=1).any()]
    only = [x[i] for i in range(10) if not any(x[i] is each or (x[i] == each).all() for each in held)]
    fitted = mnc.compile(graph, scheme=Scheme(np.stack(only), rounding="nearest", bias_correction=False))
    exact, got = (np.concatenate([each.predict(frames) for frames in held]) for each in (graph, fitted.graph))
    assert build.report.quantisation.sqnr["y"] == pytest.approx(decibels(exact, got), abs=0.01)


@pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
def test_recurrent_layers_that_keep_their_state(kind: type[Recurrent], cc: str) -> None:
    """They are integers, keep their state themselves as before, and go on from frame to frame."""
    rng = np.random.default_rng(4)
    width = kind.gates * 6
    bias = weights(rng, *((2, width) if kind is GRU else (width,)))
    layer = kind(weights(rng, 5, width), weights(rng, 6, width), bias, stateful=True)
    nodes = (Node(("h",), layer, ("x",)), Node(("y",), Dense(weights(rng, 6, 3)), ("h",)))
    graph = Graph("net", (Input("x", TensorType((2, 5))),), nodes, ("y",))
    assert put_back(taken_out(graph)) == graph
    x = rng.normal(size=(8, 20, 2, 5)).astype(np.float32)
    np.testing.assert_allclose(taken_out(graph).predict(x[0]), graph.predict(x[0]), atol=1e-6)
    build = mnc.compile(graph, name="net", quantize="int8", calibration=x)
    (quantised,) = (node.layer for node in build.graph.nodes if isinstance(node.layer, kind))
    assert quantised.stateful and quantised.output is not None and not build.graph.states
    assert build.report.quantisation is not None and build.report.quantisation.sequences == 2
    unheard = rng.normal(size=(50, 2, 5)).astype(np.float32)
    got = build.graph.predict(unheard)
    assert isinstance(got, np.ndarray)
    assert decibels(np.asarray(graph.predict(unheard)), got) > 26.0
    np.testing.assert_array_equal(build.predict(unheard), got)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_states_that_a_recurrent_layer_is_given(kind: type[Recurrent], cc: str) -> None:
    """The network's states are of the types in which the layer keeps its vectors; a reader has another form."""
    rng = np.random.default_rng(6)
    width = kind.gates * 6
    layer = kind(weights(rng, 5, width), weights(rng, 6, width), initial_state=True, return_state=True)
    given = tuple(f"s{i}" for i in range(kind.states))
    nexts = tuple(f"n{i}" for i in range(kind.states))
    nodes = (Node(("h", *nexts), layer, ("x", *given)), Node(("y",), Dense(weights(rng, 6, 3)), (given[-1],)))
    states = tuple(State(name, TensorType((6,)), ZERO, next_) for name, next_ in zip(given, nexts, strict=True))
    graph = Graph("net", (Input("x", TensorType((2, 5))),), nodes, ("y", "h"), states=states)
    x = rng.normal(size=(160, 2, 5)).astype(np.float32)
    build = mnc.compile(graph, name="net", quantize="int8", calibration=x)
    dtypes = [state.type.dtype for state in build.graph.states]
    assert dtypes == [DType.INT8, DType.INT16] if kind is LSTM else [DType.INT16]
    assert build.report.quantisation is not None and not build.report.quantisation.float_layers
    for want, got, c in zip(graph.predict(x), build.graph.predict(x), build.predict(x), strict=True):
        assert decibels(want, got) > 24.0
        np.testing.assert_array_equal(c, got)


def test_variables_of_tensorflow_lite(cc: str) -> None:
    rng = np.random.default_rng(0)
    graph = read(register("FLOAT32", rng.normal(size=(1, 2, 4)).astype(np.float32))).graph
    assert graph is not None
    x = rng.normal(size=(40, 1, 4)).astype(np.float32)
    build = mnc.compile(graph, name="net", quantize="int8", calibration=x)
    (state,) = build.graph.states
    assert state.type.dtype is DType.INT8 and state.initial.array.dtype == np.int8
    got = build.graph.predict(x)
    assert isinstance(got, np.ndarray)
    assert decibels(np.asarray(graph.predict(x)), got) > 40.0
    np.testing.assert_array_equal(build.predict(x), got)


@pytest.mark.parametrize("options", [{"io": "uint8"}, {"quantize": "mixed", "min_sqnr": 30.0}])
def test_other_schemes(options: dict[str, object], cc: str) -> None:
    graph, x = wake_word(), sounds(120)
    build = mnc.compile(graph, name="wake", scheme=Scheme(x, **options))  # type: ignore[arg-type]  # each of its type
    unheard = sounds(30, seed=9)
    got = build.graph.predict(unheard)
    assert isinstance(got, np.ndarray)
    assert decibels(np.asarray(graph.predict(unheard)), got) > 22.0
    np.testing.assert_allclose(build.predict(unheard), got, atol=1e-6)


def test_samples_of_other_shapes_are_refused() -> None:
    graph = wake_word()
    with pytest.raises(CompileError, match="expects batchx3x20, not 2x4x5x3x20"):
        mnc.compile(graph, quantize="int8", calibration=np.zeros((2, 4, 5, 3, 20), np.float32))
    two = replace(graph, inputs=(*graph.inputs, Input("z", TensorType((2,)))), outputs=("y", "z"))
    xs = [np.zeros((2, 9, 3, 20), np.float32), np.zeros((3, 6, 2), np.float32)]
    with pytest.raises(CompileError, match="different numbers of sequences or frames: 2x9, 3x6"):
        mnc.compile(two, quantize="int8", calibration=xs)


def test_the_command_takes_sequences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """network last

input x: float32[4]
state before: float32[4] = 0

both = concatenate(before, x, axis = 0)
next before = x
output dense(both, units = 3)

weights random(seed = 1)
"""
    model, calibration = tmp_path / "last.mnc", tmp_path / "x.npy"
    model.write_text(text)
    x = np.random.default_rng(0).normal(size=(9, 8, 4)).astype(np.float32)
    np.save(calibration, x)
    arguments = ["compile", str(model), "--quantize", "int8", "--calibration", str(calibration)]
    assert run([*arguments, "--json", "-o", str(tmp_path / "out")]) == 0
    assert '"sequences": 2' in capsys.readouterr().out
    np.save(calibration, x[np.newaxis])
    assert run([*arguments, "-o", str(tmp_path / "other")]) == 1
    what = "the network takes (samples, 4), or several sequences of frames, (sequences, samples, 4)"
    assert what in capsys.readouterr().err
