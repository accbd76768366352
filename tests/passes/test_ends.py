"""Inputs and outputs of a network in integers, converted at its ends: the numbers inside stay what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.cli import run
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import ArgExtreme, Dense, Dequantize, Flatten, Quantize
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.passes import optimise
from mnc.passes.ends import with_ends

rng = np.random.default_rng(12)


@pytest.fixture
def network(fixtures: Path) -> Graph:
    """One that TensorFlow Lite's converter made int8 of, ends included."""
    return mnc.load(fixtures / "pico.int8.tflite")


@pytest.fixture
def samples(fixtures: Path) -> tuple[np.ndarray, np.ndarray]:
    """Its inputs, and what TensorFlow Lite Micro gives for them."""
    golden = np.load(fixtures / "pico.int8.tflite.golden.npz")
    return golden["x"], golden["y_tflm"]


def test_uint8_is_128_more(network: Graph, samples: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = samples
    graph = with_ends(network, DType.UINT8)
    np.testing.assert_array_equal(graph.predict(x.view(np.uint8) ^ 128), y.view(np.uint8) ^ 128)


def test_float_is_what_the_bytes_mean(network: Graph, samples: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = samples
    graph = with_ends(network, DType.FLOAT32)
    (given,), last = network.inputs, network.types[network.outputs[0]].quant
    assert given.type.quant is not None
    assert last is not None
    real = (x.astype(np.float32) - given.type.quant.zero_point) * np.float32(given.type.quant.scale[0])
    expected = (y.astype(np.float32) - last.zero_point) * np.float32(last.scale[0])
    np.testing.assert_allclose(graph.predict(real), expected, rtol=1e-6)


@pytest.mark.parametrize("first", [DType.FLOAT32, DType.UINT8])
@pytest.mark.parametrize("then", [DType.FLOAT32, DType.INT8, DType.UINT8])
def test_conversions_are_replaced_not_doubled(network: Graph, first: DType, then: DType) -> None:
    """As a file with float ends has them, which most converters make."""
    twice, once = (optimise(with_ends(graph, then)) for graph in (with_ends(network, first), network))
    assert [type(node.layer) for node in twice.nodes] == [type(node.layer) for node in once.nodes]
    assert [given.type for given in twice.inputs] == [given.type for given in once.inputs]
    assert [twice.types[name] for name in twice.outputs] == [once.types[name] for name in once.outputs]


def test_an_end_without_a_scale_is_refused_and_a_place_stays(network: Graph) -> None:
    with pytest.raises(CompileError, match="is int8, which int16 holds in other steps only"):
        with_ends(network, DType.INT16)
    (given,) = network.inputs
    nodes = (
        Node(("real",), Dequantize(), (given.name,)),
        Node(("flat",), Flatten(), ("real",)),
        Node(("y",), Dense(Constant(rng.normal(size=(given.type.elements, 2)).astype(np.float32))), ("flat",)),
        Node(("place",), ArgExtreme(axis=0), ("flat",)),
    )
    with pytest.raises(CompileError, match="output 'y': is float32"):
        with_ends(Graph("net", network.inputs, nodes, ("y", "place")), DType.UINT8)
    placed = with_ends(Graph("net", network.inputs, (*nodes[:2], nodes[3]), ("place",)), DType.UINT8)
    assert placed.outputs == ("place",)


def test_an_input_that_is_given_out_and_read_twice() -> None:
    type_ = TensorType((4,), DType.INT8, Quantisation((0.5,), 3))
    other = TensorType((4,), DType.INT8, Quantisation((0.25,), 0))
    nodes = (
        Node(("other",), Quantize(output=ElementType(other.dtype, other.quant)), ("x",)),
        Node(("flat",), Flatten(), ("x",)),
    )
    graph = Graph("net", (Input("x", type_),), nodes, ("x", "other", "flat"))
    x = rng.integers(-128, 128, (5, 4)).astype(np.int8)
    for got, want in zip(with_ends(graph, DType.UINT8).predict(x.view(np.uint8) ^ 128), graph.predict(x), strict=True):
        np.testing.assert_array_equal(got, want.view(np.uint8) ^ 128)


def test_the_command_line(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A camera's bytes go straight into a `.tflite` of int8, and take no byte of RAM more."""
    model, totals = str(fixtures / "pico.int8.tflite"), []
    for io in ("int8", "uint8"):
        assert run(["compile", model, "--name", "pico", "--io", io, "-o", str(tmp_path), "--json"]) == 0
        totals.append(json.loads(capsys.readouterr().out)["ram"]["total"])
    assert totals[0] == totals[1]
    assert "const uint8_t *input" in (tmp_path / "pico.h").read_text()
    assert run(["verify", model, "--io", "uint8"]) == 0
    assert run(["verify", model, "--io", "uint8", "--oracle", "tflm"]) == 2
    assert "--oracle runs MODEL as it is: leave --io out" in capsys.readouterr().err
