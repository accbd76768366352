"""A run in slices: which layers are cut between their rows, so that no slice takes more operations than the user wants.

A slice is a layer; of a layer that takes too many operations, some of its
rows; of layers that make their rows in turns, some rows of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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
    """Operations of one iteration of a step that goes on where it was left, rounded up; else of all of them."""
    return -(-operations(graph, step) // step.loop.count) if _resumable(step) else operations(graph, step)


def _resumable(step: Step) -> bool:
    """Whether all that an iteration leaves to the next ones lies in memory of the network."""
    alone = isinstance(step.loop, Rows) and not step.before and not step.after
    return step.loop.count > 1 and bool(step.calls) and (alone or step.scratch == step.arena_scratch)


def resumable(program: Program) -> Program:
    """The program whose steps, where they take more operations than a slice, are such as can be cut, if there are."""
    if program.sliced <= WHOLE:
        return program
    return program.with_steps([_cut(program.graph, step, program.sliced) for step in program.steps])


def _cut(graph: Graph, step: Step, limit: int) -> Step:
    """The first of a step, its form by rows and its fallbacks that fits, else that of the smallest pieces."""
    if operations(graph, step) <= limit:
        return step
    forms = list(_forms(step))
    chosen = next((each for each in forms if piece(graph, each) <= limit), None)
    chosen = chosen or min(forms, key=lambda each: piece(graph, each))
    other = None if chosen.fallback is None else _cut(graph, chosen.fallback, limit)
    return replace(chosen, fallback=other)


def _forms(step: Step) -> Iterator[Step]:
    yield step
    for other in (step.by_row, step.fallback):
        if other is not None:
            yield from _forms(other)


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
        return frozenset(i for i in alone if limit > WHOLE and operations(graph, steps[i]) > limit)

    def costs(self, numbers: Iterable[int]) -> dict[int, int]:
        """Operations of an iteration of these layers, by number, as slices count them."""
        steps, graph = self.program.steps, self.program.graph
        return {i: piece(graph, steps[i]) if self.program.sliced > WHOLE else 1 for i in numbers}

    def resumes(self, stage: Stage) -> bool:
        """Whether a stage takes several slices."""
        return bool(self.program.sliced) and (stage.interleaved or stage.first in self.cut)

    @property
    def position(self) -> int:
        """How many numbers say how far a run has come: the stage, and the rows of each of its layers."""
        if not self.program.sliced:
            return 0
        return 1 + max((len(stage.numbers) for stage in self.stages if self.resumes(stage)), default=0)

    @property
    def oversized(self) -> dict[int, int]:
        """The operations of the smallest slice of layers of which it is too large, by their numbers."""
        limit, graph, steps = self.program.sliced, self.program.graph, self.program.steps
        if limit <= WHOLE:
            return {}
        cutting = [i for stage in self.stages if self.resumes(stage) for i in stage.numbers]
        return {i: size for i in cutting if (size := piece(graph, steps[i])) > limit}

    @property
    def sizes(self) -> Iterator[int]:
        """The operations of each slice of a run, in order."""
        steps, graph = self.program.steps, self.program.graph
        for stage in self.stages:
            if not self.resumes(stage):
                yield operations(graph, steps[stage.first])
                continue
            costs, taken, counted = self.costs(stage.numbers), 0, 0
            for number, _ in firings(steps, stage):
                if counted + costs[number] > max(self.program.sliced, WHOLE):
                    yield taken
                    taken = counted = 0
                counted += costs[number]
                taken += piece(graph, steps[number])
            yield taken
