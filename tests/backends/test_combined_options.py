"""Every combination of memory, input, feed, regions and backend, on random branching networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, samples
from quantised_networks import quantised_networks, stored_samples
from same_bits import BATCH
from test_dense_folds import flattened
from test_several_memories import outputs
from test_turns import SPATIAL, WAYS

import mnc
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense, Flatten
from mnc.plan.replay import prove

BACKENDS = ("c", "cpp", "cmsis-nn")
KINDS = [*SPATIAL, Dense, Flatten]
ANY = networks(layers=KINDS, max_layers=8) | quantised_networks(KINDS, max_layers=8) | flattened()
SPLITS: list[tuple[float, ...]] = [(), (2.5,), (0.4, 2.5), (0.2, 0.3, 2.5)]
"""Regions, by their parts of what the network takes in one memory."""
EVERY = list(product(WAYS, SPLITS, BACKENDS))


def compiled(graph: Graph, way: Mapping[str, Any], split: tuple[float, ...], backend: str) -> Build | None:
    """None where the network cannot be fed by rows, or its buffers leave no room beside each other."""
    try:
        one = mnc.compile(graph, backend, "Net", **way)
    except CompileError:
        assert way.get("feed") == "rows"
        return None
    if not split:
        return one
    regions = {f"r{i}": max(1, int(part * one.report.ram.total)) for i, part in enumerate(split)}
    try:
        return mnc.compile(graph, backend, "Net", region=regions, **way)
    except CompileError as refused:
        assert "do not fit into" in str(refused)
        return None


@settings(max_examples=100, deadline=None)
@given(graph=ANY, chosen=st.sampled_from(EVERY))
def test_plan_report_and_code_agree(graph: Graph, chosen: tuple[Mapping[str, Any], tuple[float, ...], str]) -> None:
    """The checker proves the plan that the code is made of; header, report and regions have its bytes."""
    way, split, backend = chosen
    build = compiled(graph, way, split, backend)
    if build is None:
        return
    program, plan, ram = build.emission.program, build.emission.plan, build.report.ram
    prove(program, plan.stages, plan.arena, plan.rings)
    header = build.files["Net.h"]
    assert f"{ram.total:,} bytes of RAM besides" in header
    assert backend == "cpp" or re.findall(r"^#define NET_RAM_SIZE (\d+)$", header, re.MULTILINE) == [str(ram.total)]
    assert [each.name for each in ram.regions] == list(plan.region_names)
    assert all(each.size <= each.limit for each in ram.regions)
    assert [each.size for each in ram.regions] == [region.bytes for region in plan.regions]
    assert ram.total >= sum(each.size for each in ram.regions)
    boxes = build.plan.boxes
    assert bool(build.plan.parts) == bool(ram.regions)
    assert all(build.plan.part(box) is not None for box in boxes if ram.regions and box.bytes)
    mildest = mnc.compile(graph, backend, "Net", memory="fast").report.ram
    assert split or way.get("input") or way.get("feed") or ram.arena <= mildest.arena


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_a_run_gives_the_same_bits_in_any_combination(dtype: str, backend: str, cc: str) -> None:
    drawn = networks(layers=KINDS, max_layers=7) if dtype == "float32" else quantised_networks(KINDS, max_layers=7)

    @settings(BATCH, max_examples=2)
    @given(graph=drawn, chosen=st.sampled_from(list(product(WAYS, SPLITS[1:]))))
    def run(graph: Graph, chosen: tuple[Mapping[str, Any], tuple[float, ...]]) -> None:
        build = compiled(graph, *chosen, backend)
        if build is None:
            return
        x = samples(graph) if dtype == "float32" else stored_samples(graph)
        plain = mnc.compile(graph, "c", "Net", memory="fast")
        for got, want in zip(outputs(build, x), outputs(plain, x), strict=True):
            np.testing.assert_array_equal(got, want)

    run()
