"""A run in slices: which layers are cut between their rows, so that no slice takes more operations than the user wants.

A slice is a layer; of a layer that takes too many operations, some of its
rows, or of a row some ranges of outputs; of layers that make their rows in
turns, some rows of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mnc.ir.graph import Graph
from mnc.program.program import Program
from mnc.program.stage import Stage, firings
from mnc.program.step import Rows, Step

WHOLE = 1
"""The limit where slices have none: layers as a whole, or a row of those that take turns."""


def operations(graph: Graph, step: Step) -> int:
    """The work of a layer: multiply-accumulate operations; the elements of its largest value where it has none."""
    return graph.macs(step.node) or max(value.type.elements for value in (*step.reads, *step.writes))


def piece(graph: Graph, step: Step) -> int:
    """Operations of the largest part that a slice of a step cannot be smaller than, rounded up."""
    if step.ranges:
        return max(each.cost for each in step.ranges)
    return -(-operations(graph, step) // step.loop.count) if _resumable(step) else operations(graph, step)


def _resumable(step: Step) -> bool:
    """Whether all that an iteration leaves to the next ones lies in memory of the network."""
    alone = isinstance(step.loop, Rows) and not step.before and not step.after
    return step.loop.count > 1 and bool(step.calls) and (alone or step.scratch == step.arena_scratch)


@dataclass(frozen=True)
class Slices:
    """The slices of a program that is planned."""

    program: Program
    stages: Sequence[Stage]

    @property
    def cut(self) -> frozenset[int]:
        """The numbers of layers alone that take several slices."""
        limit, graph, steps = self.program.sliced, self.program.graph, self.program.steps
        alone = (stage.first for stage in self.stages if not stage.interleaved)
        large = (i for i in alone if limit > WHOLE and operations(graph, steps[i]) > limit)
        return frozenset(i for i in large if steps[i].ranges or _resumable(steps[i]))

    def costs(self, numbers: Iterable[int]) -> dict[int, tuple[tuple[int, int], ...]]:
        """For layers, by number, the parts of an iteration: how many of so many operations, as slices count them."""
        steps, graph = self.program.steps, self.program.graph
        if self.program.sliced == WHOLE:
            return dict.fromkeys(numbers, ((1, 1),))
        return {
            i: tuple((each.count, each.cost) for each in steps[i].ranges) or ((1, piece(graph, steps[i])),)
            for i in numbers
        }

    def resumes(self, stage: Stage) -> bool:
        """Whether a stage takes several slices."""
        return bool(self.program.sliced) and (stage.interleaved or stage.first in self.cut)

    @property
    def position(self) -> int:
        """How many numbers say how far a run has come: the stage, the rows of each layer of it, and parts of a row."""
        if not self.program.sliced:
            return 0
        return 1 + max((self._counters(stage) for stage in self.stages if self.resumes(stage)), default=0)

    def _counters(self, stage: Stage) -> int:
        in_parts = any(self.program.steps[i].ranges for i in stage.numbers)
        return len(stage.numbers) + in_parts

    @property
    def oversized(self) -> dict[int, int]:
        """The operations of the smallest slice of layers of which it is too large, by their numbers."""
        limit, graph, steps = self.program.sliced, self.program.graph, self.program.steps
        if limit <= WHOLE:
            return {}
        least = {
            i: piece(graph, steps[i]) if self.resumes(stage) else operations(graph, steps[i])
            for stage in self.stages
            for i in stage.numbers
        }
        return {i: least[i] for i in sorted(least) if least[i] > limit}

    @property
    def sizes(self) -> Iterator[int]:
        """The operations of each slice of a run, in order."""
        steps, graph, limit = self.program.steps, self.program.graph, max(self.program.sliced, WHOLE)
        for stage in self.stages:
            if not self.resumes(stage):
                yield operations(graph, steps[stage.first])
                continue
            costs, taken, counted = self.costs(stage.numbers), 0, 0
            for number, _ in firings(steps, stage):
                for count, cost in costs[number]:
                    for _ in range(count):
                        own = min(cost, limit)  # a part that is too large is a slice of its own
                        if counted + own > limit:
                            yield taken
                            taken = counted = 0
                        counted += own
                        taken += cost if steps[number].ranges else piece(graph, steps[number])
            yield taken
