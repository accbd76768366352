"""Every layer kind has a kernel on every backend, needs none, or is refused by name; so are its rarest forms."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_kinds import OF_PLACES
from networks import KINDS, samples, single_layers

import mnc
from mnc import backends
from mnc.backends.interface import CFamily
from mnc.backends.select.values import VIEWS
from mnc.compiler import check
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Add,
    Broadcast,
    Concatenate,
    Dequantize,
    Dot,
    GroupNormalization,
    LayerNormalization,
    Maximum,
    Multiply,
    Permute,
    PReLU,
    Quantize,
    ReduceMax,
    ReduceMean,
    ReduceSum,
    Reverse,
    Slice,
    Softmax,
    Take,
    UnitNormalization,
)
from mnc.ir.types import Constant, DType, Shape, TensorType
from mnc.passes import LOWERED, optimise
from mnc.terminal.layer_table import kinds

OWN = [name for name, entry in backends.installed().items() if entry.distribution.startswith("mnc ")]
QUANTISED = (Quantize, Dequantize)
"""Layers that have no meaning without quantised values."""

RNG = np.random.default_rng(0)


def some(*shape: int) -> Constant:
    return Constant(RNG.normal(size=shape).astype(np.float32))


def alone(layer: Layer, *shapes: Shape) -> Graph:
    given = tuple(Input(f"x{i}", TensorType(shape)) for i, shape in enumerate(shapes))
    return Graph("alone", given, (Node(("y",), layer, tuple(each.name for each in given)),), ("y",))


@pytest.mark.parametrize("backend", OWN)
def test_every_kind_has_a_kernel_or_needs_none(backend: str) -> None:
    found = backends.get(backend)
    assert isinstance(found, CFamily)
    assert {*KINDS, *OF_PLACES} == {kind for kind in kinds().values() if kind not in QUANTISED}
    assert {*KINDS, *OF_PLACES} - {*found.tables[DType.FLOAT32], *VIEWS, *LOWERED} == set()
    assert set(QUANTISED) - {*found.tables[DType.INT8]} == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_layer_of_up_to_three_axes_compiles_in_every_form(kind: type[Layer], data: st.DataObject) -> None:
    graph = data.draw(single_layers(kind))
    assert not any(isinstance(node.layer, LOWERED) for node in optimise(graph).nodes)
    for backend in OWN:
        assert check(graph, backend) == ()
        assert mnc.compile(graph, backend, name="Alone").files


FOUR = (2, 3, 4, 5)
AXES = range(4)
FORWARDS = [(0, 1, 1), (0, 2, 2), (1, 3, 1), (0, 3, 2)]
BACKWARDS = [(1, 2, -1), (2, 2, -1), (3, 2, -3), (4, 2, -2)]
"""Parts of FOUR along each axis: the first index, how many, and the step."""
SUBSETS = [axes for n in (1, 2, 3, 4) for axes in itertools.combinations(AXES, n)]


def masked(axes: tuple[int, ...]) -> Shape:
    """FOUR, with one element along all other axes."""
    return tuple(size if axis in axes else 1 for axis, size in enumerate(FOUR))


def parts(axes: tuple[int, ...]) -> Slice:
    """A part of FOUR, backwards along these axes."""
    chosen = [BACKWARDS[i] if i in axes else FORWARDS[i] for i in AXES]
    starts, sizes, steps = (tuple(each[k] for each in chosen) for k in range(3))
    return Slice(starts, sizes, steps)


def four_axes() -> list[Graph]:
    """Every way in which axes can be told apart, on values of four of them."""
    return [
        *(alone(Permute(axes), FOUR) for axes in itertools.permutations(AXES)),
        *(alone(Multiply(), FOUR, masked(axes)) for axes in SUBSETS),
        *(alone(Add(), masked(axes), masked(tuple(set(AXES) - {*axes}))) for axes in SUBSETS),
        *(alone(Maximum(), masked(axes), FOUR, masked(axes[:1])) for axes in SUBSETS),
        *(alone(PReLU(some(*masked(axes))), FOUR) for axes in SUBSETS),
        *(alone(LayerNormalization(some(*sizes(axes)), some(*sizes(axes)), axes), FOUR) for axes in SUBSETS),
        *(alone(UnitNormalization(axes), FOUR) for axes in SUBSETS),
        *(alone(Softmax(axis), FOUR) for axis in AXES),
        *(alone(ReduceMean(axes), FOUR) for axes in SUBSETS),
        *(alone(ReduceMax(axes, keepdims=True), FOUR) for axes in SUBSETS),
        *(alone(Reverse(axis), FOUR) for axis in AXES),
        *(alone(parts(axes), FOUR) for axes in SUBSETS),
        *(alone(Take((1, 0, 1), axis), FOUR) for axis in AXES),
        *(alone(Broadcast(FOUR), masked(axes)) for axes in SUBSETS),
        *(alone(Concatenate(axis), FOUR, FOUR) for axis in AXES),
        *(alone(Dot((axis, axis - 4)), FOUR, FOUR) for axis in AXES),
        alone(GroupNormalization(some(6), some(6), groups=3), (2, 3, 4, 6)),
    ]


def sizes(axes: tuple[int, ...]) -> Shape:
    return tuple(FOUR[axis] for axis in axes)


def test_layers_tell_four_axes_apart(gcc: str, tmp_path: Path) -> None:
    graphs = four_axes()
    cases = []
    for i, graph in enumerate(graphs):
        files = mnc.compile(graph, name=f"n{i}").files
        cases.append(Case(f"n{i}", files, samples(graph), [graph.types["y"].elements]))
    for graph, case, (got,) in zip(graphs, cases, run_cases(cases, tmp_path, gcc, SANITIZED), strict=True):
        wanted = np.asarray(graph.predict(list(case.inputs))).reshape(got.shape)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5, err_msg=str(graph.nodes[0].layer))


FIVE = (2, 3, 2, 3, 2)
SEVEN = (2, 3, 2, 3, 2, 3, 2)
REFUSED = [
    (alone(Multiply(), FIVE, (2, 1, 2, 1, 2)), "Multiply broadcasts along at most 4 axes in turn, not 5"),
    (alone(PReLU(some(2, 1, 2, 1, 2)), FIVE), "PReLU shares alpha along at most 4 axes in turn, not 5"),
    (alone(Permute((4, 3, 2, 1, 0)), FIVE), "Permute moves at most 4 groups of axes, not 5"),
    (alone(Slice((0, 2, 0, 2, 0), FIVE, (1, -1, 1, -1, 1)), FIVE), "Slice moves at most 4 groups of axes, not 5"),
    (alone(Broadcast(FIVE), (2, 1, 2, 1, 2)), "Broadcast moves at most 4 groups of axes, not 5"),
    (alone(LayerNormalization(axes=(0, 2, 4)), FIVE), "LayerNormalization takes at most 2 groups of axes, not 3"),
    (alone(ReduceSum((0, 2, 4, 6)), SEVEN), "ReduceSum alternates too often between axes that go and axes that stay"),
    (alone(UnitNormalization((0, 2, 4)), FIVE), "UnitNormalization takes at most 2 groups of axes, not 3"),
]


@pytest.mark.parametrize(("graph", "reason"), REFUSED, ids=lambda value: "" if isinstance(value, Graph) else value)
def test_what_no_kernel_takes_is_refused_by_name(graph: Graph, reason: str) -> None:
    for backend in OWN:
        (problem,) = check(graph, backend)
        assert problem.what == reason
        with pytest.raises(CompileError, match=reason):
            mnc.compile(graph, backend)


def test_five_axes_that_go_together_are_no_limit() -> None:
    for layer, *shapes in (
        (Permute((1, 0, 2, 3, 4)), FIVE),
        (Multiply(), FIVE, (3, 2)),
        (LayerNormalization(axes=(3, 4)), FIVE),
    ):
        assert check(alone(layer, *shapes)) == ()
