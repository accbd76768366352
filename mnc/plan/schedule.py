"""In which order the steps of a branching network run: the one whose arena is smaller."""

from __future__ import annotations

from dataclasses import replace

from mnc.plan.liveness import Plan, plan
from mnc.plan.order import Task, order
from mnc.program import Program, Value


def schedule(program: Program) -> tuple[Program, Plan]:
    """The program in the better of two orders, the given one and the one of the smallest peak, and its plan.

    The search for the smallest peak does not know that outputs may overlap
    inputs, so its order counts only if the planned arena is really smaller.
    """
    given = plan(program)
    permutation = order([_task(program, i) for i in range(len(program.steps))])
    if permutation == tuple(range(len(program.steps))):
        return program, given
    other = replace(program, steps=tuple(program.steps[i] for i in permutation))
    planned = plan(other)
    return (other, planned) if planned.arena.size < given.arena.size else (program, given)


def _task(program: Program, index: int) -> Task:
    step = program.steps[index]

    def size(value: Value) -> int:
        buffer = program.buffers[value.buffer]
        return buffer.bytes if buffer.kind == "arena" else 0

    reads = tuple(dict.fromkeys(value.buffer for value in step.reads))
    return Task(reads, tuple((value.buffer, size(value)) for value in step.writes))
