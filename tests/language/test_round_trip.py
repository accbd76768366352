"""`parse(show(g)) == g`, for any network, in memory and through files."""

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import FUNCTIONS, functions, networks
from quantised_networks import ANY, quantised_networks
from stateful import stateful

from mnc import frontends
from mnc.errors import CompileError
from mnc.frontends.stores import grouped
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, LSTM, Activation, Add, BatchNormalization, Conv2D, Dense, Dequantize, Identity, Quantize
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.language import format_text, parse, show
from mnc.passes import PASSES


def reparsed(graph: Graph) -> Graph:
    shown = show(graph)
    return parse(shown.text, load_weights=lambda _: grouped(shown.constants))


@given(networks())
@settings(max_examples=50, deadline=None)
def test_any_network_comes_back(graph: Graph) -> None:
    assert reparsed(graph) == graph


@given(networks())
@settings(max_examples=15, deadline=None)
def test_any_network_comes_back_after_every_pass(graph: Graph) -> None:
    for each in PASSES:
        graph = each.run(graph)
        assert reparsed(graph) == graph, each.name


@given(quantised_networks(mixed=True, dtypes=ANY, max_layers=4))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_network_of_integers_comes_back_after_every_pass(graph: Graph) -> None:
    assert reparsed(graph) == graph
    for each in PASSES:
        graph = each.run(graph)
        assert reparsed(graph) == graph, each.name


NAMES = st.one_of(
    st.sampled_from(["input", "output", "for", "none", "true", "relu", "same", "conv2d", "weights", "network", "a/b"]),
    st.text(max_size=12),
    st.text("\\`\"{}$#\n\t\0é😀\u2028\ud800 /'", max_size=6),
)


@given(networks(max_layers=4), st.data())
@settings(max_examples=40, deadline=None)
def test_any_names_come_back(graph: Graph, data: st.DataObject) -> None:
    count = len(graph.types)
    new = data.draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    names = dict(zip(graph.types, new, strict=True))
    renamed = Graph(
        data.draw(NAMES),
        tuple(Input(names[each.name], each.type) for each in graph.inputs),
        tuple(
            Node(tuple(names[n] for n in node.outputs), node.layer, tuple(names[n] for n in node.inputs))
            for node in graph.nodes
        ),
        tuple(names[n] for n in graph.outputs),
    )
    assert reparsed(renamed) == renamed


@given(functions())
@settings(max_examples=40, deadline=None)
def test_any_function_comes_back_as_layer_and_as_attribute(function: object) -> None:
    weights = Constant(np.ones((2, 2)))
    nodes = (
        Node(("a",), Activation(function), ("x",)),  # type: ignore[arg-type]
        Node(("b",), Dense(weights, None, function), ("a",)),  # type: ignore[arg-type]
    )
    graph = Graph("g", (Input("x", TensorType((2,))),), nodes, ("b",))
    assert reparsed(graph) == graph


def test_every_function_is_drawn() -> None:
    from mnc.ir.activations import Function

    assert set(FUNCTIONS) == set(Function.__subclasses__())


SCALES = st.floats(1e-30, 1e30, allow_nan=False)


@st.composite
def quantisations(draw: st.DrawFn, shape: tuple[int, ...]) -> Quantisation | None:
    choice = draw(st.integers(0, 2))
    if choice == 0:
        return None
    if choice == 1 or not shape:
        return Quantisation((draw(SCALES),), draw(st.integers(-128, 127)))
    axis = draw(st.integers(0, len(shape) - 1))
    return Quantisation(tuple(draw(SCALES) for _ in range(shape[axis])), 0, axis)


@given(st.data(), st.sampled_from(list(DType)), st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_quantised_types_and_constants_come_back(data: st.DataObject, dtype: DType, rows: int, columns: int) -> None:
    shape = (rows, columns)
    if dtype is DType.FLOAT32:
        element = st.floats(width=32)
    else:
        bounds = np.iinfo(dtype.value)
        element = st.integers(int(bounds.min), int(bounds.max))
    numbers = data.draw(st.lists(element, min_size=rows * columns, max_size=rows * columns))
    weights = Constant(np.array(numbers, dtype.numpy).reshape(shape), data.draw(quantisations(shape)))
    type_ = TensorType((rows,), DType.INT8, data.draw(quantisations((rows,))))
    graph = Graph("q", (Input("x", type_),), (Node(("y",), Dense(weights), ("x",)),), ("y",))
    assert reparsed(graph) == graph


def test_outputs_may_repeat_and_be_inputs_and_inputs_may_be_unused() -> None:
    x, z = Input("x", TensorType((3,))), Input("z", TensorType((2, 2), DType.INT16))
    graph = Graph("g", (x, z), (Node(("y",), Identity(), ("x",)),), ("y", "x", "y"))
    assert reparsed(graph) == graph
    assert "input z: int16[2, 2] unused" in show(graph).text


def test_dead_layers_and_several_outputs_come_back() -> None:
    kernel, recurrent = Constant(np.ones((2, 12))), Constant(np.ones((3, 12)))
    lstm = LSTM(kernel, recurrent, None, return_state=True, go_backwards=True)
    nodes = (Node(("y", "a state", "c"), lstm, ("x",)), Node(("dead",), Identity(), ("c",)))
    graph = Graph("g", (Input("x", TensorType((4, 2))),), nodes, ("y", "c"))
    assert reparsed(graph) == graph


def test_the_cell_of_an_lstm_in_integers_comes_back() -> None:
    given = TensorType((4, 2), DType.INT8, Quantisation((0.03,), -7))
    weights = [Constant(np.ones((n, 12), np.int8), Quantisation((0.01,))) for n in (2, 3)]
    output = ElementType(DType.INT8, Quantisation((1 / 128,), 5))
    lstm = LSTM(weights[0], weights[1], cell_clip=1.5, cell_scale=2.0**-12, output=output)
    graph = Graph("g", (Input("x", given),), (Node(("y",), lstm, ("x",)),), ("y",))
    assert reparsed(graph) == graph


def test_numbers_that_are_hard_to_print_come_back() -> None:
    hard = [1e-45, 3.4028235e38, -0.0, 1 / 3]
    mean = Constant(np.array(hard, np.float32))
    for epsilon in (0.1, 1e-300, 5e-324, 1.7976931348623157e308, 1 / 3):
        layer = BatchNormalization(mean, mean, epsilon=epsilon)
        graph = Graph("g", (Input("x", TensorType((4,))),), (Node(("y",), layer, ("x",)),), ("y",))
        assert reparsed(graph) == graph
    for slope in (float("inf"), float("-inf"), -0.1, 1e22):
        relu = Activation(Relu(negative_slope=slope))
        graph = Graph("g", (Input("x", TensorType((4,))),), (Node(("y",), relu, ("x",)),), ("y",))
        assert reparsed(graph) == graph


def test_a_layer_kind_that_no_table_lists_comes_back() -> None:
    from dataclasses import dataclass

    from mnc.ir.layer import Layer
    from mnc.language.kinds import kind_named

    @dataclass(frozen=True)
    class TestOnlyLayer(Layer):
        """For this test."""

        table: Constant
        size: tuple[int, int]
        names: tuple[str, ...] = ()
        quant: Quantisation | None = None
        extra: Constant | None = None
        dtype: DType = DType.INT8

        def infer(self, *inputs: TensorType) -> TensorType:
            return TensorType(self.table.shape, self.dtype, self.quant)

    kind_named.cache_clear()
    layer = TestOnlyLayer(
        Constant(np.arange(12, dtype=np.int8).reshape(3, 4), Quantisation((0.5, 0.25, 1.0), axis=0)),
        (3, 4),
        ("a", "{b}"),
        Quantisation((0.1,), 3),
        Constant(np.float32(2.5)),
    )
    graph = Graph("g", (Input("x", TensorType((1,))),), (Node(("y",), layer, ("x",)),), ("y",))
    assert reparsed(graph) == graph
    bare = TestOnlyLayer(Constant(np.zeros((7,))), (1, 1))
    graph = Graph("g", (Input("x", TensorType((1,))),), (Node(("y",), bare, ("x",)),), ("y",))
    assert reparsed(graph) == graph


@pytest.mark.parametrize("folder", ["micromobilenet", "mlperf_tiny", "public_ops"])
def test_every_model_comes_back_before_and_after_every_pass(models: Path, folder: str) -> None:
    count = 0
    for path in sorted(each for each in (models / folder).iterdir() if each.suffix in (".h5", ".keras")):
        graph = frontends.read(path).graph
        if graph is None:  # refused by name, as other tests state
            continue
        assert reparsed(graph) == graph, path.name
        for each in PASSES:
            graph = each.run(graph)
            assert reparsed(graph) == graph, f"{path.name} after {each.name}"
        count += 1
    assert count > 5


def test_text_and_sidecar_come_back_from_files(tmp_path: Path) -> None:
    weights = Constant(np.random.default_rng(1).standard_normal((3, 3, 1, 4)))
    nodes = (
        Node(("a/very odd\nname",), Conv2D(weights), ("x",)),
        Node(("b" * 10_000,), Conv2D(Constant(np.ones((1, 1, 4, 5)))), ("a/very odd\nname",)),
        Node(("sum",), Add(), ("b" * 10_000, "b" * 10_000)),
    )
    graph = Graph("g", (Input("x", TensorType((5, 5, 1))),), nodes, ("sum",))
    shown = show(graph, "beside.npz")
    (tmp_path / "g.mnc").write_text(shown.text, "utf-8")
    (tmp_path / "beside.npz").write_bytes(shown.archive())
    assert frontends.load(tmp_path / "g.mnc") == graph


def test_showing_twice_gives_the_same_text() -> None:
    gru = GRU(Constant(np.ones((2, 9))), Constant(np.ones((3, 9))), Constant(np.zeros((2, 9))))
    graph = Graph("g", (Input("x", TensorType((4, 2))),), (Node(("y",), gru, ("x",)),), ("y",))
    first = show(graph)
    again = show(reparsed(graph))
    assert (first.text, list(first.constants)) == (again.text, list(again.constants))


def test_the_text_is_what_one_would_write() -> None:
    weights = Constant(np.ones((3, 3, 1, 8)))
    conv = Conv2D(weights, stride=(2, 2), padding=((0, 1), (0, 1)), activation=Relu(6.0))
    graph = Graph("pico", (Input("image", TensorType((8, 8, 1))),), (Node(("y",), conv, ("image",)),), ("y",))
    assert show(graph).text == (
        "network pico\n\n"
        "input image: float32[8, 8, 1]\n\n"
        "y = conv2d(image, filters = 8, kernel = 3, stride = 2, padding = same, activation = relu6, bias = false)\n\n"
        "output y\n\n"
        'weights "pico.npz"\n'
    )


def test_a_constant_of_another_shape_than_the_text_is_refused() -> None:
    graph = Graph(
        "g", (Input("x", TensorType((9,))),), (Node(("y",), Dense(Constant(np.ones((9, 2)))), ("x",)),), ("y",)
    )
    shown = show(graph)
    wrong = {name: array.T for name, array in shown.constants.items()}
    with pytest.raises(CompileError, match=re.escape("its weights are 9x2 in the text and 2x9 in the file")):
        parse(shown.text, load_weights=lambda _: grouped(wrong))


def test_replacing_a_layer_keeps_the_text_in_step() -> None:
    dense = Dense(Constant(np.ones((9, 2))))
    graph = Graph("g", (Input("x", TensorType((9,))),), (Node(("y",), dense, ("x",)),), ("y",))
    changed = graph.with_nodes([replace(graph.nodes[0], layer=replace(dense, activation=Relu()))])
    assert "activation = relu" in show(changed).text


def test_the_sidecar_has_no_dates() -> None:
    dense = Dense(Constant(np.ones((9, 2))))
    graph = Graph("g", (Input("x", TensorType((9,))),), (Node(("y",), dense, ("x",)),), ("y",))
    with zipfile.ZipFile(io.BytesIO(show(graph).archive())) as archive:
        assert [(member.filename, member.date_time[0]) for member in archive.infolist()] == [("y/weights.npy", 1980)]


def test_quantised_layers_come_back() -> None:
    eighth = ElementType(DType.INT8, Quantisation((0.125,), -3))
    weights = Constant(np.ones((4, 2), np.int8), Quantisation((0.5, 0.25), axis=1))
    bias = Constant(np.array([1, -2], np.int32), Quantisation((0.0625, 0.03125), axis=0))
    nodes = (
        Node(("q",), Quantize(output=eighth), ("x",)),
        Node(("a",), Activation(Relu(6.0), output=eighth), ("q",)),
        Node(("d",), Dense(weights, bias, Relu(), output=ElementType(DType.INT16, Quantisation((0.1,)))), ("a",)),
        Node(("y",), Dequantize(), ("d",)),
    )
    graph = Graph("g", (Input("x", TensorType((4,))),), nodes, ("y",))
    assert reparsed(graph) == graph
    assert "a = relu6(q, output = int8(scale = 0.125, zero_point = -3))" in show(graph).text


@given(
    st.builds(stateful, networks() | quantised_networks(mixed=True, dtypes=ANY, max_layers=4), st.integers(0, 2**16))
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_network_with_states_comes_back(graph: Graph) -> None:
    assert reparsed(graph) == graph
    assert format_text(show(graph).text) == show(graph).text
    for each in PASSES:
        graph = each.run(graph)
        assert reparsed(graph) == graph, each.name


def test_the_words_of_states_are_names_elsewhere() -> None:
    text = "network n\n\ninput x: float32[3]\n\nstate = relu(x)\nnext = tanh(state)\n\noutput next, state\n"
    graph = parse(text)
    assert [node.name for node in graph.nodes] == ["state", "next"]
    assert not graph.states
    assert reparsed(graph) == graph
