"""From kernel calls to the planner's terms: lifetimes, overlaps, accesses, and the direction of rows."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator, Sequence, ValuesView
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import KINDS, networks

from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.select.table import FLOAT32
from mnc.backends.select.values import VIEWS
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType, TensorType
from mnc.passes import optimise
from mnc.plan.check import check
from mnc.plan.liveness import lifetimes, overlaps, plan
from mnc.plan.replay import accesses, alone
from mnc.program import Buffer, Program, Step, Value, Window

SUPPORTED = [k for k in KINDS if k in FLOAT32 or k in VIEWS or k in (BatchNormalization, SeparableConv2D)]
SPATIAL = [Conv2D, DepthwiseConv2D, MaxPooling2D, ZeroPadding2D, Activation, Add]


def program(graph: Graph) -> Program:
    return program_of(C(), optimise(graph))


def places(value: Value, rows: Sequence[int]) -> set[tuple[str, int]]:
    """The bytes of these rows of a value, as (buffer, byte)."""
    row = value.type.bytes // value.image[0]
    return {(value.buffer, byte) for r in rows for byte in range(r * row, (r + 1) * row)}


def reads(step: Step, row: int) -> Iterator[set[tuple[str, int]]]:
    """The rows that one row of a step reads, from the definition of a window."""
    for k, x in enumerate(step.reads):
        if step.rows is None:
            yield places(x, range(x.image[0]))
            continue
        window: Window = step.rows.windows[k]
        first = (row * window.stride - window.padding) // window.divisor
        taps = (first + i * window.dilation for i in range(window.size))
        yield places(x, [tap for tap in taps if 0 <= tap < x.image[0]])


@settings(max_examples=150, deadline=None)
@given(networks(layers=SUPPORTED, max_layers=10) | networks(layers=SPATIAL, max_layers=8))
def test_random_programs_are_planned_soundly(graph: Graph) -> None:
    """Every byte is replayed: a row reads the very bytes of the value that its own rows wrote last."""
    p = program(graph)
    layout = plan(p)
    assert layout.arena.lower_bound <= layout.arena.size
    memory = np.full(layout.arena.size, -1)
    starts = np.cumsum([0, *(buffer.bytes for buffer in p.buffers.values())]).tolist()
    number = dict(zip(p.buffers, starts, strict=False))

    def at(accessed: set[tuple[str, int]]) -> tuple[list[int], list[int]]:
        """Addresses, and the bytes that they must hold; every byte of every buffer has a number of its own."""
        inside = sorted((name, byte) for name, byte in accessed if p.buffers[name].kind == "arena")
        return [layout.arena.offsets[name] + k for name, k in inside], [number[name] + k for name, k in inside]

    for i, step in enumerate(p.steps):
        scratch, theirs = at({(step.scratch_buffer, byte) for byte in range(step.scratch)})
        memory[scratch] = theirs
        for row in reversed(range(step.loop.count)) if i in layout.descending else range(step.loop.count):
            for read in reads(step, row):
                addresses, expected = at(read)
                assert memory[addresses].tolist() == expected, (step.node, row)
            for y in step.writes:
                rows = [row] if step.rows else range(y.image[0])
                addresses, made = at(places(y, rows))
                memory[addresses] = made
        assert memory[scratch].tolist() == theirs


@settings(max_examples=100, deadline=None)
@given(networks(layers=SUPPORTED, max_layers=10))
def test_buffers_live_from_their_first_write_to_their_last_read(graph: Graph) -> None:
    p = program(graph)
    for name, life in lifetimes(p).items():
        touching = [
            i
            for i, step in enumerate(p.steps)
            if name in {v.buffer for v in (*step.reads, *step.writes)} or (step.scratch and name == step.scratch_buffer)
        ]
        assert (life.first, life.last) == (touching[0], touching[-1])
    assert set(lifetimes(p)) == {name for name, buffer in p.buffers.items() if buffer.kind == "arena"}


@settings(max_examples=100, deadline=None)
@given(networks(layers=SPATIAL, max_layers=4), st.booleans())
def test_the_least_distance_is_far_enough(graph: Graph, downwards: bool) -> None:
    """In both directions, wherever the other buffers lie."""
    p = program(graph)
    sizes = {name: buffer.bytes for name, buffer in p.buffers.items() if buffer.kind == "arena"}
    apart = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    base = sum(sizes.values()) + max(sizes.values(), default=0)
    for overlap in overlaps(p):
        distance = overlap.above if downwards else -overlap.below
        if distance is None:
            continue
        step = lifetimes(p)[overlap.written].first
        offsets = {**apart, overlap.read: base, overlap.written: base + distance}
        stages = [replace(stage, descending=downwards and stage.first == step) for stage in alone(p)]
        check(offsets, sizes, 3 * base, accesses(p, stages))


def constant(*shape: int) -> Constant:
    return Constant(np.ones(shape, np.float32))


def test_a_strided_convolution_writes_over_its_input() -> None:
    """8 rows of 8 floats become 4 rows of 4: the output begins where its input begins."""
    half = MaxPooling2D((2, 2), (2, 2))
    nodes = (
        Node(("a",), Activation(Relu()), ("x",)),
        Node(("b",), half, ("a",)),
        Node(("c",), Activation(Relu()), ("b",)),
    )
    p = program(Graph("g", (Input("x", TensorType((8, 8, 1))),), nodes, ("c",)))
    assert plan(p).arena.size == 8 * 8 * 4


def test_padding_that_stays_is_written_over_its_input_backwards() -> None:
    """The image moves down by a row: only the last row may go first."""
    nodes = (
        Node(("a",), Add(), ("x", "x")),
        Node(("b",), ZeroPadding2D(((1, 0), (0, 0))), ("a",)),
        Node(("c",), Add(), ("b", "b")),
    )
    p = program(Graph("g", (Input("x", TensorType((3, 2, 1))),), nodes, ("c",)))
    layout = plan(p)
    assert layout.arena.size == 4 * 2 * 4
    assert layout.descending == {1}


def test_a_program_without_buffers_has_an_empty_plan() -> None:
    nodes = (Node(("y",), Activation(Relu()), ("x",)),)
    layout = plan(program(Graph("g", (Input("x", TensorType((3,))),), nodes, ("y",))))
    assert (layout.arena.size, layout.arena.lower_bound, layout.descending) == (0, 0, frozenset())
    assert layout.arena.optimal


def test_the_type_of_the_arena_is_worked_out_once() -> None:
    """Every pointer that is printed asks for it, so a search each time would be quadratic."""
    nodes = (Node(("a",), Add(), ("x", "x")), Node(("b",), Add(), ("a", "a")))
    p = program(Graph("g", (Input("x", TensorType((3,))),), nodes, ("b",)))
    searched = 0

    class Buffers(UserDict[str, Buffer]):
        def values(self) -> ValuesView[Buffer]:
            nonlocal searched
            searched += 1
            return super().values()

    p = replace(p, buffers=Buffers(p.buffers))
    assert [p.arena_dtype, p.arena_dtype] == [DType.FLOAT32] * 2
    assert searched == 1
