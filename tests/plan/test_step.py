"""A step is valid or does not exist; and whether loops go in the order of memory, from the definition."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import chain

from mnc.backends import program_of
from mnc.backends.c import C
from mnc.backends.select.loops import Loops
from mnc.ir.layers import MaxPooling2D
from mnc.program import Call, Const, In, Once, Out, RowPointers, Rows, Scratch, State, Step, Times, Window


def pooling() -> Step:
    """Three rows of output from windows of two rows."""
    return program_of(C(), chain((6, 4, 2), y=MaxPooling2D())).steps[0]


CALL = Call("mnc_any", {"in": In(), "out": Out()})


@pytest.mark.parametrize(
    "change",
    {
        "a window for no input": {"loop": Rows((Window(), Window()), 3)},
        "fewer rows than the output": {"loop": Rows((Window(2, 2),), 2)},
        "bands that the rows are no multiple of": {"loop": Rows((Window(),), 1, 2)},
        "no iteration": {"loop": Times(0), "calls": (CALL,)},
        "pointers to rows without windows": {"loop": Once()},
        "no calls": {"calls": ()},
        "all rows at once without windows": {"loop": Once(), "whole": (CALL,), "calls": (CALL,)},
        "several calls in place": {"loop": Once(in_place=True), "calls": (CALL, CALL)},
        "an input that there is not": {"calls": (replace(CALL, arguments={"in": In(1)}),)},
        "an output that there is not": {"calls": (replace(CALL, arguments={"out": Out(write=1)}),)},
        "rows of an input that there is not": {"calls": (replace(CALL, arguments={"rows": RowPointers(1)}),)},
        "a constant that there is not": {"calls": (replace(CALL, arguments={"weights": Const("weights")}),)},
        "scratch that there is not": {"calls": (replace(CALL, arguments={"out": Scratch()}),)},
        "state that there is not": {"calls": (replace(CALL, arguments={"out": State()}),)},
        "a row that begins between rows": {"loop": Rows((Window(divisor=2),), 3), "calls": (CALL,)},
    }.items(),
    ids=lambda change: change[0],
)
def test_a_step_that_contradicts_itself_does_not_exist(change: tuple[str, dict[str, Any]]) -> None:
    step = pooling()
    with pytest.raises(AssertionError):
        replace(step, **change[1])


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 12)), max_size=4))
def test_loops_ascend_where_no_element_lies_at_or_below_the_one_before(loops: list[tuple[int, int]]) -> None:
    sizes, strides = tuple(size for size, _ in loops), tuple(stride for _, stride in loops)
    visited = [
        sum(i * stride for i, stride in zip(index, strides, strict=True))
        for index in itertools.product(*map(range, sizes))
    ]
    assert Loops(sizes, (strides,)).ascend == all(a < b for a, b in itertools.pairwise(visited))
