"""Rows in turns: their order, rings, and the proof that no row is missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@pytest.fixture(params=MODELS)
def staged(request: pytest.FixtureRequest, fixtures: Path) -> tuple[Program, Plan]:
    graph = mnc.compile(mnc.load(fixtures / request.param)).graph
    staged, layout = schedule(program_of(C(), graph).kept("least", "caller"))
    assert layout.rings
    return staged, layout


def proved(program: Program, layout: Plan, calls: Sequence[Accesses], rings: dict[str, int] | None = None) -> None:
    sizes = {name: buffer.bytes for name, buffer in program.buffers.items() if buffer.kind == "arena"}
    align = {name: buffer.dtype.bytes for name, buffer in program.buffers.items()}
    arena = layout.arena
    check(arena.offsets, sizes, arena.size, calls, alignments=align, rings=layout.rings if rings is None else rings)


def test_a_ring_that_is_one_row_short_is_refused(staged: tuple[Program, Plan]) -> None:
    program, layout = staged
    calls = list(accesses(program, layout.stages))
    proved(program, layout, calls)
    caught = 0
    for name, size in layout.rings.items():
        value = program.values[name]
        row = value.type.bytes // value.image[0]
        if size > row:
            with pytest.raises(PlanError, match="hold bytes"):
                proved(program, layout, calls, {**layout.rings, name: size - row})
            caught += 1
    assert caught >= 2


def test_rows_that_change_places_are_refused(staged: tuple[Program, Plan]) -> None:
    """Neighbours in the order of which one reads the bytes that the other has written."""
    program, layout = staged
    calls = list(accesses(program, layout.stages))
    swapped = 0
    written: set[Access] = set()
    for i in range(len(calls) - 1):
        first, second = calls[i : i + 2]
        new = set(first.writes) - written  # bytes that are written again and again are there before, too
        written |= new
        if any(w.buffer == r.buffer and w.start < r.stop and r.start < w.stop for w in new for r in second.reads):
            with pytest.raises(PlanError):
                proved(program, layout, [*calls[:i], second, first, *calls[i + 2 :]])
            swapped += 1
    assert swapped > 10


def test_a_stage_that_ends_a_step_early_is_refused(staged: tuple[Program, Plan]) -> None:
    """Its last ring would have to hold all rows."""
    program, layout = staged
    moved = 0
    for k, stage in enumerate(layout.stages):
        if stage.last - stage.first > 1 and program.steps[stage.last - 1].writes[0].buffer in layout.rings:
            early = replace(stage, last=stage.last - 1), Stage(stage.last, stage.last)
            stages = (*layout.stages[:k], *early, *layout.stages[k + 1 :])
            with pytest.raises(PlanError):
                proved(program, layout, list(accesses(program, stages)))
            moved += 1
    assert moved


def test_steps_alone_have_no_rings(fixtures: Path) -> None:
    whole = program(mnc.load(fixtures / "resnet_small.k2.h5"))
    program_, layout = schedule(whole.kept("fast", "caller"))
    assert not layout.rings
    assert layout.stages == tuple(replace(s, descending=s.first in layout.descending) for s in alone(program_))
