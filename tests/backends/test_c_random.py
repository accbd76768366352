"""Random networks: the C that is generated, under sanitizers, gives what the reference gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from gallery import SUPPORTED, exhibit
from generated_c import run_cases
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import batches, networks, single_layers

from mnc.ir.graph import Graph
from mnc.ir.layer import Layer

BATCH = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking calls the compiler hundreds of times
)


def assert_c_equals_reference(graphs: Iterable[Graph], folder: Path, compiler: str) -> None:
    exhibits = [exhibit(graph, f"n{i}") for i, graph in enumerate(graphs)]
    outputs = run_cases([each.case for each in exhibits], folder, compiler)
    wrong = [
        (len(each.build.graph.nodes), f"{error} times the tolerance: {each.build.graph}")
        for each, got in zip(exhibits, outputs, strict=True)
        if not (error := each.error(got)) <= 1.0
    ]
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
    graphs = data.draw(batches(single_layers(kind), 8))
    assert_c_equals_reference(graphs, tmp_path_factory.mktemp("layers"), gcc)
