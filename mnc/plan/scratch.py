"""Which steps get scratch memory in the arena: those for which it has room, as it is without any of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mnc.plan.liveness import Plan, lifetimes
from mnc.plan.schedule import schedule
from mnc.program import Program, Step


def settled(program: Program) -> Program:
    """The program with the fallbacks of the steps whose scratch memory would enlarge its arena.

    Scratch memory lies where the plan of all fallbacks leaves a gap during its step; so that plan, with the gaps
    filled, is one of the program.  Should the planner find a worse one, every step falls back.
    """
    if all(step.fallback is None for step in program.steps):
        return program
    lean, layout = schedule(program.with_steps([_lean(step) for step in program.steps]))
    wanted = {step.node.name: step for step in program.steps}
    chosen = [_chosen(wanted[step.node.name], i, step, lean, layout) for i, step in enumerate(lean.steps)]
    made = lean.with_steps(chosen)
    return made if schedule(made)[1].arena.size <= layout.arena.size else lean


def _lean(step: Step) -> Step:
    """The step with the least scratch memory in the arena."""
    while step.fallback is not None:
        step = replace(step.fallback, reason=step.fallback.reason or step.reason)
    return step


def _chosen(step: Step, index: int, lean: Step, program: Program, layout: Plan) -> Step:
    """The first of a step and its fallbacks whose scratch memory fits a gap of a plan at this index."""
    while step is not lean and step.fallback is not None:
        if step.arena_scratch <= max(_gaps(index, program, layout), default=0):
            return step
        step = step.fallback
    return lean


def _gaps(index: int, program: Program, layout: Plan) -> Iterator[int]:
    """The sizes of the gaps between the buffers that live in a step, from bytes divisible by 4 on."""
    offsets = layout.arena.offsets
    end = 0
    live = [name for name, life in lifetimes(program).items() if life.first <= index <= life.last]
    for begin, size in sorted((offsets[name], program.buffers[name].bytes) for name in live):
        yield begin - end
        end = max(end, -(-(begin + size) // 4) * 4)
    yield layout.arena.size - end
