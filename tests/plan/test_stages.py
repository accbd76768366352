"""Rows in turns: their order, rings, and the proof that no row is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import KINDS, networks

import mnc
from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.select.table import FLOAT32
from mnc.ir.graph import Graph
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
    GlobalAveragePooling,
    MaxPooling2D,
    Multiply,
    ZeroPadding2D,
)
from mnc.passes import optimise
from mnc.plan.check import Access, Accesses, PlanError, check
from mnc.plan.liveness import Plan, lifetimes, needed
from mnc.plan.replay import accesses, alone
from mnc.plan.schedule import BALANCED, schedule
from mnc.plan.stages import divisions
from mnc.program import INPUT, Feed, Firing, Fold, Memory, Program, Rows, Stage, firings

SPATIAL = [
    *(Activation, Add, AveragePooling2D, Concatenate, Conv2D, Conv2DTranspose, DepthwiseConv2D, GlobalAveragePooling),
    *(MaxPooling2D, Multiply, ZeroPadding2D),
]
ANY = [kind for kind in KINDS if kind in FLOAT32]
WAYS: list[tuple[Memory, Feed]] = list(product(("fast", "balanced", "least"), ("caller", "owned", "rows")))
"""All that `--memory`, `--input` and `--feed` can ask for."""


def program(graph: Graph) -> Program:
    return program_of(C(), optimise(graph))


def by_the_rule(program: Program, stage: Stage) -> Iterator[Firing]:
    """The order of rows, from the sentence that defines it: the last step that can makes its next row."""
    made = dict.fromkeys((INPUT, *stage.numbers), 0)
    makers = {y.buffer: i for i in stage.numbers for y in program.steps[i].writes}
    if stage.fed:
        makers[program.fed_value.name] = INPUT

    def rows(i: int) -> int:
        return program.fed_value.image[0] if i == INPUT else program.steps[i].loop.count

    def there(i: int) -> bool:
        step = program.steps[i]
        for k, x in enumerate(step.reads):
            maker = makers.get(x.buffer)
            if maker is None or (maker != INPUT and maker >= i):
                continue
            own = x.name == program.fed if maker == INPUT else x in program.steps[maker].writes
            if maker != INPUT and isinstance(program.steps[maker].loop, Fold):
                own = False
            last = rows(maker) - 1
            if own and isinstance(step.loop, Rows):
                window = step.loop.windows[k]
                first = (made[i] * window.stride - window.padding) // window.divisor
                last = min(last, first + (window.size - 1) * window.dilation)
            elif own:
                last = made[i]
            if made[maker] <= last:
                return False
        return True

    while True:
        able = [i for i in stage.numbers if made[i] < rows(i) and there(i)]
        if not able and (not stage.fed or made[INPUT] == rows(INPUT)):
            assert all(made[i] == rows(i) for i in stage.numbers)
            return
        turn = max(able, default=INPUT)
        yield turn, made[turn]
        made[turn] += 1


@settings(max_examples=120, deadline=None)
@given(networks(layers=SPATIAL, max_layers=9) | networks(layers=ANY, max_layers=7), st.sampled_from(WAYS))
def test_any_network_is_planned_soundly_in_any_way(graph: Graph, way: tuple[Memory, Feed]) -> None:
    """The checker has proved each plan; the rows come as the rule says, and no plan is worse than a milder one."""
    whole = program(graph)
    memory, feed = way
    if feed == "rows" and whole.unfeedable is not None:
        feed = "caller"
    staged, layout = schedule(whole.kept(memory, feed))
    assert [i for stage in layout.stages for i in stage.numbers] == list(range(len(staged.steps)))
    for stage in layout.stages:
        if stage.interleaved:
            assert list(firings(staged.steps, stage, staged.fed)) == list(by_the_rule(staged, stage))
        elif memory == "fast":
            assert stage.first == stage.last
    assert all(step.by_row is None for step in staged.steps)
    assert layout.arena.size >= layout.arena.lower_bound
    assert layout.arena.size <= schedule(whole.kept("fast", feed))[1].arena.size
    assert memory != "balanced" or layout.cost <= BALANCED or not layout.saved


@settings(max_examples=60, deadline=None)
@given(networks(layers=SPATIAL, max_layers=8))
def test_a_stage_needs_what_its_plan_takes(graph: Graph) -> None:
    """The need of a stage alone is the bound of a plan in which it is the only one."""
    whole = program(graph)
    for division in divisions(whole.kept("least", "caller")):
        staged = whole.by_rows(division.stages)
        lives = lifetimes(staged)
        alive = [
            {n for n, life in lives.items() if life.first <= s.last and life.last >= s.first} for s in division.stages
        ]
        needs = [needed(staged, stage, lives, each) for stage, each in zip(division.stages, alive, strict=True)]
        assert max(needs, default=0) == division.needed


MODELS = ("pico.keras2.h5", "pico.int8.tflite", "resnet_small.k2.h5")
STAGED = tuple[Program, Plan]


def least(graph: Graph) -> STAGED:
    staged, layout = schedule(program_of(C(), mnc.compile(graph).graph).kept("least", "caller"))
    assert layout.rings
    return staged, layout


@pytest.fixture(params=MODELS)
def staged(request: pytest.FixtureRequest, fixtures: Path) -> STAGED:
    return least(mnc.load(fixtures / request.param))


def is_refused(program: Program, layout: Plan, calls: Sequence[Accesses], rings: dict[str, int] | None = None) -> bool:
    """Whether the checker finds a fault."""
    sizes = {name: buffer.bytes for name, buffer in program.buffers.items() if buffer.kind == "arena"}
    align = {name: buffer.dtype.bytes for name, buffer in program.buffers.items()}
    arena = layout.arena
    held = layout.rings if rings is None else rings
    try:
        check(arena.offsets, sizes, arena.size, calls, alignments=align, rings=held)
    except PlanError:
        return True
    return False


def shorter_rings(program: Program, layout: Plan) -> list[bool]:
    """For each ring of several rows whether the plan is refused with one row less."""
    calls = list(accesses(program, layout.stages))
    assert not is_refused(program, layout, calls)
    refused = []
    for name, size in layout.rings.items():
        value = program.values[name]
        row = value.type.bytes // value.image[0]
        if size > row:
            refused.append(is_refused(program, layout, calls, {**layout.rings, name: size - row}))
    return refused


def exchanged_rows(program: Program, layout: Plan) -> list[bool]:
    """Likewise for neighbours in the order of which one reads the bytes that the other has written, exchanged."""
    calls = list(accesses(program, layout.stages))
    refused = []
    written: set[Access] = set()
    for i in range(len(calls) - 1):
        first, second = calls[i : i + 2]
        new = set(first.writes) - written  # bytes that are written again and again are there before, too
        written |= new
        if any(w.buffer == r.buffer and w.start < r.stop and r.start < w.stop for w in new for r in second.reads):
            refused.append(is_refused(program, layout, [*calls[:i], second, first, *calls[i + 2 :]]))
    return refused


def moved_boundaries(program: Program, layout: Plan) -> list[bool]:
    """Likewise for stages that end a step early, where their last ring would then have to hold all rows."""
    refused = []
    for k, stage in enumerate(layout.stages):
        if stage.last - stage.first > 1 and program.steps[stage.last - 1].writes[0].buffer in layout.rings:
            early = replace(stage, last=stage.last - 1), Stage(stage.last, stage.last)
            stages = (*layout.stages[:k], *early, *layout.stages[k + 1 :])
            refused.append(is_refused(program, layout, list(accesses(program, stages))))
    return refused


MUTANTS = (shorter_rings, exchanged_rows, moved_boundaries)


@pytest.mark.parametrize("mutants", MUTANTS)
def test_a_changed_plan_is_refused(staged: STAGED, mutants: Callable[[Program, Plan], list[bool]]) -> None:
    refused = mutants(*staged)
    assert refused and all(refused)


NETWORKS = (
    "mlperf_tiny/vww_96_int8.tflite",
    "mlperf_tiny/pretrainedResnet_quant.tflite",
    "mlperf_tiny/kws_ref_model.tflite",
    "micromobilenet/base.keras3.h5",
)


def test_the_documents_count_of_changed_plans(fixtures: Path, models: Path) -> None:
    paths = [*(fixtures / name for name in MODELS), *(models / name for name in NETWORKS)]
    plans = [least(mnc.load(path)) for path in paths]
    counts = []
    for mutants in MUTANTS:
        refused = [each for staged in plans for each in mutants(*staged)]
        counts.append(f"{sum(refused)} of {len(refused)}")
        assert all(refused)
    text = (Path(__file__).parents[2] / "docs" / "memory-planning.md").read_text(encoding="utf-8")
    said = "on seven networks {} rings, {} exchanges and {} boundaries".format(*counts)
    assert said in " ".join(text.split())


def test_steps_alone_have_no_rings(fixtures: Path) -> None:
    whole = program(mnc.load(fixtures / "resnet_small.k2.h5"))
    program_, layout = schedule(whole.kept("fast", "caller"))
    assert not layout.rings
    assert layout.stages == tuple(replace(s, descending=s.first in layout.descending) for s in alone(program_))
