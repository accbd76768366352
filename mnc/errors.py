"""The errors of mnc.

A `Problem` is one fault: its place, the fault itself, and the ways out.  A
`CompileError` carries one or more of them.  Everything a user can get wrong
ends here; an `assert` that fires is a bug in mnc.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One fault in the user's input."""

    where: str
    """The place: a file, a path inside it, a layer, or `file:line:column`."""
    what: str
    """The fault, then the offending value; no full stop."""
    hints: tuple[str, ...] = ()
    """Ways out, one sentence each."""
    excerpt: str = ""
    """The source line and a caret under the culprit, where the input is text."""

    def __str__(self) -> str:
        lines = [f"error: {self.where}: {self.what}" if self.where else f"error: {self.what}"]
        if self.excerpt:
            lines.append(self.excerpt)
        lines.extend(f"hint: {hint}" for hint in self.hints)
        return "\n".join(lines)


class CompileError(Exception):
    """The model cannot be compiled.  `str()` is what the command line prints."""

    def __init__(self, *problems: Problem) -> None:
        assert problems
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def refuse(where: str, what: str, *hints: str) -> CompileError:
    """A `CompileError` of one problem, ready to raise."""
    return CompileError(Problem(where, what, hints))


def argument(name: str) -> str:
    """The place of a fault in an argument of a Python function; the command line names its option instead."""
    return f"argument {name!r}"


def join(errors: Iterable[CompileError]) -> CompileError | None:
    """All problems of several errors as one, or None where there are none."""
    problems = [problem for error in errors for problem in error.problems]
    return CompileError(*problems) if problems else None
