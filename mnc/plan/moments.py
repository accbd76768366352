"""When the rows of buffers are written, and read for the last time, while one stage runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from mnc.program import INPUT, Program, Stage, Step, Value, firings
from mnc.program.stage import rows_read
from mnc.program.step import Fold, Rows


@dataclass(frozen=True)
class Reading:
    """One step's reading of a buffer by rows of `row` bytes."""

    row: int
    last: Sequence[int]
    """For each row the moment of its last reading; -1 where it is not read."""

    @cached_property
    def _latest(self) -> list[int]:
        return list(accumulate(self.last, max))

    def lowest(self, moment: int) -> int:
        """The first byte that is read at the moment or later; the buffer's size where none is."""
        return bisect_left(self._latest, moment) * self.row


@dataclass(frozen=True)
class Moments:
    """The iterations of a stage, numbered in their order, as they touch each buffer."""

    written: Mapping[str, Reading]
    """For each buffer that is made in the stage the moments at which its rows are written, in the place of readings."""
    read: Mapping[str, Sequence[Reading]]

    @classmethod
    def of(cls, program: Program, stage: Stage) -> Moments:
        """Replay a stage."""
        steps, clock = program.steps, _Clock()
        if not stage.interleaved:
            step = steps[stage.first]
            for i in range(step.loop.count if step.rows else 1):
                clock.tick(step, stage.first, i, i)
            return clock.moments()
        for moment, (number, iteration) in enumerate(firings(steps, stage, program.fed)):
            if number == INPUT:
                clock.write(program.values[program.fed], iteration, moment)
            else:
                clock.tick(steps[number], number, iteration, moment)
        return clock.moments()


@dataclass
class _Clock:
    written: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    read: dict[tuple[str, int, int], tuple[int, list[int]]] = field(default_factory=dict)

    def tick(self, step: Step, number: int, iteration: int, moment: int) -> None:
        if step.arena_scratch:
            self.written.setdefault(step.scratch_buffer, (step.arena_scratch, [moment]))
        for k, x in enumerate(step.reads):
            if step.rows is None and not isinstance(step.loop, Fold):
                self.read[x.buffer, number, k] = (x.type.bytes, [moment])
                continue
            height = x.image[0] // (step.rows.band if step.rows else 1)
            _, last = self.read.setdefault((x.buffer, number, k), (x.type.bytes // height, [-1] * height))
            for row in rows_read(step, k, x, iteration):
                last[row] = moment
        for y in step.writes:
            match step.loop:
                case Rows(band=band):
                    self.write(y, iteration, moment, band)
                case Fold(count) if iteration < count - 1:
                    pass
                case _:
                    self.written[y.buffer] = (y.type.bytes, [moment])

    def write(self, y: Value, row: int, moment: int, band: int = 1) -> None:
        height = y.image[0] // band
        _, moments = self.written.setdefault(y.buffer, (y.type.bytes // height, [0] * height))
        moments[row] = moment

    def moments(self) -> Moments:
        read: dict[str, list[Reading]] = {}
        for (buffer, _, _), (row, last) in self.read.items():
            read.setdefault(buffer, []).append(Reading(row, last))
        return Moments({name: Reading(row, moments) for name, (row, moments) in self.written.items()}, read)


def ring_rows(written: Sequence[int], readings: Sequence[Reading]) -> int:
    """The fewest rows, written at these moments, that keep each until it has been read for the last time."""
    last = list(written)
    for reading in readings:
        last = [max(pair) for pair in zip(last, reading.last, strict=True)]
    # Every row that is written no later than this one's last reading needs a place beside it.
    return max(bisect_left(written, moment + 1) - row for row, moment in enumerate(last))


def distance(written: Reading, size: int, readings: Sequence[Reading]) -> int:
    """How far below a dying buffer another one must begin, of which `size` bytes are held, to be written meanwhile.

    In bytes; negative: it may begin so far above.  When a row is written, every byte below its end in memory must
    have been read for the last time.
    """
    row = written.row
    held = enumerate(written.last[: size // row])
    return max((i + 1) * row - min(reading.lowest(moment) for reading in readings) for i, moment in held)
