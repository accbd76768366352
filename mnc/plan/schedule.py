"""In which order the steps of a network run, and which make their rows in turns: the smallest arena that may be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mnc.errors import CompileError, argument, refuse
from mnc.plan.liveness import Plan, plan
from mnc.plan.memory_map import memory_map
from mnc.plan.order import Task, order
from mnc.plan.regions import NoRoomError
from mnc.plan.scratch import filled, lean
from mnc.plan.stages import Division, divisions, worthwhile
from mnc.program import Program, Value

BALANCED = 0.05
"""The share of a run's instructions that rows in turns may cost where `Program.memory` is balanced."""

LISTED = 6
"""Buffers that a refusal names."""


def schedule(program: Program) -> tuple[Program, Plan]:
    """The program in the best of some orders, and its plan.

    They are the given one; the one of the smallest peak, whose search knows neither
    that outputs may overlap inputs nor rows in turns; and where there are such
    turns one in which the shorter of two ways to a layer is gone first, so that few
    rows wait on it.  CompileError where the program's regions are too small.
    """
    whole, program = program, lean(program)
    planned = _fitting(program)
    given = tuple(range(len(program.steps)))
    orders = [order([_task(program, i) for i in given])]
    if planned is None or any(stage.interleaved for stage in planned[1].stages):
        orders.append(_short_ways_first(program))
    for permutation in dict.fromkeys(orders):
        if permutation != given:
            other = _fitting(replace(program, steps=tuple(program.steps[i] for i in permutation)))
            if planned is None or (other is not None and other[1].arena.size < planned[1].arena.size):
                planned = other
    if planned is None:
        raise _too_small(program)
    made, layout = filled(whole, *planned)
    return made.moved(layout.states), layout


def _fitting(program: Program) -> tuple[Program, Plan] | None:
    """As `_planned`; None where the program's regions are too small."""
    try:
        return _planned(program)
    except NoRoomError:
        return None


def _too_small(program: Program) -> CompileError:
    """The refusal of a program that fits into none of its regions, by what takes the most in one that had no end."""
    unlimited = memory_map(*_planned(replace(program, regions=())))
    live = ", ".join(f"{box.name!r} {box.bytes:,}" for box in unlimited.live(unlimited.peak)[:LISTED])
    kept = sorted((box for box in unlimited.boxes if box.kind == "state"), key=lambda box: -box.bytes)
    states = ", ".join(f"{box.name!r} {box.bytes:,}" for box in kept[:LISTED])
    rooms = " and ".join(f"{name} of {size:,}" for name, size in program.regions)
    needed = [f"the buffers take {unlimited.arena:,}, at the peak the largest are {live} bytes"] if live else []
    needed += [f"states take {unlimited.state:,}, the largest are {states} bytes"] if kept else []
    return refuse(
        argument("region"),
        f"{' and '.join(['buffers'] * bool(live) + ['states'] * bool(kept))} do not fit into {rooms} bytes; in one"
        f" memory {'; '.join(needed)}",
        "name a larger region or another one; --memory least takes less",
    )


def _short_ways_first(program: Program) -> tuple[int, ...]:
    """The steps by their distance from the inputs, then those from which few steps lead to an end."""
    count, before = len(program.steps), program.before
    depth, height = [0] * count, [0] * count
    for i in range(count):
        depth[i] = max((depth[k] + 1 for k in before[i]), default=0)
    for i in reversed(range(count)):
        for k in before[i]:
            height[k] = max(height[k], height[i] + 1)
    return tuple(sorted(range(count), key=lambda i: (depth[i], height[i], i)))


def _planned(program: Program) -> tuple[Program, Plan]:
    """The program as its stages run it, and the plan."""
    if (program.memory == "fast" and program.fed is None) or not worthwhile(program):
        staged = program.by_rows(())
        return staged, plan(staged)
    best: tuple[Program, Plan] | None = None
    room = True
    choice = list(_affordable(program))
    for division in reversed(choice):
        if best is not None and division.needed >= best[1].arena.size:
            break
        staged = program.by_rows(division.stages)
        try:
            planned = plan(staged, division.stages)
        except NoRoomError:
            room = False
            continue
        planned = replace(planned, saved=choice[0].needed - division.needed, cost=division.cost)
        if best is None or planned.arena.size < best[1].arena.size:
            best = staged, planned
    if best is None and not room:
        raise NoRoomError
    assert best is not None, "checked when the program was made"
    return best


def _affordable(program: Program) -> Iterator[Division]:
    for number, division in enumerate(divisions(program)):
        if number > 0 and (program.memory == "fast" or (program.memory == "balanced" and division.cost > BALANCED)):
            return
        yield division


def _task(program: Program, index: int) -> Task:
    step = program.steps[index]

    def size(value: Value) -> int:
        buffer = program.buffers[value.buffer]
        return buffer.bytes if buffer.kind == "arena" else 0

    reads = dict.fromkeys(value.buffer for value in step.reads)
    writes = [(value.buffer, size(value)) for value in step.writes]
    if program.graph.states:  # that a task has run is a tensor without memory, for those that must wait on it
        reads |= dict.fromkeys(f"\0{k}" for k in sorted(program.before[index]))
        writes.append((f"\0{index}", 0))
    return Task(tuple(reads), tuple(writes))
