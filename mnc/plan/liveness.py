"""From a program to the planner's terms: which buffers live when, and what may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mnc.plan.arena import BUDGET, Arena, Buffer, Overlap, bound, place
from mnc.plan.moments import Moments, Reading, distance, ring_rows
from mnc.plan.regions import Region, spread
from mnc.plan.replay import alone, prove, row_bytes
from mnc.program import INPUT, Fold, Program, Rows, Stage, Step, Value

EFFORT = 30_000
"""Of the packer, where rows are made in turns: several plans are made then, and a bound is seldom missed by much."""


@dataclass(frozen=True)
class Lifetime:
    """The steps from the one that first writes a buffer to the one that last reads it; an input is written at -1."""

    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Where the buffers lie, and in which order rows are made."""

    arena: Arena
    stages: tuple[Stage, ...]
    """All steps, in order."""
    rings: Mapping[str, int] = field(default_factory=dict)
    """Bytes that are held of each buffer of which a few rows are; row r lies where row r modulo their number does."""
    saved: int = 0
    """Bytes by which rows in turns lower the bound of the arena."""
    cost: float = 0.0
    """Instructions that rows in turns cost, as a share of all of a run, by estimate."""
    regions: tuple[Region, ...] = ()
    """The memories that the arena lies in, one behind the other, and states behind it; none: it is all in one."""
    states: Mapping[str, int] = field(default_factory=dict)
    """The places of states and their next values where these lie in regions, as those of `Program.moved`."""

    @property
    def region_names(self) -> tuple[str, ...]:
        """The names of the memories that are used."""
        return tuple(region.name for region in self.regions)

    @property
    def descending(self) -> frozenset[int]:
        """The steps that go from the last row of their output to the first."""
        return frozenset(stage.first for stage in self.stages if stage.descending)


def plan(program: Program, stages: Sequence[Stage] | None = None) -> Plan:
    """Lay out the arena for these stages (None: each step alone), and have the independent checker prove the result.

    The steps of interleaved stages go by rows (see `Program.by_rows`).  `NoRoomError` where the
    program's regions are too small.
    """
    stages = alone(program) if stages is None else stages
    lives = lifetimes(program)
    demands = [_Demands.of(program, stage, lives) for stage in stages]
    rings = {name: size for each in demands for name, size in each.rings.items()}
    sizes = {name: buffer.bytes for name, buffer in program.buffers.items() if buffer.kind == "arena"}
    align = {name: buffer.dtype.bytes for name, buffer in program.buffers.items()}
    allowed = [overlap for each in demands for overlap in each.overlaps]
    same = {name: shared for each in demands for name, shared in each.shared.items()}
    numbers = {number: i for i, stage in enumerate(stages) for number in stage.numbers}
    numbers[INPUT] = INPUT
    buffers: dict[str, Buffer] = {}
    for name, life in lives.items():
        size, first, last = rings.get(name, sizes[name]), numbers[life.first], numbers[life.last]
        if name == program.fed:
            first = last
        _merge(buffers, Buffer(same.get(name, name), size, first, last, align[name]))
    effort = EFFORT if any(stage.interleaved for stage in stages) else BUDGET
    regions: tuple[Region, ...] = ()
    states: dict[str, int] = {}
    if program.regions:
        places = _places(program)
        busy: dict[str, int] = {}
        for name, amount in traffic(program).items():
            at = places.get(name, same.get(name, name))
            busy[at] = busy.get(at, 0) + amount
        units = (_widest(program, "arena"), _widest(program, "state"))
        kept = [_outliving(program, name) for name in dict.fromkeys(places.values())]
        found = spread(list(buffers.values()), allowed, kept, program.regions, busy, units, effort)
        arena, regions = found.arena, found.regions
        states = {name: found.states[at] for name, at in places.items()}
    else:
        arena = place(list(buffers.values()), allowed, effort)
    offsets = {name: arena.offsets[same.get(name, name)] for name in lives}
    arena = Arena(offsets, arena.size, arena.lower_bound, arena.proved)
    down = {overlap.written for overlap in allowed if _descends(overlap, offsets, sizes)}
    stages = tuple(
        Stage(s.first, s.last, not s.interleaved and program.steps[s.first].writes[0].buffer in down, s.fed)
        for s in stages
    )
    prove(program.moved(states), stages, arena, rings)
    return Plan(arena, stages, rings, regions=regions, states=states)


def _places(program: Program) -> dict[str, str]:
    """For each buffer that outlives a run the first one of its place: a state's next value lies where it does."""
    kept = sorted((b for b in program.buffers.values() if b.kind == "state"), key=lambda b: b.index)
    first: dict[int, str] = {}
    return {buffer.name: first.setdefault(buffer.index, buffer.name) for buffer in kept}


def _outliving(program: Program, name: str) -> Buffer:
    """A place of what outlives a run, as regions see it."""
    buffer = program.buffers[name]
    return Buffer(name, buffer.bytes, INPUT, len(program.steps), buffer.dtype.bytes)


def _widest(program: Program, kind: Literal["arena", "state"]) -> int:
    """The bytes to which C aligns all memory of a kind."""
    return max((buffer.dtype.bytes for buffer in program.buffers.values() if buffer.kind == kind), default=1)


def traffic(program: Program) -> dict[str, int]:
    """The bytes of each buffer of its own that a run reads and writes; what a window sees again is read again."""
    found: dict[str, int] = {}

    def add(name: str, amount: int) -> None:
        if program.buffers[name].kind in ("arena", "state"):
            found[name] = found.get(name, 0) + amount

    for step in program.steps:
        for k, x in enumerate(step.reads):
            rows = step.rows
            if rows is None:
                add(x.buffer, x.type.bytes)
                continue
            height = x.image[0] // rows.band
            seen = sum(len(rows.windows[k].rows(row, height)) for row in range(rows.count))
            add(x.buffer, seen * x.type.bytes // max(height, 1))
        for y in step.writes:
            add(y.buffer, y.type.bytes)
        if step.arena_scratch:
            add(step.scratch_buffer, 2 * step.arena_scratch * (step.rows.count if step.rows else 1))
        if step.state:
            add(step.state_buffer, 2 * step.state * step.loop.count)
    return found


def _merge(buffers: dict[str, Buffer], other: Buffer) -> None:
    """Add a buffer, or let the one of its name do for both."""
    if (own := buffers.get(other.name)) is not None:
        size, alignment = max(own.size, other.size), max(own.alignment, other.alignment)
        other = Buffer(own.name, size, min(own.first, other.first), max(own.last, other.last), alignment)
    buffers[other.name] = other


def needed(program: Program, stage: Stage, lives: Mapping[str, Lifetime], alive: Iterable[str]) -> int:
    """The fewest bytes of arena that any plan takes while a stage runs; it depends on no other stage.

    `alive` are the buffers that live in some step of it.
    """
    demands = _Demands.of(program, stage, lives)
    buffers: dict[str, Buffer] = {}
    for name in alive:
        life = lives[name]
        size, alignment = demands.rings.get(name, program.buffers[name].bytes), program.buffers[name].dtype.bytes
        born, dies = life.first >= stage.first or name == program.fed, life.last <= stage.last
        at = demands.shared.get(name, name)
        _merge(buffers, Buffer(at, size, 1 if born else 0, 1 if dies else 2, alignment))
    return bound(list(buffers.values()), demands.overlaps, 1)


@dataclass(frozen=True)
class _Demands:
    """A stage as the packer sees it."""

    overlaps: tuple[Overlap, ...]
    rings: Mapping[str, int]
    shared: Mapping[str, str]
    """Buffers that lie where another one does, and which one that is."""

    @classmethod
    def of(cls, program: Program, stage: Stage, lives: Mapping[str, Lifetime]) -> _Demands:
        if not stage.interleaved:
            return cls(tuple(_overlaps(program, stage.first, lives)), {}, {})
        moments = Moments.of(program, stage)
        sizes = {name: program.buffers[name].bytes for name in moments.written if name in lives}
        scratch = [program.steps[n].scratch_buffer for n in stage.numbers if _forgets(program.steps[n])]
        shared = dict.fromkeys(scratch, scratch[0]) if scratch else {}
        for name in scratch:
            sizes[name] = max(sizes[each] for each in scratch)
        firsts, rings = {name: moments.written[name] for name in sizes}, {}
        for step in (program.steps[n] for n in stage.numbers):
            for y in step.writes:
                over = _works_over(step, moments, firsts, lives, stage) if y.buffer in sizes else None
                if over is not None:
                    shared = {**{name: y.buffer if at == over else at for name, at in shared.items()}, over: y.buffer}
                    firsts[y.buffer] = firsts[over]
        for name, first in firsts.items():
            if lives[name].last <= stage.last and _rows_alone(program, stage, name):
                held = ring_rows(first.last, moments.read[name]) * first.row
                if held < sizes[name]:
                    rings[name] = held
        for name, at in shared.items():
            if at in rings:
                rings[name] = rings[at]
            else:
                rings.pop(name, None)
        dying = [
            name
            for name in moments.read
            if name in lives and lives[name].first < stage.first and lives[name].last <= stage.last
        ]
        overlaps = []
        for read in dying:
            if read in moments.written:
                continue
            below: dict[str, int] = {}
            for written, first in firsts.items():
                at = shared.get(written, written)
                nearest = distance(first, rings.get(written, sizes[written]), moments.read[read])
                below[at] = max(nearest, below.get(at, nearest))
            overlaps += [Overlap(at, read, by) for at, by in below.items() if by < rings.get(at, sizes[at])]
        return cls(tuple(overlaps), rings, shared)


def _forgets(step: Step) -> bool:
    """Whether a step has scratch memory that it needs for the time of an iteration only."""
    return step.arena_scratch > 0 and not isinstance(step.loop, Fold)


def _works_over(
    step: Step, moments: Moments, firsts: Mapping[str, Reading], lives: Mapping[str, Lifetime], stage: Stage
) -> str | None:
    """The buffer of the stage over whose rows a step can write its own, where that saves the most memory."""
    if not (isinstance(step.loop, Rows) and step.in_place):
        return None
    (y,) = step.writes
    after = moments.read.get(y.buffer, ())

    def costs(x: Value) -> int:
        """Rows that the two take as one more than the input alone takes."""
        first = firsts[x.buffer].last
        return ring_rows(first, after) - ring_rows(first, moments.read[x.buffer])

    candidates = [
        x
        for x in step.reads
        if x.buffer in firsts
        and stage.first <= lives[x.buffer].first
        and lives[x.buffer].last <= stage.last
        and len(moments.read[x.buffer]) == 1
        and (x.type.bytes, x.image[0]) == (y.type.bytes, y.image[0])
    ]
    return min(candidates, key=costs).buffer if candidates else None


def _rows_alone(program: Program, stage: Stage, buffer: str) -> bool:
    """Whether a buffer is written and read in a stage by rows of one value, and by none of its views."""
    steps = [program.steps[n] for n in stage.numbers]
    if buffer == program.fed:
        names, by_rows = {buffer}, True
    else:
        writers = [step for step in steps if any(y.buffer == buffer for y in step.writes)]
        names = {y.name for step in writers for y in step.writes if y.buffer == buffer}
        by_rows = len(writers) == 1 and isinstance(writers[0].loop, Rows)
    reads = (x for step in steps for x in step.reads if x.buffer == buffer)
    return by_rows and {x.name for x in reads} == names


def lifetimes(program: Program) -> dict[str, Lifetime]:
    """The lifetime of every arena buffer, in steps."""
    lives: dict[str, Lifetime] = {}
    if program.feed != "caller":
        lives = {given.name: Lifetime(INPUT, 0) for given in program.graph.inputs}
    for i, step in enumerate(program.steps):
        for value in (*step.writes, *step.reads):
            if program.buffers[value.buffer].kind == "arena":
                first = lives[value.buffer].first if value.buffer in lives else i
                lives[value.buffer] = Lifetime(first, i)
        if step.arena_scratch:
            lives[step.scratch_buffer] = Lifetime(i, i)
    return lives


def _descends(overlap: Overlap, offsets: Mapping[str, int], sizes: Mapping[str, int]) -> bool:
    """Whether two buffers share memory, and not as going from the first row to the last would need it."""
    distance = offsets[overlap.read] - offsets[overlap.written]
    return -sizes[overlap.read] < distance < min(overlap.below, sizes[overlap.written])


def overlaps(program: Program) -> Iterator[Overlap]:
    """Which outputs may overwrite a dying input, and at what distance, where every step is a stage of its own."""
    lives = lifetimes(program)
    for i in range(len(program.steps)):
        yield from _overlaps(program, i, lives)


def _overlaps(program: Program, i: int, lives: Mapping[str, Lifetime]) -> Iterator[Overlap]:
    """The overlaps of a step alone.

    Rows may go in either direction, and the output lies on the side of its
    input that is used up first.
    """
    step = program.steps[i]
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
        distance = max(distance, (row + 1) * row_bytes(rows, y) - needed * row_bytes(rows, x))
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
        distance = max(distance, (needed + 1) * row_bytes(rows, x) - row * row_bytes(rows, y))
    return distance
