"""LSTM layers that `--quantize` makes integers of: as TensorFlow Lite Micro computes them, near the float network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor

import mnc
from mnc.ir.activations import HardSigmoid, Softsign
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, LSTM, Dense
from mnc.ir.layers.recurrent import CELL_SCALES
from mnc.ir.types import Array, Constant, DType, Quantisation, TensorType
from mnc.quantise.quantise import meaningless
from mnc.quantise.recurrent import cell_scales, stored

STEPS, FEATURES, UNITS = 12, 5, 7


def weights(rng: np.random.Generator, *shape: int) -> Constant:
    return Constant(rng.normal(0, 0.5, shape).astype(np.float32))


def layer(seed: int = 0) -> LSTM:
    rng = np.random.default_rng(seed)
    width = 4 * UNITS
    return LSTM(weights(rng, FEATURES, width), weights(rng, UNITS, width), weights(rng, width), return_sequences=True)


def network(recurrent: LSTM | GRU) -> Graph:
    dense = Dense(weights(np.random.default_rng(3), UNITS, 3))
    nodes = (Node(("h",), recurrent, ("x",)), Node(("y",), dense, ("h",)))
    return Graph("net", (Input("x", TensorType((STEPS, FEATURES))),), nodes, ("y",))


def samples(count: int = 64) -> Array:
    return np.random.default_rng(1).normal(0, 1, (count, STEPS, FEATURES)).astype(np.float32)


def as_file(graph: Graph) -> bytes:
    """The graph's LSTM layer, which is in integers, as a TFLite file."""
    node = graph.nodes[0]
    lstm, given = node.layer, graph.inputs[0].type
    assert isinstance(lstm, LSTM) and given.quant is not None and lstm.output is not None
    assert lstm.output.quant is not None and lstm.bias is not None and lstm.cell_scale is not None

    def values(shape: tuple[int, ...], scale: float, zero: int, dtype: DType, *, variable: bool = False) -> Tensor:
        return Tensor(shape, dtype.value.upper(), [scale], [zero], variable=variable)

    quant = lstm.output.quant
    x = values((1, *given.shape), given.quant.scale[0], given.quant.zero_point, given.dtype)
    h = values((1, UNITS), quant.scale[0], quant.zero_point, given.dtype, variable=True)
    cell = values((1, UNITS), lstm.cell_scale, 0, DType.INT16, variable=True)
    y = values((1, STEPS, UNITS), quant.scale[0], quant.zero_point, given.dtype)
    gates = [slice(k * UNITS, (k + 1) * UNITS) for k in range(4)]
    trained = []
    for constant in (lstm.kernel, lstm.recurrent_kernel):
        assert constant.quant is not None
        trained += [Tensor.of(constant.array[:, g].T.copy(), [constant.quant.scale[g.start]]) for g in gates]
    scales = [x.scale[0] * trained[k].scale[0] for k in range(4)]
    biases = [Tensor.of(lstm.bias.array[g], [scale]) for g, scale in zip(gates, scales, strict=True)]
    absent = Tensor((0,))
    tensors = [x, *trained, *[absent] * 3, *biases, *[absent] * 2, h, cell, *[absent] * 4, y]
    places = [-1 if each is absent else i for i, each in enumerate(tensors[:-1])]
    options = {"FusedActivationFunction": 4, "CellClip": 0.0, "TimeMajor": False}
    operator = Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", places, [len(places)], options)
    return File(tensors, [operator], [0], [len(places)]).content()


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_a_quantised_lstm_gives_the_bytes_of_tensorflow_lite_micro(quantize: str) -> None:
    runtime = pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro is not installed").runtime
    build = mnc.compile(network(layer()), quantize=quantize, calibration=samples())
    graph = replace(build.graph, nodes=build.graph.nodes[:1], outputs=build.graph.nodes[0].outputs)
    content = as_file(graph)
    x = graph.inputs[0].type.stored(samples(8))
    y = graph.predict(x)
    assert isinstance(y, np.ndarray) and y.dtype == x.dtype
    for run, got in zip(x, y, strict=True):
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=2**16)
        interpreter.set_input(run[np.newaxis], 0)
        interpreter.invoke()
        np.testing.assert_array_equal(got, np.asarray(interpreter.get_output(0))[0])


@pytest.mark.parametrize(("quantize", "decibels"), [("int8", 30.0), ("int16x8", 38.0)])
def test_little_of_the_signal_is_lost(quantize: str, decibels: float) -> None:
    graph = network(layer())
    build = mnc.compile(graph, quantize=quantize, calibration=samples())
    assert {build.graph.types[name].dtype for name in ("h", "y")} == {DType(quantize.removesuffix("x8"))}
    x = samples(200)[100:]
    y, got = graph.predict(x), build.graph.predict(x)
    assert isinstance(y, np.ndarray) and isinstance(got, np.ndarray)
    assert 10 * np.log10(np.square(y).sum() / np.square(y - got).sum()) >= decibels


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recurrent_activation": HardSigmoid()}, "LSTM in integers has tanh and sigmoid for its functions"),
        ({"activation": Softsign()}, "LSTM in integers has tanh and sigmoid for its functions"),
    ],
)
def test_other_forms_stay_in_float32_and_say_why(changes: dict[str, object], reason: str) -> None:
    graph = network(layer().changed(**changes))
    assert meaningless(graph, graph.nodes[0], DType.INT8) == reason
    build = mnc.compile(graph, quantize="int8", calibration=samples())
    assert build.graph.types["h"].dtype is DType.FLOAT32


def test_the_cell_has_the_finest_scale_that_holds_it() -> None:
    graph = network(layer())
    x = samples()
    (scale,) = cell_scales(graph, [x]).values()
    several = replace(layer(), return_sequences=False, return_state=True)
    largest = 0.0
    for steps in range(1, STEPS + 1):
        given = Input("x", TensorType((steps, FEATURES)))
        short = Graph("short", (given,), (Node(("y", "h", "c"), several, ("x",)),), ("c",))
        c = short.predict(x[:, :steps])
        assert isinstance(c, np.ndarray)
        largest = max(largest, float(np.abs(c).max()))
    assert scale in CELL_SCALES
    assert scale * 2**14 < largest <= scale * 2**15


def test_a_gate_has_one_scale_for_all_units() -> None:
    made = stored(layer(), Quantisation((0.02,), 3), DType.INT8, CELL_SCALES[0])
    for constant in (made.kernel, made.recurrent_kernel):
        assert constant.quant is not None
        by_gate = np.reshape(constant.quant.scale, (4, UNITS))
        assert (by_gate == by_gate[:, :1]).all()
        assert len(np.unique(by_gate)) == 4
        assert (np.abs(constant.array).reshape(-1, 4, UNITS).max(axis=(0, 2)) == 127).all()
