"""Scratch memory in the arena costs no byte: where there is no room for it, a step falls back."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from hypothesis import given, settings
from hypothesis import strategies as st

import mnc
from mnc import backends
from mnc.backends.select.quantised.paired import ON_STACK
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.plan.schedule import schedule
from mnc.program import Program
from mnc.terminal.tables import Paper, compiled

INT8 = Quantisation((0.02,), -3)


def chain(size: int, channels: list[int], seed: int = 0) -> Graph:
    """Convolutions of 3x3, one behind the other, between numbers of channels."""
    rng = np.random.default_rng(seed)
    nodes = []
    for i, (inputs, outputs) in enumerate(pairwise(channels)):
        scale = Quantisation((0.01,) * outputs, 0, 3)
        layer = Conv2D(
            Constant(rng.integers(-40, 41, (3, 3, inputs, outputs)).astype(np.int8), scale),
            Constant(rng.integers(-999, 999, outputs).astype(np.int32)),
            padding=((1, 1), (1, 1)),
            output=ElementType(DType.INT8, Quantisation((0.5,), 4)),
        )
        nodes.append(Node((f"v{i}",), layer, (f"v{i - 1}" if i else "x",)))
    given = Input("x", TensorType((size, size, channels[0]), DType.INT8, INT8))
    return Graph("chain", (given,), tuple(nodes), (nodes[-1].outputs[0],))


def program(graph: Graph) -> Program:
    backend = backends.get("c")
    return backends.program_of(backend, graph)


def without_scratch(whole: Program) -> Program:
    """The program of the last fallbacks."""
    steps = list(whole.steps)
    while any(step.fallback for step in steps):
        steps = [step.fallback or step for step in steps]
    return whole.with_steps(steps)


@settings(deadline=None, max_examples=30)
@given(
    size=st.integers(2, 12),
    channels=st.lists(st.sampled_from([1, 4, 8, 20, 64]), min_size=2, max_size=5),
    wanted=st.lists(st.integers(1, 3000), min_size=4, max_size=4),
)
def test_the_arena_is_as_small_as_without(size: int, channels: list[int], wanted: list[int]) -> None:
    whole = program(chain(size, channels))
    steps = [
        replace(step, scratch=2 * more) if step.fallback else step
        for step, more in zip(whole.steps, wanted, strict=False)
    ]
    made, layout = schedule(whole.with_steps(steps))
    assert layout.arena.size == schedule(without_scratch(whole))[1].arena.size
    assert [step.node for step in made.steps] == [step.node for step in whole.steps]


def test_scratch_lies_in_a_gap_on_the_stack_or_nowhere() -> None:
    """The layer in the middle is the peak; its neighbour has room, as its output is small."""
    made = {step.node.name: step for step in schedule(program(chain(16, [4, 16, 16, 4, 4])))[0].steps}
    peak, after = made["v1"], made["v3"]
    assert peak.scratch_on_stack and peak.arena_scratch == 0 < peak.scratch
    assert after.arena_scratch == after.scratch > 0
    large = schedule(program(chain(16, [4, 96, 96, 4])))[0].steps[1]
    assert large.scratch == 0 and large.kernel == "mnc_conv2d_s8"
    assert large.reason == "the window of 1,728 bytes of mnc_conv2d_paired_s8 would enlarge the arena"


def test_where_nothing_has_room_for_the_window_of_the_fastest_block_a_smaller_one_goes_on_the_stack() -> None:
    """Two pixels, or one, instead of four by one kernel: only then a slower kernel."""
    blocks = {
        channels: step.calls[0].arguments["block_pixels"]
        for channels in (16, 32, 64)
        for step in (schedule(program(chain(16, [4, channels, channels, 4])))[0].steps[1],)
        if step.kernel == "mnc_conv2d_paired_s8" and step.scratch_on_stack and step.scratch <= ON_STACK
    }
    assert blocks == {16: 4, 32: 4, 64: 1}


def test_the_report_says_which_layers_are_slower_for_want_of_scratch_memory() -> None:
    """Four pixels' window of 64 channels has 2,304 bytes, of 32 channels 1,152, which the stack bears."""
    fast = "the 2,304 bytes of scratch memory with which mnc_conv2d_paired_s8 is fastest would enlarge the arena"
    for channels, reason in ((32, None), (64, fast)):
        report = mnc.compile(chain(16, [4, channels, channels, 4]), name="net", memory="fast").report
        assert [layer.reason for layer in report.layers] == [None, reason, reason]
        said = compiled(report, Paper(200, False, False))
        assert ("faster kernels would enlarge the arena: v1, v2\n" in re.sub(" *\n", "\n", said)) == (
            reason is not None
        )


@pytest.mark.parametrize("channels", [[4, 16, 16, 4, 4], [4, 64, 64, 4], [4, 96, 96, 4], [3, 8, 8]])
def test_scratch_anywhere_gives_the_same_bits(channels: list[int], gcc: str, tmp_path: Path) -> None:
    graph = chain(16, channels)
    xs = np.random.default_rng(1).integers(-128, 128, (3, *graph.inputs[0].type.shape)).astype(np.int8)
    want = np.asarray(graph.predict(xs))
    case = Case("net", mnc.compile(graph, name="net").files, [xs], [want[0].size], ["int8"])
    ((got,),) = run_cases([case], tmp_path, gcc, SANITIZED)
    np.testing.assert_array_equal(got.reshape(want.shape), want)
