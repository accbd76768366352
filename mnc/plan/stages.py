"""Which consecutive steps make their rows in turns.

The bytes that a stage takes depend on no other stage: a value that is alive
where a stage begins or ends is there as a whole.  So a network's arena is the
largest need of its stages, and the best division has the smallest largest one;
among those of one size, that with the fewest rows made in turns.  Line buffers
between layers, and division as a path through cut points, are known (msf-CNN,
arXiv 2505.11483); here nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mnc.plan.liveness import lifetimes, needed
from mnc.program import Program, Stage, Step

LONGEST = 64
"""Steps of a stage at most."""
ROW = 60
"""Instructions that a row made in turn costs more than one made in a loop: a call, the addresses of its window, whose
turn it is.  Measured on a Cortex-M4: 40 to 80."""


@dataclass(frozen=True)
class Division:
    """A program's steps in stages."""

    stages: tuple[Stage, ...]
    needed: int
    """Bytes of arena: no plan of these stages takes less."""
    cost: float
    """The instructions that rows made in turns cost, as a share of all of a run, by estimate."""


def divisions(program: Program) -> Iterator[Division]:
    """Divisions that need ever less memory; in the first one every step is alone.

    Where a program is fed by rows its first stage is fed, and there is no
    division if a step that reads the input does not go by rows.
    """
    search = _Search.of(program)
    limit = None
    total = sum(map(search.instructions, program.steps))
    while (stages := search.below(limit)) is not None:
        limit = max(map(search.need, stages), default=0)
        yield Division(stages, limit, sum(map(search.rows, stages)) * ROW / max(total, 1))


def worthwhile(program: Program) -> bool:
    """Whether rows in turns may save memory at all, or are asked for: some step goes by several rows."""
    rowwise = (step.rowwise for step in program.steps)
    return program.fed is not None or any(step is not None and _has_turns(step) for step in rowwise)


def _has_turns(step: Step) -> bool:
    """Whether it is a step for a stage, of several rows."""
    return step.rowwise is step and step.loop.count > 1


@dataclass
class _Search:
    program: Program
    by_rows: Program
    """With every step that can go by rows doing so."""
    feed_until: int
    """The last step that reads an input that is fed; -1 where none is."""
    _needs: dict[Stage, int] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program) -> _Search:
        runs = [Stage(i, i, fed=True) for i, step in enumerate(program.steps) if step.rowwise is not None]
        reading = [i for i, s in enumerate(program.steps) if any(x.buffer == program.fed for x in s.reads)]
        return cls(program.by_rows([]), program.by_rows(runs), max(reading, default=-1))

    def __post_init__(self) -> None:
        self.lives = lifetimes(self.program), lifetimes(self.by_rows)
        count = len(self.program.steps)
        self.alive: list[list[set[str]]] = []
        """For steps alone, then by rows: the buffers that live in each step."""
        for lives in self.lives:
            alive: list[set[str]] = [set() for _ in range(count)]
            for name, life in lives.items():
                for i in range(max(life.first, 0), life.last + 1):
                    alive[i].add(name)
            self.alive.append(alive)
        kept = {state.next for state in self.program.graph.states}
        self.can = [
            i <= self.feed_until or (_has_turns(step) and kept.isdisjoint(y.buffer for y in step.writes))
            for i, step in enumerate(self.by_rows.steps)
        ]

    def need(self, stage: Stage) -> int:
        """The fewest bytes that a stage takes."""
        if stage not in self._needs:
            which = int(stage.interleaved)
            alive = set().union(*(self.alive[which][i] for i in stage.numbers))
            self._needs[stage] = needed((self.program, self.by_rows)[which], stage, self.lives[which], alive)
        return self._needs[stage]

    def rows(self, stage: Stage) -> int:
        """How many rows a stage makes in turns."""
        return sum(self.by_rows.steps[i].loop.count for i in stage.numbers) if stage.interleaved else 0

    def instructions(self, step: Step) -> float:
        """A rough estimate for a Cortex-M4: of a step in a run."""
        return 1.2 * self.program.graph.macs(step.node) + 10.0 * sum(y.type.elements for y in step.writes)

    def below(self, limit: int | None) -> tuple[Stage, ...] | None:
        """The division with the fewest rows in turns whose stages all need less than `limit`; None: there is none."""
        count = len(self.program.steps)
        best: list[tuple[int, tuple[Stage, ...]] | None] = [(0, ())] + [None] * count
        for first in range(count):
            so_far = best[first]
            if so_far is None:
                continue
            for stage in self._stages(first, limit):
                rows = so_far[0] + self.rows(stage)
                other = best[stage.last + 1]
                if other is None or rows < other[0]:
                    best[stage.last + 1] = (rows, (*so_far[1], stage))
        return None if (whole := best[count]) is None else whole[1]

    def _stages(self, first: int, limit: int | None) -> Iterator[Stage]:
        """The stages from a step on that need less than `limit`, and are longer only where that helps."""
        fed = first <= self.feed_until
        if not fed:
            alone = Stage(first, first)
            if limit is None or self.need(alone) < limit:
                yield alone
            if limit is None:
                return
        helps = fed
        for last in range(first, min(first + LONGEST, len(self.can))):
            if not self.can[last]:
                return
            helps = helps or limit is None or self.need(Stage(last, last)) >= limit
            stage = Stage(first, last, fed=fed)
            if last < self.feed_until or not helps or not stage.interleaved:
                continue
            if limit is None:
                yield stage
                return
            if self.need(stage) < limit:
                yield stage
