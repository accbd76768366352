"""The proof of a plan covers the states: each is read for the last time before its next value is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import networks
from stateful import stateful

from mnc.backends import get, program_of
from mnc.ir.graph import Graph
from mnc.passes import optimise
from mnc.plan.arena import Arena
from mnc.plan.check import PlanError
from mnc.plan.replay import alone, prove
from mnc.plan.schedule import schedule
from mnc.program import Program

GRAPHS = st.builds(stateful, networks(max_layers=6), st.integers(0, 2**16))


def program(graph: Graph) -> Program:
    return program_of(get("c"), optimise(graph))


def apart(program: Program) -> Arena:
    """Every buffer in memory of its own."""
    offsets, end = {}, 0
    for name, buffer in program.buffers.items():
        if buffer.kind == "arena":
            offsets[name], end = end, end + -(-buffer.bytes // 4) * 4
    return Arena(offsets, end, end, True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(GRAPHS, st.sampled_from(["fast", "balanced", "least"]))
def test_any_plan_is_proved_and_a_state_that_is_written_too_early_is_refused(graph: Graph, memory: str) -> None:
    planned, layout = schedule(program(graph).kept(memory, "caller"))  # type: ignore[arg-type]
    prove(planned, layout.stages, layout.arena, layout.rings)
    planned = program(graph)
    prove(planned, alone(planned), apart(planned), {})
    for state in planned.graph.states:
        writer = next(i for i, step in enumerate(planned.steps) if any(y.buffer == state.next for y in step.writes))
        readers = [i for i, step in enumerate(planned.steps) if any(x.buffer == state.name for x in step.reads)]
        if writer in readers:  # a shift register, which nothing else reads
            assert readers == [writer]
            continue
        read = {x.buffer for x in planned.steps[writer].reads}
        makers = (i for i, step in enumerate(planned.steps) if not read.isdisjoint(y.buffer for y in step.writes))
        first = max(makers, default=-1) + 1
        if readers and first <= max(readers):
            steps = list(planned.steps)
            steps.insert(first, steps.pop(writer))
            early = replace(planned, steps=tuple(steps))
            with pytest.raises(PlanError, match=f"reads '{state.name}'"):
                prove(early, alone(early), apart(early), {})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(GRAPHS)
def test_a_state_that_gets_no_next_value_is_refused(graph: Graph) -> None:
    planned = program(graph)
    for state in planned.graph.states:
        steps = tuple(step for step in planned.steps if all(y.buffer != state.next for y in step.writes))
        left = replace(planned, steps=steps)
        with pytest.raises(PlanError, match=f"reads '{state.next}'"):
            prove(left, alone(left), apart(left), {})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(GRAPHS)
def test_states_lie_apart_from_each_other(graph: Graph) -> None:
    whole = program(graph)
    places = sorted((whole.buffers[each.name].index, whole.buffers[each.name].bytes) for each in whole.graph.states)
    end = 0
    for begin, size in places:
        assert begin >= end
        end = begin + size
    assert whole.state_bytes == end
