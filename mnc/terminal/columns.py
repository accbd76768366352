"""Columns of text under headings, for paper of any width.

Where a table is wider than its paper each row is folded into several lines, and
the headings like them.  Names are cut, words and sentences wrap; numbers stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.text import Text

Kind = Literal["number", "name", "prose", "word", "bar"]
Bar = Callable[[int], str]
"""A drawing of any width that it is asked for."""
Cell = str | Text | Bar

SIGNS: dict[str, Kind] = {">": "number", "<": "name", "~": "prose", "|": "bar"}
"""The first character of a heading says what stands below it; without one it is words."""
GAP, INDENT = 2, 2
"""Blanks between columns, and in front of a row's further lines."""
TIGHT: dict[Kind, int] = {"name": 10, "word": 16, "prose": 16, "bar": 14}
"""The narrowest columns, in characters, with which a row is kept in one line."""
ROOMY: dict[Kind, int] = {"name": 16, "word": 28, "prose": 24, "bar": 14}
"""The narrowest ones of rows that are folded."""
WIDEST: dict[Kind, int] = {"name": 40, "bar": 24}


@dataclass(frozen=True)
class Column:
    """One column: its heading, and what stands below."""

    heading: str
    kind: Kind

    @classmethod
    def of(cls, heading: str) -> Column:
        """A column whose heading may begin with one of `SIGNS`."""
        kind = SIGNS.get(heading[:1], "word")
        return cls(heading if kind == "word" else heading[1:], kind)

    def full(self, cells: Iterable[Cell]) -> int:
        """The characters that it takes where there is room for everything."""
        most = WIDEST.get(self.kind, 0)
        longest = max((0, *(most if callable(cell) else _length(cell) for cell in cells)))
        return max(cell_len(self.heading), min(longest, most) if most else longest)

    def least(self, cells: Sequence[Cell], narrowest: dict[Kind, int], width: int) -> int:
        """The characters, of `width`, that it cannot do without: a name is cut to them, but no word is broken."""
        full = self.full(cells)
        if self.kind not in narrowest:
            return full
        room = min(narrowest[self.kind], width)
        if self.kind in ("word", "prose"):
            words = (word for cell in cells if not callable(cell) for word in str(cell).split())
            room = max((room, *map(cell_len, words)))
        return min(full, max(cell_len(self.heading), room))


def folded(headings: Sequence[str], rows: Iterable[Sequence[Cell]], width: int) -> list[Text]:
    """The heading and the rows as lines; only a number or a word alone makes a line longer than `width`."""
    columns, body = [Column.of(heading) for heading in headings], [*rows]
    cells = [[row[i] for row in body] for i in range(len(columns))]
    full = [column.full(below) for column, below in zip(columns, cells, strict=True)]
    tight, roomy = (
        [column.least(below, narrowest, width - INDENT) for column, below in zip(columns, cells, strict=True)]
        for narrowest in (TIGHT, ROOMY)
    )
    whole = len(_fold(tight, width)) == 1
    lines = _fold(tight, width) if whole else _balanced(roomy, width)
    least = tight if whole else roomy
    wide = [_widened(line, least, full, width - (INDENT if i else 0)) for i, line in enumerate(lines)]
    head = [Text(column.heading, style="bold") for column in columns]
    return [line for row in (head, *body) for line in _row(columns, row, wide)]


Line = list[tuple[int, int]]
"""Columns by number, each with its width."""


def _fold(least: Sequence[int], width: int) -> list[list[int]]:
    """The columns by number in lines, as many in each as fit."""
    lines: list[list[int]] = [[]]
    used = 0
    for i, need in enumerate(least):
        if lines[-1] and used + GAP + need > width:
            lines.append([])
        used = used + GAP + need if lines[-1] else need + (INDENT if len(lines) > 1 else 0)
        lines[-1].append(i)
    return lines


def _balanced(least: Sequence[int], width: int) -> list[list[int]]:
    """The columns in no more lines than they need, none of which is much longer than the others."""
    count = len(_fold(least, width))
    return _fold(least, min(w for w in range(1, width + 1) if len(_fold(least, w)) == count))


def _widened(line: Sequence[int], least: Sequence[int], full: Sequence[int], width: int) -> Line:
    """The columns of one line, each from the left as wide as there is room."""
    spare = width - sum(least[i] for i in line) - GAP * (len(line) - 1)
    found = []
    for i in line:
        more = max(0, min(full[i] - least[i], spare))
        spare -= more
        found.append((i, least[i] + more))
    return found


def _row(columns: Sequence[Column], row: Sequence[Cell], lines: Sequence[Line]) -> Iterator[Text]:
    """The lines of one row; a cell that wraps makes more of them."""
    for number, line in enumerate(lines):
        cells = [_set(columns[i], row[i], room) for i, room in line]
        for height in range(max(map(len, cells), default=0)):
            text = Text(" " * (INDENT if number else 0), no_wrap=True, overflow="ignore")
            for (i, room), cell in zip(line, cells, strict=True):
                part = cell[height] if height < len(cell) else Text()
                blanks = " " * (room - part.cell_len)
                right = columns[i].kind == "number"
                text = Text.assemble(text, blanks if right else "", part, "" if right else blanks, " " * GAP)
            text.rstrip()
            text.no_wrap, text.overflow = True, "ignore"
            yield text


def _set(column: Column, cell: Cell, room: int) -> list[Text]:
    """A cell in lines of at most `room` characters; a number in one of any length."""
    if callable(cell):
        return [Text(cell(room), style="cyan")]
    text = cell if isinstance(cell, Text) else Text(cell)
    if column.kind == "number" or text.cell_len <= room:
        return [text]
    if column.kind == "name":
        return [Text(tail(text.plain, room), style=text.style)]
    return [Text(line, style=text.style) for line in _wrapped(text.plain, room)]


def _wrapped(text: str, room: int) -> list[str]:
    """The words in lines; one that is longer than a line is a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > room:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def tail(name: str, room: int) -> str:
    """The name where it fits, else its end, which tells layers of one model apart."""
    if cell_len(name[: room + 1]) <= room and len(name) <= room:
        return name
    kept = name[len(name) - room + 1 :] if room > 1 else ""
    while kept and cell_len(kept) > room - 1:
        kept = kept[1:]
    return f"~{kept}"


def _length(cell: str | Text) -> int:
    return cell.cell_len if isinstance(cell, Text) else cell_len(cell)
