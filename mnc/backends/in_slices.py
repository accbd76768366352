"""The body of a function that makes the next slice of a run, for backends `c` and `cpp`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mnc.backends.c_run import run_calls
from mnc.backends.names import comment
from mnc.backends.turns import FED, no_counts
from mnc.backends.unit import RunCall, Unit
from mnc.backends.writer import Writer
from mnc.errors import refuse
from mnc.plan.liveness import Plan
from mnc.program import Program, Slices
from mnc.program.slices import WHOLE

OPTION = "option 'step'"
POSITION = "How far a run in slices has come: its layers or stages, then the rows and the part of a row in work."
NAMED = 6
"""Layers that a remark names."""


def limit_of(value: str) -> int:
    """The number in `-X step=VALUE`; 0: a run is in one piece."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        hint = "such as 50000; 1 makes every layer a slice, 0 (the default) none"
        raise refuse(OPTION, f"is a number of multiply-accumulate operations, not {value!r}", hint)
    return int(value)


def check_feed(program: Program) -> None:
    """CompileError where rows are handed in one by one, which are slices already."""
    if program.sliced and program.fed is not None:
        raise refuse(
            OPTION,
            "a network that is handed its input row by row does some of its work with each row already",
            "leave it out, or --feed rows",
        )


def remarks(program: Program, plan: Plan) -> Iterator[str]:
    """Lines of a comment that say how much a slice is, and which layers cannot be cut as small."""
    if program.sliced == WHOLE:
        yield "A slice is a layer, or a row where layers make their rows in turns."
        return
    yield "A slice is a layer, or as many of its rows, or of the outputs of a row, as take no more"
    found = Slices(program, plan.stages).oversized
    if not found:
        yield f"than {program.sliced:,} operations."
        return
    yield f"than {program.sliced:,} operations; but for these, whose kernels cannot be cut as small:"
    largest = sorted(found, key=lambda i: (-found[i], i))
    for i in largest[:NAMED]:
        beyond = f"{found[i]:,} operations, {found[i] - program.sliced:,} too many"
        yield f"- layer {i:02d}, {comment(program.steps[i].node.name)}: {beyond}"
    if len(found) > NAMED:
        yield f"- {len(found) - NAMED} layers more"


def step_body(
    w: Writer,
    program: Program,
    pieces: Unit,
    count: int,
    begins: Callable[[], None] | None,
    ends: Callable[[], None],
    *,
    trace: bool,
    this: str = "",
) -> None:
    """The statements behind the declarations, which set a variable `more`, 0 before, to 1 where there is more to do.

    `begins` and `ends` write what is done in front of the first slice, and behind the last.
    """
    if begins is not None:
        with w.block(f"for (i = 0; i < {count}; ++i)"):
            w(f"begun |= {FED}[i];")
        with w.block("if (begun == 0)"):
            begins()
    last = len(pieces.calls) - 1
    with w.block(f"switch ({FED}[0])"):
        for i, call in enumerate(pieces.calls):
            w.outdented(f"case {i}:" if i < last else "default:")
            _slice(w, call, timed=program.timed, trace=trace, this=this)
            w("break;")
    with w.block("if (more == 0)"):
        if count > 1:
            no_counts(w, count, first=1)
        w(f"++{FED}[0];")
        with w.block(f"if ({FED}[0] <= {last})"):
            w("more = 1;")
        with w.block("else"):
            w(f"{FED}[0] = 0;")
            ends()


def _slice(w: Writer, call: RunCall, *, timed: bool, trace: bool, this: str) -> None:
    """The statements of one stage's slices."""
    if not call.resumes:
        run_calls(w, [call], timed=timed, trace=trace, this=this)
        return
    w.lines(f"more = {this}{call.statement}")
    if trace and call.layer is not None:
        with w.block("if (more == 0)"):
            w(f"MNC_TRACE({call.layer}, {call.place});")
