"""The arena in several memories: every buffer in one of them, none larger than it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import KINDS, networks
from stateful import STEADY, stateful

import mnc
from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.select.table import FLOAT32
from mnc.cli import run
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.passes import optimise
from mnc.plan.liveness import lifetimes, traffic
from mnc.plan.schedule import schedule
from mnc.program import Memory

ANY = [kind for kind in KINDS if kind in FLOAT32]


@settings(max_examples=60, deadline=None)
@given(
    networks(layers=ANY, max_layers=9),
    st.sampled_from(("fast", "balanced", "least")),
    st.sampled_from(("caller", "owned")),
    st.lists(st.floats(0.05, 1.5), min_size=1, max_size=3),
)
def test_every_buffer_lies_within_one_region(graph: Graph, memory: Memory, feed: str, shares: list[float]) -> None:
    """Shares are of the arena in one piece; the checker has proved each plan that there is."""
    whole = program_of(C(), optimise(graph)).kept(memory, "owned" if feed == "owned" else "caller")
    size = schedule(whole)[1].arena.size
    limits = tuple((f"r{i}", max(1, int(size * share))) for i, share in enumerate(shares))
    try:
        made, plan = schedule(replace(whole, regions=limits))
    except CompileError as refused:
        assert sum(limit for _, limit in limits) < 3 * size, refused
        return
    assert all(region.bytes <= region.limit == dict(limits)[region.name] for region in plan.regions)
    for name in lifetimes(made):
        begin, held = plan.arena.offsets[name], plan.rings.get(name, made.buffers[name].bytes)
        inside = [r for r in plan.regions if r.base <= begin and begin + held <= r.base + r.size]
        assert len(inside) == (held > 0), name
    if limits[0][1] >= size:
        assert [region.name for region in plan.regions] == ["r0"] * (size > 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(
    st.builds(stateful, networks(layers=STEADY, max_layers=7), st.integers(0, 2**16)),
    st.sampled_from(("fast", "balanced", "least")),
    st.lists(st.floats(0.05, 1.5), min_size=1, max_size=3),
)
def test_every_state_lies_within_one_region(graph: Graph, memory: Memory, shares: list[float]) -> None:
    whole = program_of(C(), optimise(graph)).kept(memory, "caller")
    size = schedule(whole)[1].arena.size + whole.state_bytes
    limits = tuple((f"r{i}", max(1, int(size * share))) for i, share in enumerate(shares))
    try:
        made, plan = schedule(replace(whole, regions=limits))
    except CompileError as refused:
        assert sum(limit for _, limit in limits) < 3 * size, refused
        return
    assert all(region.bytes <= region.limit for region in plan.regions)
    assert made.state_bytes == whole.state_bytes, "states are of one type here, so that nothing fills gaps"
    for buffer in made.buffers.values():
        if buffer.kind == "state":
            end = buffer.index + buffer.bytes
            inside = [r for r in plan.regions if r.state_base <= buffer.index and end <= r.state_base + r.state]
            assert len(inside) == 1, buffer


def test_the_busiest_bytes_are_in_the_fastest_region(fixtures: Path) -> None:
    """A buffer that would fit there is elsewhere only if nothing there is used less per byte."""
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="fast", region={"tcm": 1200, "ram": 20_000})
    plan, program = build.emission.plan, build.emission.program
    tcm, ram = plan.regions
    used = traffic(program)
    heat = {name: used[name] / program.buffers[name].bytes for name in lifetimes(program)}
    small = [name for name in heat if program.buffers[name].bytes <= tcm.limit]
    fast = [name for name in small if tcm.base <= plan.arena.offsets[name] < tcm.base + tcm.size]
    assert fast and max(heat[name] for name in small) == max(heat[name] for name in fast)
    assert build.report.ram.total == tcm.size + ram.size
    assert [(each.name, each.limit) for each in build.report.ram.regions] == [("tcm", 1200), ("ram", 20_000)]


@pytest.mark.parametrize("name", ["ram", "macs", "input", "output", "api"])
def test_a_region_may_be_called_as_a_part_of_another_macro(name: str, fixtures: Path) -> None:
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="pico", region={name: 1200, "sram": 20_000})
    defined = re.findall(r"^ *# *define (\w+)", build.files["pico.h"], re.MULTILINE)
    assert f"PICO_REGION_{name.upper()}_SIZE" in defined
    assert len(set(defined)) == len(defined)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--region", "dtcm"], "NAME=BYTES"),
        (["--region", "dtcm=1Q"], "is not a size"),
        (["--region", "DTCM=1K"], "is no name for a region"),
        (["--region", "a=1K", "--region", "a=2K"], "names 'a' twice"),
        (["--region", "dtcm=16"], "do not fit into dtcm of 16 bytes"),
    ],
)
def test_regions_that_cannot_be_are_refused(
    options: list[str], said: str, fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", str(fixtures / "pico.int8.tflite"), "-o", str(tmp_path / "out"), *options]) in (1, 2)
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown and "--region" in shown
    assert not (tmp_path / "out").exists()
