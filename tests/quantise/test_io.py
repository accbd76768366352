"""The types of inputs and outputs that a quantised network has, where layers stay in float."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mnc.backends import get, refusals
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Dense, Softmax
from mnc.ir.types import Constant, DType, TensorType
from mnc.quantise import Scheme, to_integers

WEIGHTS = Constant(np.random.default_rng(4).normal(size=(4, 5)).astype(np.float32))


@pytest.mark.parametrize(
    ("io", "types"),
    [
        (None, [DType.FLOAT32, DType.FLOAT32, DType.INT8]),
        ("float", [DType.FLOAT32, DType.FLOAT32, DType.FLOAT32]),
        ("int8", [DType.INT8, DType.INT8, DType.INT8]),
        ("int16", [DType.INT16, DType.INT16, DType.INT16]),
        ("uint8", [DType.UINT8, DType.UINT8, DType.UINT8]),
    ],
)
def test_ends_are_as_their_layers_or_as_io_says(io: str | None, types: list[DType]) -> None:
    """A layer without a meaning in integers reads the input; its result is an output, and one in int8 reads it."""
    nodes = (Node(("odds",), Softmax(axis=0), ("x",)), Node(("y",), Dense(WEIGHTS, None), ("odds",)))
    graph = Graph("net", (Input("x", TensorType((3, 4))),), nodes, ("odds", "y"))
    samples = np.random.default_rng(5).normal(size=(40, 3, 4)).astype(np.float32)
    made = to_integers(graph, Scheme(samples, "int8", io=io), partial(refusals, get("c"))).graph
    assert [made.types[name].dtype for name in (made.inputs[0].name, *made.outputs)] == types
    assert made.predict(samples)[1].shape == (40, 3, 5)


def test_uint8_is_int8_plus_128() -> None:
    nodes = (Node(("a",), Dense(WEIGHTS), ("x",)), Node(("y",), Softmax(), ("a",)))
    graph = Graph("net", (Input("x", TensorType((4,))),), nodes, ("y", "a"))
    samples = np.random.default_rng(6).normal(size=(40, 4)).astype(np.float32)
    schemes = [Scheme(samples, "int8", io=io) for io in ("int8", "uint8")]
    made = [to_integers(graph, scheme, partial(refusals, get("c"))).graph for scheme in schemes]
    stored = np.random.default_rng(7).integers(0, 256, (9, 4)).astype(np.uint8)
    narrow, wide = made[0].predict((stored ^ 128).view(np.int8)), made[1].predict(stored)
    for signed, unsigned in zip(narrow, wide, strict=True):
        np.testing.assert_array_equal(signed.view(np.uint8) ^ 128, unsigned)
    np.testing.assert_array_equal(made[0].predict(samples), made[1].predict(samples))
