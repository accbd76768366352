"""Inputs of a network: no number is cast to another value without a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnc
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Embedding, Identity
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType

REALS = st.sampled_from(list(map(np.dtype, ("float16", "float32", "float64"))))
HALF = Quantisation((0.5,), -3)
INT8 = TensorType((4,), DType.INT8, HALF)
ADD = Add(output=ElementType(DType.INT8, Quantisation((1.0,), 0)))
TWO = Graph("two", (Input("a", INT8), Input("b", INT8)), (Node(("y",), ADD, ("a", "b")),), ("y",))
ONE = Graph("one", (Input("a", INT8),), (Node(("y",), ADD, ("a", "a")),), ("y",))
REAL = Graph("real", (Input("x", TensorType((4,))),), (Node(("y",), Identity(), ("x",)),), ("y",))
LOOKUP = Graph(
    "lookup",
    (Input("x", TensorType((2,), DType.INT32)),),
    (Node(("y",), Embedding(Constant(np.eye(3, dtype=np.float32))), ("x",)),),
    ("y",),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-200.0, 200.0), min_size=4, max_size=4), REALS)
def test_floats_in_give_floats_out(numbers: list[float], dtype: np.dtype[Any]) -> None:
    """By the definition: each is the nearest that is stored, ends included."""
    x: Array = np.array([numbers], dtype)
    nearest = np.array([[min((0.5 * (q + 3) for q in range(-128, 128)), key=lambda r: abs(r - v)) for v in x[0]]])
    got = ONE.predict(x)
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.float32
    assert np.abs(got - np.clip(2.0 * nearest, -128, 127)).max() <= 1.0


@pytest.mark.parametrize("dtype", list(map(np.dtype, ("int8", "int16", "int64"))))
def test_integers_in_give_integers_out(dtype: np.dtype[Any]) -> None:
    stored: Array = np.array([[-128, -3, 0, 127]], dtype)
    got = ONE.predict(stored)
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.int8
    real = ONE.predict((stored + 3.0) * 0.5)
    assert np.array_equal(got, real)


def test_generated_code_takes_the_same(cc: str) -> None:
    build = mnc.compile(TWO)
    x = np.random.default_rng(0).uniform(-70.0, 80.0, (2, 5, 4))
    assert np.array_equal(build.predict(list(x)), TWO.predict(list(x)))
    stored = [INT8.stored(each) for each in x]
    got = build.predict(stored)
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.int8
    assert np.array_equal(got, build.predict(list(x)))
    with pytest.raises(CompileError, match="stores int8"):
        build.predict([np.full((1, 4), 200), np.zeros((1, 4), np.int8)])


@pytest.mark.parametrize(
    ("graph", "x", "what"),
    [
        (ONE, np.full((1, 4), 128), "stores int8, -128 to 127; these are int64, 128 to 128"),
        (ONE, np.full((1, 4), 3, np.uint8), "stores int8, -128 to 127; these are uint8, 3 to 3"),
        (ONE, np.full((1, 4), np.nan), "NaN has no place in an integer"),
        (ONE, np.full((1, 4), 1j), "expects real numbers, not complex128"),
        (ONE, np.full((1, 4), True), "expects real numbers, not bool"),
        (ONE, np.zeros((1, 5)), "expects batchx4, not 1x5"),
        (REAL, np.full((1, 4), "1.5"), "expects real numbers, not <U3"),
        (REAL, np.full((1, 4), 1e39), "a number is too large for float32"),
        (LOOKUP, np.array([[0.0, 1.5]]), "expects whole numbers, as it is int32"),
        (LOOKUP, np.array([[0, 2**40]]), "stores int32"),
    ],
)
def test_what_would_change_its_meaning_is_refused(graph: Graph, x: Array, what: str) -> None:
    with pytest.raises(CompileError, match=what):
        graph.predict(x)


def test_one_form_for_all_quantised_inputs() -> None:
    with pytest.raises(CompileError, match=r"some inputs are floats \('b'\), others are integers"):
        TWO.predict([np.zeros((1, 4), np.int8), np.zeros((1, 4))])


def test_what_fits_exactly_is_taken() -> None:
    infinite = np.array([[np.inf, -np.inf, 1.0, np.nan]])
    assert np.array_equal(REAL.predict(infinite), infinite, equal_nan=True)
    assert np.array_equal(REAL.predict(np.array([[True, False, True, True]])), [[1, 0, 1, 1]])
    assert np.array_equal(LOOKUP.predict(np.array([[2.0, 0.0]])), LOOKUP.predict(np.array([[2, 0]])))
