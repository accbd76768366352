"""Every pass preserves what the reference says, on random networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from networks import networks, samples

from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Identity,
    MaxPooling2D,
    Reshape,
    SeparableConv2D,
    ZeroPadding2D,
)
from mnc.ir.types import TensorType
from mnc.passes import PASSES, Pass, optimise
from mnc.reference import evaluate


def assert_same_meaning(before: Graph, after: Graph) -> None:
    """All values that both have are equal but for rounding; inputs and outputs are the same."""
    x = samples(before)
    expected, got = evaluate(before, x), evaluate(after, x)
    largest = max(float(np.abs(value).max()) for value in expected.values())
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    for name in expected.keys() & got.keys():
        assert after.types[name] == before.types[name]
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, atol=2e-6 * max(1.0, largest), err_msg=name)


CHAINS = networks(layers=[Conv2D, DepthwiseConv2D, Dense, BatchNormalization, Activation, Flatten, Reshape])
IMAGES = networks(
    layers=[Conv2D, DepthwiseConv2D, SeparableConv2D, Activation, MaxPooling2D, AveragePooling2D, ZeroPadding2D]
)
RESHAPES = networks(layers=[Identity, Flatten, Reshape, Activation, BatchNormalization], max_layers=9)


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
@settings(max_examples=60, deadline=None)
@given(graph=networks() | CHAINS | IMAGES | RESHAPES)
def test_a_pass_preserves_meaning_and_is_idempotent(each: Pass, graph: Graph) -> None:
    once = each.run(graph)
    assert_same_meaning(graph, once)
    assert each.run(once) == once


@settings(max_examples=100, deadline=None)
@given(graph=networks(max_layers=10) | CHAINS | IMAGES | RESHAPES)
def test_the_whole_pipeline_preserves_meaning(graph: Graph) -> None:
    assert_same_meaning(graph, optimise(graph))


@settings(max_examples=50, deadline=None)
@given(graph=networks())
def test_optimise_stops_after_the_named_pass(graph: Graph) -> None:
    expected = graph
    for each in PASSES:
        expected = each.run(expected)
        assert optimise(graph, after=each.name) == expected


def test_an_unknown_pass_is_refused_with_the_list_of_all() -> None:
    graph = Graph("g", (Input("x", TensorType((1,))),), (), ("x",))
    with pytest.raises(CompileError, match=r"there is no pass 'fold'\nhint: the passes are .*fold-batchnorm"):
        optimise(graph, after="fold")
