"""The body of a function that makes the next slice of a run, for backends `c` and `cpp`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mnc.backends.c_run import run_calls
from mnc.backends.turns import FED, no_counts
from mnc.backends.unit import RunCall, Unit
from mnc.backends.writer import Writer
from mnc.errors import refuse
from mnc.program import Program, Slices
from mnc.program.slices import WHOLE

OPTION = "option 'step'"
POSITION = "How far a run in slices has come: its layers or stages, then the rows of those in work."
NAMED = 6
"""Layers that a refusal names."""


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


def check_sizes(slices: Slices) -> None:
    """CompileError where a layer cannot be cut into slices as small as they are asked for."""
    found = slices.oversized
    if not found:
        return
    steps = slices.program.steps
    largest = sorted(found, key=lambda i: -found[i])
    what = ", ".join(f"{steps[i].node.name!r} takes {found[i]:,} in one piece" for i in largest[:NAMED])
    rest = f", and {len(found) - NAMED} layers more take too many" if len(found) > NAMED else ""
    hint = f"-X step={found[largest[0]]} is the least that this network allows; -X step=1 makes every layer a slice"
    raise refuse(OPTION, f"allows a slice {slices.program.sliced:,} operations: {what}{rest}", hint)


def remarks(program: Program) -> Iterator[str]:
    """Lines of a comment that say how much a slice is."""
    if program.sliced == WHOLE:
        yield "A slice is a layer, or a row where layers make their rows in turns."
    else:
        yield f"A slice is a layer, or as many of its rows as take no more than {program.sliced:,} operations."


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
    truth: Sequence[str] = ("0", "1"),
) -> None:
    """The statements behind the declarations; `truth`: what it returns without and with more to do.

    `begins` and `ends` write what is done in front of the first slice, and behind the last.
    """
    no, yes = truth
    if begins is not None:
        with w.block(f"for (i = 0; i < {count}; ++i)"):
            w(f"begun |= {FED}[i];")
        with w.block("if (begun == 0)"):
            begins()
    last = len(pieces.calls) - 1
    with w.block(f"switch ({FED}[0])"):
        for i, call in enumerate(pieces.calls):
            w.outdented(f"case {i}:" if i < last else "default:")
            _slice(w, call, yes, timed=program.timed, trace=trace, this=this)
            w("break;")
    if count > 1:
        no_counts(w, count, first=1)
    with w.block(f"if (++{FED}[0] <= {last})"):
        w(f"return {yes};")
    w(f"{FED}[0] = 0;")
    ends()
    w(f"return {no};")


def _slice(w: Writer, call: RunCall, yes: str, *, timed: bool, trace: bool, this: str) -> None:
    """The statements of one stage's slices."""
    if not call.resumes:
        run_calls(w, [call], timed=timed, trace=trace, this=this)
        return
    with w.block(f"if ({this}{call.statement.removesuffix(';')} != 0)"):
        w(f"return {yes};")
    if trace and call.layer is not None:
        w(f"MNC_TRACE({call.layer}, {call.place});")
