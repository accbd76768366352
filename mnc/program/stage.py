"""Stages: consecutive steps whose rows are made in turns, so that values between them need a few rows of memory each.

One rule gives the order of all rows, in the plan and in the generated code alike:

    Whenever one of its steps can, the last one that can makes its next row.

A step can once the rows that its window reads are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mnc.program.step import Fold, Rows, Step
from mnc.program.values import Value, Window

INPUT = -1
"""In place of a step's number: the next row of the network's input is handed in."""

Firing = tuple[int, int]
"""A step, by number, and which of its iterations it makes."""


@dataclass(frozen=True)
class Stage:
    """Consecutive steps of a program; a step alone runs through its rows on its own."""

    first: int
    last: int
    """The numbers of its first and its last step."""
    descending: bool = False
    """A step alone that goes from the last row of its output to the first."""
    fed: bool = False
    """Rows of the network's input are handed in one by one, each when no step can go on."""

    @property
    def numbers(self) -> range:
        """The numbers of its steps."""
        return range(self.first, self.last + 1)

    @property
    def interleaved(self) -> bool:
        """Whether its steps make their rows in turns."""
        return self.fed or self.last > self.first


@dataclass(frozen=True)
class Need:
    """A step's demand on an earlier one of its stage, before each of its iterations."""

    producer: int
    """By number; `INPUT`: the network's input."""
    iterations: tuple[int, ...]
    """For each iteration of the step how many of the producer's must have been made."""


def needs(steps: Sequence[Step], stage: Stage, fed: str | None = None) -> list[dict[int, Need]]:
    """For each step of a stage its demands on others, by the number of its input.

    `fed` is the value that is handed in row by row, if one is.
    """
    made: dict[str, tuple[int, Step]] = {}
    found: list[dict[int, Need]] = []
    for number in stage.numbers:
        step = steps[number]
        own: dict[int, Need] = {}
        for k, x in enumerate(step.reads):
            if stage.fed and x.buffer == fed:
                own[k] = Need(INPUT, _demands(step, k, x.image[0], by_row=x.name == fed))
            elif x.buffer in made:
                producer, other = made[x.buffer]
                plain = isinstance(other.loop, Rows) and any(y.name == x.name for y in other.writes)
                own[k] = Need(producer, _demands(step, k, other.loop.count, by_row=plain))
        found.append(own)
        made.update((y.buffer, (number, step)) for y in step.writes)
    return found


def _demands(step: Step, k: int, count: int, *, by_row: bool) -> tuple[int, ...]:
    """How many of the `count` iterations that make x each iteration of a step needs; all of them unless `by_row`."""
    if not by_row:
        return (count,) * step.loop.count
    if isinstance(step.loop, Rows):
        return _reached(step.loop.windows[k], step.loop.count, count)
    return tuple(range(1, count + 1))


@lru_cache(maxsize=1024)
def _reached(window: Window, turns: int, height: int) -> tuple[int, ...]:
    """How many rows must be there for each turn."""
    return tuple(window.last(i, height) + 1 for i in range(turns))


@lru_cache(maxsize=1024)
def window_rows(window: Window, turns: int, height: int) -> tuple[tuple[int, ...], ...]:
    """The rows that each turn reads."""
    return tuple(tuple(window.rows(i, height)) for i in range(turns))


def rows_read(step: Step, k: int, x: Value, iteration: int) -> Sequence[int]:
    """The rows (or bands of rows) of its input k that an iteration of a step by rows reads, in ascending order."""
    match step.loop:
        case Rows(windows, band=band):
            return windows[k].rows(iteration, x.image[0] // band)
        case Fold():
            return (iteration,)
    raise AssertionError(step.node.name)


def firings(steps: Sequence[Step], stage: Stage, fed: str | None = None) -> Iterator[Firing]:
    """All iterations of a stage in their order; `steps` are those of the program."""
    first, demands = stage.first, needs(steps, stage, fed)
    counts = [steps[number].loop.count for number in stage.numbers]
    made = [0] * (len(counts) + 1)
    """Iterations of each step; of the input's rows at the end, where `INPUT - first` is not an index."""
    own = [
        [(n.producer - first if n.producer != INPUT else -1, n.iterations) for n in each.values()] for each in demands
    ]
    rows = next((x.image[0] for number in stage.numbers for x in steps[number].reads if x.name == fed), 0)
    while True:
        for i in reversed(range(len(counts))):
            turn = made[i]
            if turn == counts[i]:
                continue
            for producer, iterations in own[i]:
                if made[producer] < iterations[turn]:
                    break
            else:
                yield first + i, turn
                made[i] = turn + 1
                break
        else:
            if not stage.fed or made[-1] == rows:
                return
            yield INPUT, made[-1]
            made[-1] += 1


def events(steps: Sequence[Step], stages: Iterable[Stage], fed: str | None = None) -> Iterator[Firing]:
    """The outputs of a run, and the rows of those that are made in turns, in their order; row -1: a whole output."""
    for stage in stages:
        if not stage.interleaved:
            yield stage.first, -1
            continue
        for number, row in firings(steps, stage, fed):
            folds = number != INPUT and isinstance(steps[number].loop, Fold)
            if folds and row == steps[number].loop.count - 1:
                yield number, 0
            elif number != INPUT and not folds:
                yield number, row
