"""From a program to the planner's terms: which buffers live when, what may overlap, who accesses what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mnc.plan.arena import Arena, Buffer, Overlap, place
from mnc.plan.check import Access, Accesses, check
from mnc.program import Program, Rows, Step, Value


@dataclass(frozen=True)
class Lifetime:
    """The steps from the one that first writes a buffer to the one that last reads it."""

    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Where the buffers lie, and which way the steps go."""

    arena: Arena
    descending: frozenset[int]
    """The steps that go from the last row of their output to the first."""


def plan(program: Program) -> Plan:
    """Lay out the arena, and have the independent checker prove the result."""
    lives = lifetimes(program)
    sizes = {name: buffer.bytes for name, buffer in program.buffers.items() if buffer.kind == "arena"}
    align = {name: buffer.dtype.bytes for name, buffer in program.buffers.items()}
    allowed = list(overlaps(program))
    arena = place(
        [Buffer(name, sizes[name], lives[name].first, lives[name].last, align[name]) for name in lives], allowed
    )
    down = (overlap.written for overlap in allowed if _descends(overlap, arena.offsets, sizes))
    descending = frozenset(lives[written].first for written in down)
    check(arena.offsets, sizes, arena.size, accesses(program, descending), alignments=align)
    return Plan(arena, descending)


def _descends(overlap: Overlap, offsets: Mapping[str, int], sizes: Mapping[str, int]) -> bool:
    """Whether two buffers share memory, and not as going from the first row to the last would need it."""
    distance = offsets[overlap.read] - offsets[overlap.written]
    return -sizes[overlap.read] < distance < min(overlap.below, sizes[overlap.written])


def lifetimes(program: Program) -> dict[str, Lifetime]:
    """The lifetime of every arena buffer, in steps."""
    lives: dict[str, Lifetime] = {}
    for i, step in enumerate(program.steps):
        for value in (*step.writes, *step.reads):
            if program.buffers[value.buffer].kind == "arena":
                first = lives[value.buffer].first if value.buffer in lives else i
                lives[value.buffer] = Lifetime(first, i)
        if step.arena_scratch:
            lives[step.scratch_buffer] = Lifetime(i, i)
    return lives


def overlaps(program: Program) -> Iterator[Overlap]:
    """Which outputs may overwrite a dying input, and at what distance.

    Rows may go in either direction, and the output lies on the side of its
    input that is used up first.
    """
    lives = lifetimes(program)
    for i, step in enumerate(program.steps):
        for y in step.writes:
            for k, x in enumerate(step.reads):
                dies = x.buffer in lives and lives[x.buffer].last == i
                born = y.buffer in lives and lives[y.buffer].first == i
                if not (dies and born) or x.buffer == y.buffer or len(step.writes) > 1:
                    continue
                if step.in_place and x.type.bytes >= y.type.bytes:
                    yield Overlap(y.buffer, x.buffer, 0)
                elif step.rows is not None and sum(r.buffer == x.buffer for r in step.reads) == 1:
                    above = None if step.whole else _above(step.rows, k, x, y)
                    yield Overlap(y.buffer, x.buffer, _below(step.rows, k, x, y), above)


def _below(rows: Rows, k: int, x: Value, y: Value) -> int:
    """How far below its input an output must begin that is written from the first row on.

    Once output row r is complete, that is at (r + 1) rows of output, the first
    input row that any row >= r reads must not have been reached.
    """
    height = x.image[0] // rows.band
    distance, needed = 0, height
    for row in reversed(range(rows.count)):
        needed = min([needed, *rows.windows[k].rows(row, height)])
        distance = max(distance, (row + 1) * _row_bytes(rows, y) - needed * _row_bytes(rows, x))
    return distance


def _above(rows: Rows, k: int, x: Value, y: Value) -> int:
    """How far above its input an output must begin that is written from the last row on.

    Output row r, which begins at r rows of output, must not reach down to the
    last input row that any row <= r reads.
    """
    height = x.image[0] // rows.band
    distance, needed = 0, -1
    for row in range(rows.count):
        needed = max([needed, *rows.windows[k].rows(row, height)])
        distance = max(distance, (needed + 1) * _row_bytes(rows, x) - row * _row_bytes(rows, y))
    return distance


def accesses(program: Program, descending: frozenset[int] = frozenset()) -> Iterator[Accesses]:
    """The reads and writes of each row of each step, in order, for the checker."""
    for i, step in enumerate(program.steps):
        # Without windows every iteration accesses everything: two show what any number would.
        iterations = range(step.loop.count if step.rows else min(step.loop.count, 2))
        for row in reversed(iterations) if i in descending else iterations:
            reads = [a for k, x in enumerate(step.reads) if (a := _read(program, step, k, x, row)) is not None]
            writes = [a for y in step.writes if (a := _write(program, step, y, row)) is not None]
            if step.arena_scratch:
                writes.append(Access(step.scratch_buffer, 0, step.arena_scratch))
            yield Accesses(tuple(reads), tuple(writes), step.in_place)
        if step.in_place:
            # An operand that is smaller than the output may be read again and again until the end.
            small = [x for x in step.reads if x.type.bytes < step.writes[0].type.bytes]
            again = (a for x in small if (a := _read(program, step, step.reads.index(x), x, 0)) is not None)
            yield Accesses(tuple(again), ())


def _read(program: Program, step: Step, k: int, x: Value, row: int) -> Access | None:
    if program.buffers[x.buffer].kind != "arena":
        return None
    if step.rows is None:
        return Access(x.buffer, 0, x.type.bytes)
    rows = step.rows.windows[k].rows(row, x.image[0] // step.rows.band)
    size = _row_bytes(step.rows, x)
    return Access(x.buffer, rows[0] * size, (rows[-1] + 1) * size) if rows else None


def _write(program: Program, step: Step, y: Value, row: int) -> Access | None:
    if program.buffers[y.buffer].kind != "arena":
        return None
    if step.rows is None:
        return Access(y.buffer, 0, y.type.bytes)
    size = _row_bytes(step.rows, y)
    return Access(y.buffer, row * size, (row + 1) * size)


def _row_bytes(rows: Rows, value: Value) -> int:
    """The bytes of a band of a value's rows."""
    return value.type.bytes // (value.image[0] // rows.band)
