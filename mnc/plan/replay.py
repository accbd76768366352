"""A planned run as the checker sees it: who reads and writes which bytes, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mnc.plan.arena import Arena
from mnc.plan.check import Access, Accesses, check
from mnc.program import INPUT, Fold, Program, Rows, Stage, Step, Value, firings, up_to
from mnc.program.stage import rows_read

_ALIGNMENT = 4
"""Of the memory of states, which is replayed behind the arena, in bytes."""


def prove(program: Program, stages: Sequence[Stage], arena: Arena, rings: Mapping[str, int]) -> None:
    """Have the independent checker replay a run; `PlanError` where it overwrites what is still needed.

    A state and its next value are two buffers of one place: the next value may be
    written once the state has been read for the last time, and must be there when the run ends.
    """
    behind = up_to(arena.size, _ALIGNMENT)
    kept = {b.name: b for b in program.buffers.values() if b.kind == "state"}
    check(
        {**arena.offsets, **{name: behind + buffer.index for name, buffer in kept.items()}},
        {name: program.buffers[name].bytes for name in (*arena.offsets, *kept)},
        behind + program.state_bytes if kept else arena.size,
        accesses(program, stages),
        alignments={name: buffer.dtype.bytes for name, buffer in program.buffers.items()},
        rings=rings,
    )


def alone(program: Program) -> tuple[Stage, ...]:
    """Every step as a stage of its own; the first one is fed where the input is."""
    return tuple(Stage(i, i, fed=(program.fed is not None) and i == 0) for i in range(len(program.steps)))


def accesses(program: Program, stages: Sequence[Stage] | None = None) -> Iterator[Accesses]:
    """The reads and writes of each iteration of each step, in order, for the checker."""
    if program.feed == "owned":
        held = [given.name for given in program.graph.inputs]
        yield Accesses((), tuple(Access(name, 0, program.buffers[name].bytes) for name in held))
    states = program.graph.states
    if states:  # as the run before left them
        yield Accesses((), tuple(Access(state.name, 0, state.type.bytes) for state in states))
    for stage in alone(program) if stages is None else stages:
        if stage.interleaved:
            for number, row in firings(program.steps, stage, program.fed):
                if number == INPUT:
                    value = program.fed_value
                    size = value.type.bytes // value.image[0]
                    yield Accesses((), (Access(value.buffer, row * size, (row + 1) * size),))
                else:
                    yield from _iteration(program, program.steps[number], row)
            continue
        step = program.steps[stage.first]
        # Without rows every iteration accesses everything: two show what any number would.
        by_row = isinstance(step.loop, Fold | Rows)
        iterations = range(step.loop.count if by_row else min(step.loop.count, 2))
        for row in reversed(iterations) if stage.descending else iterations:
            yield from _iteration(program, step, row)
        if step.in_place:
            # An operand that is smaller than the output may be read again and again until the end.
            small = [x for x in step.reads if x.type.bytes < step.writes[0].type.bytes]
            again = (a for x in small if (a := _read(program, step, step.reads.index(x), x, 0)) is not None)
            yield Accesses(tuple(again), ())
    if states:  # by the run after this one
        yield Accesses(tuple(Access(state.next, 0, state.type.bytes) for state in states), ())


def _iteration(program: Program, step: Step, row: int) -> Iterator[Accesses]:
    reads = tuple(a for k, x in enumerate(step.reads) if (a := _read(program, step, k, x, row)) is not None)
    writes = [a for y in step.writes if (a := _write(program, step, y, row)) is not None]
    scratch = Access(step.scratch_buffer, 0, step.arena_scratch)
    if isinstance(step.loop, Fold):  # its scratch memory holds sums from one iteration to the next
        yield Accesses((*reads, *[scratch] * (row > 0)), ())
        yield Accesses((), (scratch,))
        if row == step.loop.count - 1:
            yield Accesses((scratch,), tuple(writes))
        return
    yield Accesses(reads, (*writes, *[scratch] * (step.arena_scratch > 0)), step.in_place)


def _read(program: Program, step: Step, k: int, x: Value, row: int) -> Access | None:
    if not _is_replayed(program, x):
        return None
    if isinstance(step.loop, Fold | Rows):
        rows = rows_read(step, k, x, row)
        size = x.type.bytes // (x.image[0] // (step.rows.band if step.rows else 1))
        return Access(x.buffer, rows[0] * size, (rows[-1] + 1) * size) if rows else None
    return Access(x.buffer, 0, x.type.bytes)


def _is_replayed(program: Program, value: Value) -> bool:
    """Whether a value lies in the network's own memory."""
    return program.buffers[value.buffer].kind in ("arena", "state")


def _write(program: Program, step: Step, y: Value, row: int) -> Access | None:
    if not _is_replayed(program, y):
        return None
    if step.rows is None:
        return Access(y.buffer, 0, y.type.bytes)
    size = row_bytes(step.rows, y)
    return Access(y.buffer, row * size, (row + 1) * size)


def row_bytes(rows: Rows, value: Value) -> int:
    """The bytes of a band of a value's rows."""
    return value.type.bytes // (value.image[0] // rows.band)
