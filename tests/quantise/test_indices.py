"""Numbers of rows of a table reach it as they are, and what hides scores leaves them their steps."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mnc.backends import get, refusals
from mnc.ir.activations import Abs, Sign
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Add, Dense, Embedding, Flatten, Multiply, Reshape, Slice, Softmax
from mnc.ir.types import Array, Constant, DType, Quantisation, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.quantise.pipeline import Quantised

RNG = np.random.default_rng(4)


def number(value: float) -> Constant:
    return Constant(np.float32(value))


def weights(*shape: int) -> Constant:
    return Constant(RNG.normal(size=shape).astype(np.float32))


def words(rows: int) -> tuple[Graph, Array]:
    """A table, what it gives multiplied by a mask of the words that are not 0, and samples."""
    nodes = (
        Node(("vectors",), Embedding(weights(rows, 4)), ("x",)),
        Node(("size",), Add(activation=Abs(), operand=number(0.0)), ("x",)),
        Node(("mask",), Activation(Sign()), ("size",)),
        Node(("column",), Reshape((6, 1)), ("mask",)),
        Node(("seen",), Multiply(), ("vectors", "column")),
        Node(("flat",), Flatten(), ("seen",)),
        Node(("y",), Dense(weights(24, 3), None), ("flat",)),
    )
    samples = RNG.integers(0, rows, (40, 6)).astype(np.float32)
    samples[:, 4:] = 0.0
    samples[0, :2] = 1.0, rows - 1
    return Graph("net", (Input("x", TensorType((6,))),), nodes, ("y",)), samples


def made(graph: Graph, samples: Array | list[Array], quantize: str = "int8", io: str | None = None) -> Quantised:
    return to_integers(graph, Scheme(samples, quantize, io=io), partial(refusals, get("c")))


@pytest.mark.parametrize(("rows", "io"), [(6, None), (5000, None), (250, "int8"), (250, "uint8"), (5000, "int16")])
def test_words_are_looked_up_and_masked_as_they_are(rows: int, io: str | None) -> None:
    graph, samples = words(rows)
    found = made(graph, samples, io=io)
    assert found.noise["y"] > 35.0
    quant = found.graph.inputs[0].type.quant
    assert quant == (None if io is None else Quantisation((1.0,), {"int8": -128, "uint8": 0, "int16": 0}[io]))


def test_an_input_of_words_and_measurements_stays_float() -> None:
    """The measurements are quantised behind the input, by a scale of their own range."""
    nodes = (
        Node(("word",), Slice((0,), (1,), (1,)), ("x",)),
        Node(("vector",), Embedding(weights(300, 4)), ("word",)),
        Node(("flat",), Flatten(), ("vector",)),
        Node(("y",), Dense(weights(4, 3), None), ("flat",)),
        Node(("z",), Dense(weights(3, 3), None), ("x",)),
    )
    graph = Graph("net", (Input("x", TensorType((3,))),), nodes, ("y", "z"))
    samples = RNG.uniform(0.0, 1.0, (40, 3)).astype(np.float32)
    samples[:, 0] = RNG.integers(0, 300, 40)
    found = made(graph, samples)
    assert found.graph.inputs[0].type.dtype is DType.FLOAT32
    assert found.noise["y"] > 35.0


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
@pytest.mark.parametrize("is_constant", [False, True])
def test_hidden_scores_leave_the_others_their_steps(quantize: str, is_constant: bool) -> None:
    """Rows of scores of which some are hidden, and in one all."""
    mask = np.ones((4, 5), np.float32)
    mask[0, 2:] = mask[1, :2] = mask[3] = 0.0
    scores = RNG.normal(0.0, 2.0, (40, 4, 5)).astype(np.float32)
    inputs = [Input("x", TensorType((4, 5)))]
    if is_constant:
        nodes = [Node(("masked",), Add(operand=Constant((mask - 1.0) * np.float32(1e9))), ("x",))]
        samples: Array | list[Array] = scores
    else:
        inputs.append(Input("m", TensorType((4, 5))))
        nodes = [
            Node(("missing",), Add(operand=number(-1.0)), ("m",)),
            Node(("hidden",), Multiply(operand=number(1e9)), ("missing",)),
            Node(("masked",), Add(), ("x", "hidden")),
        ]
        samples = [scores, np.broadcast_to(mask, scores.shape).copy()]
    nodes.append(Node(("y",), Softmax(), ("masked",)))
    graph = Graph("net", tuple(inputs), tuple(nodes), ("y",))
    assert made(graph, samples, quantize).noise["y"] > 30.0
