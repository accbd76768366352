"""Layers with weights that are neither convolutions nor dense."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mnc.backends import get, refusals
from mnc.ir.activations import Relu, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2DTranspose, PReLU
from mnc.ir.types import Constant, DType, TensorType
from mnc.quantise import Scheme, to_integers

RNG = np.random.default_rng(4)
UNEVEN = np.array([0.02, 1.0, 5.0], np.float32)[:, np.newaxis]
WEIGHTS = Constant(RNG.normal(size=(3, 2, 3, 4)).astype(np.float32) * UNEVEN)
BIAS = Constant(RNG.normal(size=3).astype(np.float32) * UNEVEN[:, 0])


@pytest.mark.parametrize("numbers", ["int8", "int16x8"])
@pytest.mark.parametrize(
    "layer",
    [
        PReLU(Constant(RNG.uniform(-0.3, 0.6, (1, 1, 4)).astype(np.float32))),
        PReLU(Constant(RNG.uniform(0.1, 0.2, (5, 6, 4)).astype(np.float32))),
        Conv2DTranspose(WEIGHTS, BIAS, stride=(2, 2)),
        Conv2DTranspose(WEIGHTS, None, activation=Relu(6.0)),
        Conv2DTranspose(WEIGHTS, BIAS, activation=Tanh()),
    ],
)
def test_they_are_integers_and_right(layer: Layer, numbers: str) -> None:
    graph = Graph("net", (Input("x", TensorType((5, 6, 4))),), (Node(("y",), layer, ("x",)),), ("y",))
    samples = np.random.default_rng(5).normal(size=(30, 5, 6, 4)).astype(np.float32)
    made = to_integers(graph, Scheme(samples, numbers), partial(refusals, get("c")))
    assert {type_.dtype for type_ in made.graph.types.values()} == {DType(numbers.partition("x")[0])}
    assert made.noise["y"] > (20.0 if numbers == "int8" else 36.0)
