"""From a program to the planner's terms: which buffers live when, what may overlap, who touches what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mnc.backends.program import Program, Step, Value
from mnc.plan.arena import Arena, Buffer, Overlap, place
from mnc.plan.check import Moment, Touch, check


@dataclass(frozen=True)
class Lifetime:
    """The steps from the one that first writes a buffer to the one that last reads it."""

    first: int
    last: int


def plan(program: Program) -> Arena:
    """Lay out the arena, and have the independent checker prove the result."""
    lives = lifetimes(program)
    sizes = {name: buffer.bytes for name, buffer in program.buffers.items() if buffer.kind == "arena"}
    arena = place(
        [Buffer(name, sizes[name], lives[name].first, lives[name].last) for name in lives],
        list(overlaps(program)),
    )
    alignments = dict.fromkeys(lives, 4)
    check(arena.offsets, {name: sizes[name] for name in lives}, arena.size, moments(program), alignments=alignments)
    return arena


def lifetimes(program: Program) -> dict[str, Lifetime]:
    """The lifetime of every arena buffer, in steps."""
    lives: dict[str, Lifetime] = {}
    for i, step in enumerate(program.steps):
        for value in (*step.writes, *step.reads):
            if program.buffers[value.buffer].kind == "arena":
                first = lives[value.buffer].first if value.buffer in lives else i
                lives[value.buffer] = Lifetime(first, i)
    return lives


def overlaps(program: Program) -> Iterator[Overlap]:
    """Which outputs may overwrite a dying input, and at what distance.

    Output row y is complete at (y + 1) rows of output; input rows from the
    first one on that any output row >= y reads must not be reached by then.
    """
    lives = lifetimes(program)
    for i, step in enumerate(program.steps):
        for y in step.writes:
            for k, x in enumerate(step.reads):
                dies = x.buffer in lives and lives[x.buffer].last == i
                born = y.buffer in lives and lives[y.buffer].first == i
                if not (dies and born) or x.buffer == y.buffer or len(step.writes) > 1:
                    continue
                if step.in_place and x.type.bytes == y.type.bytes:
                    yield Overlap(y.buffer, x.buffer, 0)
                elif step.windows and sum(r.buffer == x.buffer for r in step.reads) == 1:
                    yield Overlap(y.buffer, x.buffer, _distance(step, k, x, y))


def _distance(step: Step, k: int, x: Value, y: Value) -> int:
    height = x.image[0]
    written, read = _row_bytes(y), _row_bytes(x)
    distance, needed = 0, height
    for row in reversed(range(step.rows)):
        needed = min([needed, *step.windows[k].rows(row, height)])
        distance = max(distance, (row + 1) * written - needed * read)
    return distance


def moments(program: Program) -> Iterator[Moment]:
    """What each row of each step reads and writes, for the checker."""
    for step in program.steps:
        for row in range(step.rows):
            reads = [t for k, x in enumerate(step.reads) if (t := _read(program, step, k, x, row)) is not None]
            writes = [t for y in step.writes if (t := _write(program, step, y, row)) is not None]
            yield Moment(tuple(reads), tuple(writes), step.in_place)


def _read(program: Program, step: Step, k: int, x: Value, row: int) -> Touch | None:
    if program.buffers[x.buffer].kind != "arena":
        return None
    if not step.windows:
        return Touch(x.buffer, 0, x.type.bytes)
    rows = step.windows[k].rows(row, x.image[0])
    return Touch(x.buffer, rows[0] * _row_bytes(x), (rows[-1] + 1) * _row_bytes(x)) if rows else None


def _write(program: Program, step: Step, y: Value, row: int) -> Touch | None:
    if program.buffers[y.buffer].kind != "arena":
        return None
    if step.rows == 1:
        return Touch(y.buffer, 0, y.type.bytes)
    return Touch(y.buffer, row * _row_bytes(y), (row + 1) * _row_bytes(y))


def _row_bytes(value: Value) -> int:
    return value.type.bytes // value.image[0]
