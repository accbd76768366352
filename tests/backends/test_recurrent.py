"""Recurrent layers: state that outlives a run, as many outputs as Keras gives, one loop whatever the length."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from networks import chain, samples
from quantised_networks import in_integers

import mnc
from mnc import targets
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import GRU, LSTM, Quantize, Recurrent, SimpleRNN
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.program import Name

STEPS, FEATURES, UNITS = 4, 3, 5


def layer(kind: type[Recurrent], *, stateful: bool = False, return_state: bool = False) -> Recurrent:
    rng = np.random.default_rng(1)
    width = kind.gates * UNITS
    kernel, recurrent = (Constant(rng.normal(0, 0.4, (n, width)).astype(np.float32)) for n in (FEATURES, UNITS))
    return kind(kernel, recurrent, stateful=stateful, return_state=return_state)


def network(recurrent: Recurrent, steps: int = STEPS) -> Graph:
    given = Input("x", TensorType((steps, FEATURES)))
    names = tuple(f"y{i}" for i in range(len(recurrent.outputs(given.type))))
    return Graph("network", (given,), (Node(names, recurrent, ("x",)),), names)


KINDS = pytest.mark.parametrize("kind", [SimpleRNN, GRU, LSTM])


@KINDS
def test_a_stateful_layer_goes_on_where_the_last_run_ended(kind: type[Recurrent], gcc: str, tmp_path: Path) -> None:
    graph = network(layer(kind, stateful=True))
    build = mnc.compile(graph, name="net")
    assert build.report.ram.state == 4 * UNITS * kind.states
    x = samples(graph, count=4)
    case = Case("net", build.files, x, [UNITS])
    # two networks, each set up once: the second begins anew
    first, again = run_cases([case, Case("other", mnc.compile(graph, name="other").files, x, [UNITS])], tmp_path, gcc)
    np.testing.assert_allclose(first[0], graph.predict(x[0]), atol=1e-6)
    np.testing.assert_array_equal(first[0], again[0])
    alone = network(layer(kind)).predict(x[0])
    assert np.abs(first[0][1:] - alone[1:]).max() > 1e-3


@KINDS
def test_the_python_interface_runs_samples_one_after_the_other(kind: type[Recurrent], cc: str) -> None:
    graph = network(layer(kind, stateful=True))
    (x,) = samples(graph, count=3)
    np.testing.assert_allclose(mnc.compile(graph).predict(x), graph.predict(x), atol=1e-6)


@KINDS
def test_the_state_follows_as_further_outputs(kind: type[Recurrent], gcc: str, tmp_path: Path) -> None:
    graph = network(layer(kind, return_state=True))
    x = samples(graph)
    sizes = [UNITS] * (1 + kind.states)
    (got,) = run_cases([Case("net", mnc.compile(graph, name="net").files, x, sizes)], tmp_path, gcc, SANITIZED)
    for y, want in zip(got, graph.predict(x), strict=True):
        np.testing.assert_allclose(y, want, atol=1e-6)


@KINDS
def test_a_core_without_fpu_gives_the_states_too(kind: type[Recurrent], gcc: str, tmp_path: Path) -> None:
    """Its blocks follow from the type of the outputs, of which there are several."""
    graph = network(layer(kind, return_state=True))
    x = samples(graph, count=2)
    sizes = [UNITS] * len(graph.outputs)
    cores = [name.replace("-", "_") for name in ("cortex-m0plus", "rv32imc", "avr")]
    builds = [mnc.compile(graph, name=name, target=name.replace("_", "-")) for name in cores]
    cases = [Case(each.name, each.files, x, sizes) for each in builds]
    for got in run_cases(cases, tmp_path, gcc):
        for output, expected in zip(got, graph.predict(x[0]), strict=True):
            np.testing.assert_allclose(output, expected, atol=1e-6)


@KINDS
def test_the_code_does_not_grow_with_the_number_of_steps(kind: type[Recurrent]) -> None:
    short, long = (mnc.compile(network(layer(kind), steps), name="net") for steps in (4, 400))
    assert len(short.files["net.c"]) == pytest.approx(len(long.files["net.c"]), abs=50)
    assert long.report.ram.total == short.report.ram.total
    assert re.search(r"for \(y = 0; y < 400; \+\+y\)", long.files["net.c"])


def in_int8() -> tuple[Quantize, LSTM]:
    """A state of int8, its cell of int16, and the layer in front that makes integers."""
    plain = layer(LSTM, stateful=True)
    scales = Quantisation((0.01,) * 4 * UNITS, axis=1)
    kernel, recurrent = (
        Constant(np.round(each.array / 0.01).clip(-127, 127).astype(np.int8), scales)
        for each in (plain.kernel, plain.recurrent_kernel)
    )
    made = LSTM(
        kernel,
        recurrent,
        stateful=True,
        cell_scale=2.0**-12,
        output=ElementType(DType.INT8, Quantisation((1 / 128,), 5)),
    )
    return Quantize(output=ElementType(DType.INT8, Quantisation((0.03,), -7))), made


def test_states_of_several_types_lie_side_by_side(gcc: str, tmp_path: Path) -> None:
    quantize, integers = in_int8()
    given = Input("x", TensorType((STEPS, FEATURES)))
    nodes = (
        Node(("q",), quantize, ("x",)),
        Node(("i",), integers, ("q",)),
        Node(("f",), layer(GRU, stateful=True), ("x",)),
    )
    graph = Graph("network", (given,), nodes, ("i", "f"))
    build = mnc.compile(graph, name="net")
    assert build.report.ram.state == 2 * 2 * UNITS + 4 * UNITS
    x = samples(graph, count=4)
    ((stored, real),) = run_cases(
        [Case("net", build.files, x, [UNITS, UNITS], ["int8", "float32"])], tmp_path, gcc, SANITIZED
    )
    expected = graph.predict(x[0])
    np.testing.assert_array_equal(stored, expected[0])
    np.testing.assert_allclose(real, expected[1], atol=1e-6)
    again = graph.predict(x[0][:1])
    assert (stored[1:] != np.concatenate([again[0]] * 3)).any()


@pytest.mark.parametrize(
    ("dtype", "factor", "rounding"),
    [(DType.INT8, 1.0, "MNC_TWICE_PLAIN"), (DType.INT8, 16.0, "MNC_TWICE"), (DType.INT16, 1.0, "MNC_ONCE")],
)
def test_gates_by_pairs_of_products(dtype: DType, factor: float, rounding: str, cc: str) -> None:
    """Odd and even numbers of elements and of channels, and sums that are rounded in any way."""
    rng = np.random.default_rng(3)
    layers: dict[str, Layer] = {}
    features = 5
    for name, kind, units in (("lstm", LSTM, 7), ("gru", GRU, 4), ("single", GRU, 1), ("rnn", SimpleRNN, 6)):
        width = kind.gates * units
        shapes = (features, width), (units, width), ((2, width) if kind is GRU else (width,))
        kernel, recurrent, bias = (Constant(np.zeros(shape, np.float32)) for shape in shapes)
        layers[name] = kind(kernel, recurrent, bias, return_sequences=True)
        features = units
    drawn = in_integers(chain((3, 5), **layers), 0, dtypes=[dtype])
    graph = drawn.with_nodes(replace(node, layer=coarser(node.layer, factor)) for node in drawn.nodes)
    build = mnc.compile(graph, name="net", target="cortex-m4")
    (step,) = (step for step in build.emission.program.steps if step.node.name == "lstm")
    (gates,) = (call for call in step.calls if call.kernel == "mnc_gates_s16")
    assert gates.arguments["rounding"] == Name(rounding)
    x = graph.inputs[0].type.stored(rng.normal(size=(4, 3, 5)))
    (got,) = targets.run(targets.get("cortex-m4"), build.files, build.interface, [x])
    np.testing.assert_array_equal(got.reshape(4, 3, 6), graph.predict(x))


def coarser(layer: Layer, factor: float) -> Layer:
    """A recurrent layer with larger steps of its weights for the input."""
    assert isinstance(layer, Recurrent) and layer.kernel.quant is not None
    quant = replace(layer.kernel.quant, scale=tuple(scale * factor for scale in layer.kernel.quant.scale))
    return layer.changed(kernel=Constant(layer.kernel.array, quant))
