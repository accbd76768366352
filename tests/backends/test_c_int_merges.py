"""Sums, products and the like of values of several shapes, and with constants, as integers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_bits import BATCH, assert_same_bits

from mnc.backends import get, refusals
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Dense, Greater, Maximum, Merge, Minimum, Multiply, SquaredDifference, Subtract, Where
from mnc.ir.types import Constant, DType, TensorType
from mnc.quantise import Quantised, Scheme, to_integers
from mnc.quantise.quality import decibels

KINDS = (Add, Maximum, Minimum, Multiply, SquaredDifference, Subtract)
SHAPES = ((), (1,), (5,), (4, 1), (3, 4, 5), (3, 1, 1))
LEAST = {"int8": 25.0, "int16x8": 40.0}
"""Decibels: the dense layer's weights have 8 bits in either."""


def merged(kind: type[Merge], shape: tuple[int, ...], seed: int, *, first: bool, constant: bool) -> Graph:
    """A dense layer's result, merged with a constant or with an input that is repeated."""
    rng = np.random.default_rng(seed)
    dense = Node(("a",), Dense(Constant(rng.normal(size=(5, 5)).astype(np.float32))), ("x",))
    inputs = [Input("x", TensorType((3, 4, 5)))]
    if constant:
        numbers = Constant(rng.normal(size=shape).astype(np.float32))
        nodes = (dense, Node(("y",), kind(operand=numbers, operand_first=first), ("a",)))
    else:
        inputs.append(Input("z", TensorType(shape or (1,))))
        nodes = (dense, Node(("y",), kind(), ("z", "a") if first else ("a", "z")))
    return Graph("merged", tuple(inputs), nodes, ("y",))


def in_integers(graph: Graph, scheme: str) -> tuple[Quantised, float]:
    """The quantised network, and how much of the signal is left over samples, in dB."""
    rng = np.random.default_rng(1)
    samples = [rng.normal(size=(48, *each.type.shape)).astype(np.float32) for each in graph.inputs]
    found = to_integers(graph, Scheme(samples, scheme, ranges="minmax"), partial(refusals, get("c")))
    return found, decibels(*(np.asarray(each.predict(samples)) for each in (graph, found.graph)))


@pytest.mark.parametrize("scheme", LEAST)
@pytest.mark.parametrize("kind", KINDS)
@settings(BATCH, max_examples=12)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 99), first=st.booleans(), constant=st.booleans())
def test_they_stay_in_integers_and_keep_the_signal(
    kind: type[Merge], scheme: str, shape: tuple[int, ...], seed: int, first: bool, constant: bool
) -> None:
    found, left = in_integers(merged(kind, shape, seed, first=first, constant=constant), scheme)
    assert found.fallbacks == ()
    assert left > LEAST[scheme]


def chosen() -> Graph:
    """A dense layer's result where it is above a constant, elsewhere another."""
    rng = np.random.default_rng(0)
    dense = Node(("a",), Dense(Constant(rng.normal(size=(5, 5)).astype(np.float32))), ("x",))
    above = Node(("b",), Greater(operand=Constant(np.float32(0.3))), ("a",))
    choice = Node(("y",), Where(operand=Constant(rng.normal(size=5).astype(np.float32))), ("b", "a"))
    return Graph("chosen", (Input("x", TensorType((3, 4, 5))),), (dense, above, choice), ("y",))


@pytest.mark.parametrize(("scheme", "got"), [("int8", []), ("int16x8", [DType.INT8])])
def test_a_choice_stays_in_integers_and_a_comparison_in_int8(
    scheme: str, got: list[DType], gcc: str, tmp_path: Path
) -> None:
    found, left = in_integers(chosen(), scheme)
    assert [each.got for each in found.fallbacks] == got
    assert left > 20.0
    assert_same_bits([found.graph], tmp_path, gcc)


def test_the_code_gives_the_same_bits(gcc: str, tmp_path: Path) -> None:
    graphs = [
        in_integers(merged(kind, shape, 3, first=first, constant=constant), scheme)[0].graph
        for kind, shape in zip(KINDS, SHAPES, strict=True)
        for scheme in LEAST
        for first, constant in ((True, True), (False, False))
    ]
    assert_same_bits(graphs, tmp_path, gcc)
