from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import mnc
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Dense
from mnc.ir.types import Constant, TensorType
from mnc.pictures.memory_page import memory_page
from mnc.pictures.memory_svg import memory_svg
from mnc.pictures.memory_text import memory_text
from mnc.plan.liveness import lifetimes
from mnc.plan.memory_map import Box, MemoryMap, Moment, covered, memory_map


def of(graph: Graph, backend: str = "c") -> MemoryMap:
    emission = mnc.compile(graph, backend=backend, memory="fast").emission
    return memory_map(emission.program, emission.plan)


@pytest.mark.parametrize("model", ["pico.int8.tflite", "resnet_small.k2.h5", "merges.k2.h5", "multi_io.k3.h5"])
@pytest.mark.parametrize("backend", ["c", "cmsis-nn"])
def test_the_boxes_are_the_plan(model: str, backend: str, fixtures: Path) -> None:
    """Every buffer of the arena is a box with its place and life, and at the peak they fill the arena."""
    emission = mnc.compile(mnc.load(fixtures / model), backend=backend).emission
    drawn = memory_map(emission.program, emission.plan)
    plan, program = emission.plan, emission.program
    when = {number: i for i, stage in enumerate(plan.stages) for number in stage.numbers}
    expected = sorted(
        (plan.arena.offsets[n], plan.rings.get(n, program.buffers[n].bytes), when[life.first], when[life.last])
        for n, life in lifetimes(program).items()
    )
    assert sorted((box.offset, box.bytes, box.first, box.last) for box in drawn.boxes) == expected
    layers = [layer for moment in drawn.moments for layer in moment.layers]
    assert layers == [step.node.name for step in program.steps]
    assert max((box.end for box in drawn.boxes), default=0) == drawn.arena == emission.plan.arena.size
    assert max(map(drawn.occupied, range(len(drawn.moments)))) <= drawn.arena
    assert drawn.occupied(drawn.peak) == max(map(drawn.occupied, range(len(drawn.moments))))
    for box in drawn.boxes:
        assert box.bytes % box.rows == 0
        assert (box.kind == "ring") == (box.rows < box.of_rows)


def test_a_stage_is_a_moment_and_a_ring_has_fewer_rows_than_its_value(fixtures: Path) -> None:
    emission = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="least", feed="rows").emission
    drawn = memory_map(emission.program, emission.plan)
    assert len(drawn.moments) == len(emission.plan.stages) < len(emission.program.steps)
    rings = {box.name: box for box in drawn.boxes if box.kind == "ring"}
    (given,) = (box for box in drawn.boxes if box.kind == "input")
    assert {emission.program.values[name].buffer for name in (*rings, given.name)} == set(emission.plan.rings)
    assert all(box.rows < box.of_rows and box.first == box.last for box in (*rings.values(), given))
    assert len(drawn.moments[0].layers) == 1 + emission.plan.stages[0].last


def test_a_value_says_its_rows_and_a_step_its_direction(fixtures: Path) -> None:
    emission = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="fast").emission
    drawn = memory_map(emission.program, emission.plan)
    assert (drawn.boxes[0].rows, drawn.boxes[0].bytes) == (32, 32 * 32 * 3)
    assert {moment.descending for moment in drawn.moments} == {False, True}


@pytest.mark.parametrize("feed", ["run", "rows"])
def test_rings_and_stages_show(feed: Literal["run", "rows"], fixtures: Path) -> None:
    emission = mnc.compile(mnc.load(fixtures / "pico.keras3.h5"), memory="least", feed=feed).emission
    drawn = memory_map(emission.program, emission.plan)
    rings = [box for box in drawn.boxes if box.rows < box.of_rows]
    assert len(rings) == len(emission.plan.rings) > 1
    assert all(0 < ring.rows < ring.of_rows for ring in rings)
    assert len(drawn.moments[0].layers) > 1
    assert len(drawn.moments) == len(emission.plan.stages) < len(emission.program.steps)
    assert " of " in memory_text(drawn, 60)


def test_an_input_that_the_plan_owns_is_a_box_from_the_beginning(fixtures: Path) -> None:
    emission = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="fast", input="owned").emission
    (given,) = (box for box in memory_map(emission.program, emission.plan).boxes if box.kind == "input")
    assert (given.first, given.bytes) == (0, 96 * 96)


def test_state_lies_behind_the_arena_for_the_whole_run() -> None:
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> Constant:
        return Constant(rng.standard_normal(shape).astype(np.float32))

    recurrent = GRU(weights(3, 12), weights(4, 12), weights(2, 12), stateful=True)
    nodes = (Node(("h",), recurrent, ("x",)), Node(("y",), Dense(weights(4, 2)), ("h",)))
    drawn = of(Graph("net", (Input("x", TensorType((5, 3))),), nodes, ("y",)))
    (state,) = (box for box in drawn.boxes if box.kind == "state")
    assert (state.first, state.last) == (0, len(drawn.moments) - 1)
    assert state.offset >= drawn.arena
    assert state.bytes == drawn.state > 0
    assert all(state not in drawn.live(moment) for moment in range(len(drawn.moments))), "it is not in the arena"
    assert "scratch" in {box.kind for box in drawn.boxes}


def test_bytes_that_two_boxes_share_are_occupied_once() -> None:
    boxes = (Box("a", "value", 0, 400, 0, 1), Box("b", "value", 100, 400, 1, 2), Box("c", "value", 900, 50, 1, 1))
    drawn = MemoryMap(950, 0, 950, (Moment(("a",)), Moment(("b",)), Moment(("c",))), boxes)
    assert [drawn.occupied(i) for i in range(3)] == [400, 550, 400]
    assert drawn.peak == 1
    assert [box.name for box in drawn.live(1)] == ["a", "b", "c"]
    assert covered([]) == 0


def test_a_network_without_an_arena_has_no_boxes() -> None:
    graph = Graph(
        "net",
        (Input("x", TensorType((4,))),),
        (Node(("y",), Dense(Constant(np.eye(4, 2, dtype=np.float32))), ("x",)),),
        ("y",),
    )
    drawn = of(graph)
    assert (drawn.boxes, drawn.bytes, drawn.peak, drawn.occupied(0)) == ((), 0, 0, 0)


@pytest.mark.parametrize("feed", ["run", "rows"])
def test_several_memories_lie_one_behind_the_other(feed: Literal["run", "rows"], fixtures: Path) -> None:
    """Every box lies in one of them, and the drawings name them with what is used of each."""
    regions = {"tcm": 600, "sram": 20_000}
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), memory="least", feed=feed, region=regions)
    drawn, planned = build.plan, build.emission.plan.regions
    assert [(part.name, part.bytes, part.limit) for part in drawn.parts] == [
        (r.name, r.bytes, r.limit) for r in planned
    ]
    assert len(drawn.parts) == 2 and drawn.parts[0].bytes <= drawn.parts[1].offset
    for box in drawn.boxes:
        part = drawn.part(box)
        assert part is not None and box.end <= part.offset + part.bytes
    for shown in (memory_text(drawn, 100), memory_svg(drawn, "net"), memory_page(drawn, "net")):
        for part in drawn.parts:
            assert f"{part.name} {part.bytes:,} of {part.limit:,} B" in shown
