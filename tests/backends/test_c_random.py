"""Random networks: the C that is generated, under sanitizers, gives what the reference gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from generated_c import Case, run_cases
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import KINDS, networks, samples, single_layers

import mnc
from mnc.backends.select.table import FLOAT32
from mnc.backends.select.values import VIEWS
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import BatchNormalization, SeparableConv2D
from mnc.reference import evaluate

LOWERED = (BatchNormalization, SeparableConv2D)
"""Kinds that passes turn into others."""
SUPPORTED = [kind for kind in KINDS if kind in FLOAT32 or kind in VIEWS or kind in LOWERED]

BATCH = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking calls the compiler hundreds of times
)


def batches(networks: st.SearchStrategy[Graph], size: int) -> st.SearchStrategy[list[Graph]]:
    """As many networks as one call of the compiler gets."""
    return st.lists(networks, min_size=size, max_size=size)


def assert_c_equals_reference(graphs: Iterable[Graph], folder: Path, compiler: str) -> None:
    graphs = list(graphs)
    cases = []
    for i, graph in enumerate(graphs):
        build = mnc.compile(graph, name=f"n{i}")
        sizes = [graph.types[name].elements for name in graph.outputs]
        cases.append(Case(f"n{i}", build.files, samples(graph), sizes))
    wrong = []
    for graph, case, got in zip(graphs, cases, run_cases(cases, folder, compiler), strict=True):
        expected = evaluate(graph, case.inputs)
        largest = max(float(np.abs(value).max()) for value in expected.values())
        for name, y in zip(graph.outputs, got, strict=True):
            want = expected[name].reshape(y.shape)
            if not np.allclose(y, want, rtol=1e-5, atol=2e-6 * max(1.0, largest)):
                wrong.append((len(graph.nodes), f"{name}: {np.abs(y - want).max()} off in {graph}"))
    assert not wrong, min(wrong)[1]


@settings(BATCH, max_examples=8)
@given(graphs=batches(networks(layers=SUPPORTED), 24))
def test_random_networks(graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_c_equals_reference(graphs, tmp_path_factory.mktemp("networks"), gcc)


@pytest.mark.parametrize("kind", SUPPORTED, ids=lambda kind: kind.__name__)
@settings(BATCH, max_examples=3)
@given(data=st.data())
def test_single_layers(
    kind: type[Layer], data: st.DataObject, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs = data.draw(batches(single_layers(kind), 12))
    assert_c_equals_reference(graphs, tmp_path_factory.mktemp("layers"), gcc)
