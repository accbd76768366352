"""When the rows of buffers are written, and read for the last time, while one stage runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from mnc.program import INPUT, Fold, Program, Rows, Stage, Step, firings
from mnc.program.stage import window_rows


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
    """The turns of a stage, numbered in their order, as they touch each buffer."""

    written: Mapping[str, Reading]
    """For each buffer that is made in the stage the moments at which its rows are written, in the place of readings."""
    read: Mapping[str, Sequence[Reading]]

    @classmethod
    def of(cls, program: Program, stage: Stage) -> Moments:
        """Replay a stage."""
        written: dict[str, Reading] = {}
        read: dict[str, list[Reading]] = {}
        turns = {number: _Turns.of(program.steps[number], written, read) for number in stage.numbers}
        fed: list[int] = []
        for moment, (number, iteration) in enumerate(firings(program.steps, stage, program.fed)):
            if number == INPUT:
                fed.append(moment)
                continue
            own = turns[number]
            for last, rows in own.reads:
                for row in rows[iteration]:
                    last[row] = moment
            for moments in own.writes:
                moments.append(moment)
            if iteration == own.last:
                for moments in own.at_last:
                    moments.append(moment)
            if iteration == 0:
                for moments in own.at_first:
                    moments.append(moment)
        if stage.fed:
            value = program.fed_value
            written[value.buffer] = Reading(value.type.bytes // value.image[0], fed)
        return cls(written, read)


@dataclass(frozen=True)
class _Turns:
    """The memory that a step touches in a stage, as lists to fill with moments."""

    reads: tuple[tuple[list[int], tuple[tuple[int, ...], ...]], ...]
    """For each input the moments of its rows, and the rows that each turn reads."""
    writes: tuple[list[int], ...]
    at_last: tuple[list[int], ...]
    """Written in the last turn only."""
    at_first: tuple[list[int], ...]
    """Written from the first turn on."""
    last: int

    @classmethod
    def of(cls, step: Step, written: dict[str, Reading], read: dict[str, list[Reading]]) -> _Turns:
        """The lists of a step by rows, as parts of the readings that they belong to."""
        reads = []
        for k, x in enumerate(step.reads):
            height = x.image[0]
            moments = [-1] * height
            match step.loop:
                case Rows(windows, count):
                    rows = window_rows(windows[k], count, height)
                case _:
                    rows = tuple((row,) for row in range(height))
            reads.append((moments, rows))
            read.setdefault(x.buffer, []).append(Reading(x.type.bytes // height, moments))
        folds = isinstance(step.loop, Fold)
        outputs: list[list[int]] = []
        for y in step.writes:
            outputs.append([])
            written[y.buffer] = Reading(y.type.bytes // (1 if folds else y.image[0]), outputs[-1])
        scratch: list[list[int]] = [[]] if step.arena_scratch else []
        if scratch:
            written[step.scratch_buffer] = Reading(step.arena_scratch, scratch[0])
        by_turn, at_last = ((), tuple(outputs)) if folds else (tuple(outputs), ())
        return cls(tuple(reads), by_turn, at_last, tuple(scratch), step.loop.count - 1)


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
