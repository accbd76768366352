from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Dense
from mnc.ir.types import Constant, TensorType
from mnc.plan.liveness import lifetimes
from mnc.plan.memory_map import Box, MemoryMap, Moment, covered, memory_map


def of(graph: Graph, backend: str = "c") -> MemoryMap:
    emission = mnc.compile(graph, backend=backend).emission
    return memory_map(emission.program, emission.plan)


@pytest.mark.parametrize("model", ["pico.int8.tflite", "resnet_small.k2.h5", "merges.k2.h5", "multi_io.k3.h5"])
@pytest.mark.parametrize("backend", ["c", "cmsis-nn"])
def test_the_boxes_are_the_plan(model: str, backend: str, fixtures: Path) -> None:
    """Every buffer of the arena is a box with its place and life, and at the peak they fill the arena."""
    emission = mnc.compile(mnc.load(fixtures / model), backend=backend).emission
    drawn = memory_map(emission.program, emission.plan)
    lives, offsets = lifetimes(emission.program), emission.plan.arena.offsets
    expected = sorted((offsets[n], emission.program.buffers[n].bytes, lives[n].first, lives[n].last) for n in lives)
    assert sorted((box.offset, box.bytes, box.first, box.last) for box in drawn.boxes) == expected
    assert [moment.layers for moment in drawn.moments] == [(step.node.name,) for step in emission.program.steps]
    assert max((box.end for box in drawn.boxes), default=0) == drawn.arena == emission.plan.arena.size
    assert max(map(drawn.occupied, range(len(drawn.moments)))) <= drawn.arena
    assert drawn.occupied(drawn.peak) == max(map(drawn.occupied, range(len(drawn.moments))))
    for box in drawn.boxes:
        assert box.bytes % box.rows == 0
        assert box.rows == box.of_rows, "nothing is a ring yet"


def test_a_value_says_its_rows_and_a_step_its_direction(fixtures: Path) -> None:
    drawn = of(mnc.load(fixtures / "pico.int8.tflite"))
    assert (drawn.boxes[0].rows, drawn.boxes[0].bytes) == (32, 32 * 32 * 3)
    assert {moment.descending for moment in drawn.moments} == {False, True}


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
