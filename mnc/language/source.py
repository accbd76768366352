"""A text with places in it: where a fault is, and how it is shown."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from mnc.errors import Problem

Place = tuple[int, int]
"""Where something stands in a text: offsets of its first character and of the one after its last."""

NOWHERE: Place = (0, 0)

_EXCERPT = 100
"""How many characters of a line an error shows, at most."""


class SourceError(Exception):
    """A fault at one place of a text; the elaborator collects faults as `Problem`s."""

    def __init__(self, at: Place, what: str, *hints: str) -> None:
        super().__init__(what)
        self.at = at
        self.what = what
        self.hints = hints


class UnknownNameError(SourceError):
    """A name that nothing has."""

    def __init__(self, at: Place, name: str, *hints: str) -> None:
        super().__init__(at, f"nothing is called '{name}' here", *hints)
        self.name = name


class LimitError(SourceError):
    """A text that asks for too much; nothing more is worked out."""


@dataclass(frozen=True)
class Source:
    """A text and its name in errors."""

    name: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        while (end := self.text.find("\n", starts[-1])) >= 0:
            starts.append(end + 1)
        return starts

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def position(self, at: Place) -> tuple[int, int]:
        """The line and the column of a place, both counted from 1."""
        line = bisect_right(self._starts, at[0])
        return line, at[0] - self._starts[line - 1] + 1

    def line(self, at: Place) -> int:
        return self.position(at)[0]

    def where(self, at: Place) -> str:
        line, column = self.position(at)
        return f"{self.name}:{line}:{column}"

    def problem(self, at: Place, what: str, *hints: str) -> Problem:
        """A fault at a place, with its line and a caret under the culprit."""
        return Problem(self.where(at), what, hints, self._excerpt(at))

    def _excerpt(self, at: Place) -> str:
        line, column = self.position(at)
        text = self.lines[line - 1]
        start = column - 1
        width = max(1, min(at[1], at[0] + len(text) - start) - at[0])
        left = max(0, start - _EXCERPT // 2) if len(text) > _EXCERPT else 0
        shown = text[left : left + _EXCERPT]
        before, after = "..." if left else "", "..." if left + _EXCERPT < len(text) else ""
        margin = f"{line:>5} | "
        underline = "^" * max(1, min(width, len(shown) - (start - left)))
        visible = "".join(c if c.isprintable() else " " for c in shown)
        return (
            f"{margin}{before}{visible}{after}".rstrip()
            + f"\n{' ' * (len(margin) - 2)}| {' ' * (len(before) + start - left)}{underline}"
        )
