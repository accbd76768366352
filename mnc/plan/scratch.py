"""Which steps get scratch memory in the arena: those for which it has room, as it is without any of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mnc.plan.liveness import Plan, lifetimes, plan
from mnc.plan.regions import NoRoomError
from mnc.program import Program, Stage, Step, up_to


def lean(program: Program) -> Program:
    """The program whose steps are all those with the least scratch memory in the arena."""
    return program.with_steps([_lean(step) for step in program.steps])


def filled(program: Program, planned: Program, layout: Plan) -> tuple[Program, Plan]:
    """A planned lean program with the steps of the given one whose scratch memory lies in gaps of the arena.

    Scratch memory lies where the plan leaves a gap during its stage; so that plan, with the gaps filled, is one of
    the program.  Should the planner find a worse one, every step stays as it is.  Where memory is `balanced`, half of
    the bytes that rows in turns save may be spent on scratch memory: rows in turns leave few gaps, and the kernels
    that want it are the fast ones.
    """
    if all(step.fallback is None for step in program.steps):
        return planned, layout
    made, new = _with_gaps(program, planned, layout)
    return made.with_steps(_explained(program, made, new)), new


def _with_gaps(program: Program, planned: Program, layout: Plan) -> tuple[Program, Plan]:
    spare = layout.saved // 2 if program.memory == "balanced" else 0
    for extra in dict.fromkeys((spare, 0)):
        try:
            made, new = _filled(program, planned, layout, extra)
        except NoRoomError:
            continue
        if new.arena.size <= layout.arena.size + extra:
            return made, new
    return planned, layout


def _filled(program: Program, planned: Program, layout: Plan, extra: int) -> tuple[Program, Plan]:
    """The program with scratch memory in its gaps, or in `extra` bytes."""
    wanted = {step.node.name: step for step in program.steps}
    chosen = list(planned.steps)
    for stage in layout.stages:
        room = max([extra, *_gaps(stage, planned, layout)])
        for i in stage.numbers:
            chosen[i] = _chosen(wanted[chosen[i].node.name], chosen[i], stage, room)
    made = planned.with_steps(chosen)
    new = replace(plan(made, layout.stages), saved=layout.saved, cost=layout.cost)
    return made, new


def _explained(program: Program, made: Program, layout: Plan) -> list[Step]:
    """The steps of a program, with the reason for those that work with less scratch memory than was wanted."""
    wanted = {step.node.name: step for step in program.steps}
    steps = list(made.steps)
    for stage in layout.stages:
        for i in stage.numbers:
            first = wanted.get(steps[i].node.name)
            fast = first.rowwise if first is not None and stage.interleaved else first
            if fast is None or fast.scratch <= steps[i].scratch or steps[i].reason:
                continue
            reason = f"the {fast.scratch:,} bytes of scratch memory with which {fast.kernel} is fastest"
            steps[i] = replace(steps[i], reason=f"{reason} would enlarge the arena")
    return steps


def _lean(step: Step) -> Step:
    """The step with the least scratch memory in the arena."""
    while step.fallback is not None:
        step = replace(step.fallback, reason=step.fallback.reason or step.reason)
    return step


def _chosen(step: Step | None, lean: Step, stage: Stage, room: int) -> Step:
    """The first of a step and its fallbacks whose scratch memory fits into `room`; else the lean one."""
    while step is not None and step.fallback is not None:
        made = step.rowwise if stage.interleaved else step
        if made is not None and made.arena_scratch <= room:
            return replace(made, by_row=None)
        step = step.fallback
    return lean


def _gaps(stage: Stage, program: Program, layout: Plan) -> Iterator[int]:
    """The sizes of the gaps between the buffers that live in a stage, from bytes divisible by 4 on."""
    offsets = layout.arena.offsets
    end = 0
    live = [name for name, life in lifetimes(program).items() if life.first <= stage.last and life.last >= stage.first]
    for begin, size in sorted((offsets[n], layout.rings.get(n, program.buffers[n].bytes)) for n in live):
        yield begin - end
        end = max(end, up_to(begin + size, 4))
    yield layout.arena.size - end
