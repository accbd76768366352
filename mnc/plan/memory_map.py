"""A plan as boxes in address and time: all that a drawing or a budget needs to know of it.

Time runs in moments.  A moment is one step of a run, or several steps that take
turns row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mnc.plan.liveness import Plan, lifetimes
from mnc.program import Buffer, Program, Value, ring_rows, up_to
from mnc.shown import Drawn

Kind = Literal["input", "value", "ring", "scratch", "state"]
"""A network's input that the plan owns; an intermediate value, whole; the rows of one that are held at once; memory of
one layer's own; memory that outlives a run."""


@dataclass(frozen=True)
class Box:
    """Memory from one moment to another."""

    name: str
    """The first of the values that it holds, or the layer that it is the scratch memory or state of."""
    kind: Kind
    offset: int
    """Bytes from the beginning of the network's memory."""
    bytes: int
    first: int
    """The moment that first writes it, counted from 0; of an input or a state, the first of all."""
    last: int
    """The moment that last reads it."""
    rows: int = 1
    """Rows that it holds at once."""
    of_rows: int = 1
    """Rows of the value; more than `rows` in a ring."""
    views: tuple[str, ...] = ()
    """Further values that lie in the same bytes, as a reshape's output."""

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.offset + self.bytes


@dataclass(frozen=True)
class Moment:
    """A unit of time: one step, or the steps that take turns row by row."""

    layers: tuple[str, ...]
    descending: bool = False
    """Whether it goes from the last row of its output to the first."""


@dataclass(frozen=True)
class Part:
    """A memory of its own that a part of the network's lies in."""

    name: str
    offset: int
    """Where it begins in the network's memory, in which one such part lies behind the other."""
    bytes: int
    """Bytes that are used."""
    limit: int
    """Bytes that there are."""


@dataclass(frozen=True)
class MemoryMap(Drawn):
    """The network's memory over one run: the arena from address 0 on, what outlives a run behind it.

    Where there are several memories, each has its part of the arena, and what outlives a run behind that.
    """

    arena: int
    """Bytes."""
    state: int
    """Bytes."""
    lower_bound: int
    """Bytes; no arena for this order of layers is smaller."""
    moments: tuple[Moment, ...]
    boxes: tuple[Box, ...]
    """By beginning, then by address."""
    parts: tuple[Part, ...] = ()
    """The memories, the fastest first; none: there is one."""

    def __repr__(self) -> str:
        sizes = f"arena {self.arena:,} B, state {self.state:,} B, lower bound {self.lower_bound:,} B"
        return f"<MemoryMap: {sizes}; {len(self.boxes)} boxes in {len(self.moments)} steps>"

    @property
    def bytes(self) -> int:
        """The address behind the last box."""
        return max((box.end for box in self.boxes), default=0)

    def part(self, box: Box) -> Part | None:
        """The memory that a box lies in; None where there is one."""
        return next((each for each in self.parts if each.offset <= box.offset < each.offset + each.bytes), None)

    def live(self, moment: int) -> tuple[Box, ...]:
        """The boxes of the arena that hold something then, the largest first."""
        there = (box for box in self.boxes if box.first <= moment <= box.last and box.kind != "state")
        return tuple(sorted(there, key=lambda box: (-box.bytes, box.offset)))

    def occupied(self, moment: int) -> int:
        """Bytes of the arena in use then; bytes that two boxes share count once."""
        return covered((box.offset, box.end) for box in self.live(moment))

    @cached_property
    def peak(self) -> int:
        """The first moment at which the most bytes of the arena are in use."""
        return max(range(len(self.moments)), key=self.occupied, default=0)


def covered(spans: Iterable[tuple[int, int]]) -> int:
    """The size of the union of half-open intervals."""
    total = end = 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def memory_map(program: Program, plan: Plan) -> MemoryMap:
    """The boxes of a planned program."""
    steps = program.steps
    moments = tuple(Moment(tuple(steps[i].node.name for i in s.numbers), s.descending) for s in plan.stages)
    moment_of = {i: number for number, stage in enumerate(plan.stages) for i in stage.numbers}
    values: dict[str, list[Value]] = {}
    for value in program.values.values():
        values.setdefault(value.buffer, []).append(value)
    inputs = {given.name for given in program.graph.inputs}
    scratch = {step.scratch_buffer: step.node.name for step in steps if step.arena_scratch}
    place_of = _places(plan)
    boxes = []
    for name, life in lifetimes(program).items():
        place, size = place_of(program.buffers[name]), plan.rings.get(name, program.buffers[name].bytes)
        first, end = moment_of[max(life.first, 0)], moment_of[life.last]
        if name in scratch:
            boxes.append(Box(scratch[name], "scratch", place, size, first, end))
        else:
            held, *views = values[name]
            rows = held.image[0]
            kind: Kind = "input" if name in inputs else "ring" if name in plan.rings else "value"
            seen = tuple(view.name for view in views)
            here = ring_rows(held, plan.rings) or rows
            boxes.append(Box(held.name, kind, place, size, first, end, here, rows, seen))
    last = len(moments) - 1
    kept = {state.name: state.name for state in program.graph.states}
    kept |= {step.state_buffer: step.node.name for step in steps if step.state}
    for name, owner in kept.items():
        buffer = program.buffers[name]
        boxes.append(Box(owner, "state", place_of(buffer), buffer.bytes, 0, last))
    boxes.sort(key=lambda box: (box.first, box.offset))
    bound = plan.arena.lower_bound
    return MemoryMap(plan.arena.size, program.state_bytes, bound, moments, tuple(boxes), _parts(plan))


def _parts(plan: Plan) -> tuple[Part, ...]:
    """The regions of a plan, one behind the other."""
    parts, end = [], 0
    for region in plan.regions:
        parts.append(Part(region.name, end, region.bytes, region.limit))
        end += up_to(region.bytes, _ALIGNMENT)
    return tuple(parts)


def _places(plan: Plan) -> Callable[[Buffer], int]:
    """Where a buffer lies in the network's memory."""
    behind = up_to(plan.arena.size, _ALIGNMENT)
    spans = list(zip(plan.regions, _parts(plan), strict=True))

    def place(buffer: Buffer) -> int:
        state = buffer.kind == "state"
        own = buffer.index if state else plan.arena.offsets[buffer.name]
        for region, part in spans:
            base, size = (region.state_base, region.state) if state else (region.base, region.size)
            if base <= own < base + size:
                return part.offset + own - base + (region.state_offset if state else 0)
        return behind + own if state else own

    return place


_ALIGNMENT = 4
"""Of memory that outlives a run, in bytes."""
