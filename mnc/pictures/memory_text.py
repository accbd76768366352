"""A memory map in characters: address upwards, time to the right, a letter for each box."""

from __future__ import annotations

import string

from mnc.names import printable
from mnc.pictures.words import LOWER_BOUND, address, box_rows, bytes_, filled, heading, life
from mnc.plan.memory_map import MemoryMap

LINES = 18
"""Height of the drawing."""
WIDEST = 6
"""Most characters that one moment takes."""
AXIS = 11
"""Characters of an address and the axis."""
LETTERS = string.ascii_uppercase + string.ascii_lowercase


def memory_text(drawn: MemoryMap, width: int = 80, *, blocks: bool = True) -> str:
    """The map in lines of at most `width` characters (not less than 40), and a line for each box.

    `blocks` says whether the reader's screen has more than ASCII.
    """
    empty, axis, dashes, edge = ("\u00b7", "\u2502", "\u2504", "\u2550") if blocks else (".", "|", "-", "=")
    room = max(width, 40) - AXIS
    columns = min(room, len(drawn.moments) * min(WIDEST, max(1, room // max(len(drawn.moments), 1))))
    grid = _grid(drawn, columns)
    unit = drawn.bytes / LINES
    bound = LINES - round(drawn.lower_bound / unit) if unit else LINES
    lines = []
    for i, row in enumerate(grid):
        if i == bound:
            lines.append(f"{drawn.lower_bound:>9,} {dashes * (columns + 1)}")
        tops = [part for part in drawn.parts if i == LINES - round((part.offset + part.bytes) / unit)]
        lines += [f"{'':>9} {edge * 3} {filled(part)} ".ljust(AXIS + columns, edge) for part in tops]
        height = "" if i % 6 else f"{round(unit * (LINES - i)):,}"
        shown = "" if i == bound and drawn.lower_bound == round(unit * (LINES - i)) else height
        lines.append(f"{shown:>9} {axis}{''.join(letter or empty for letter in row)}")
    lines.append(f"{0:>9} {axis}{_ticks(len(drawn.moments), columns)}".rstrip())
    note = f"{dashes * 3} {LOWER_BOUND[bool(drawn.parts)]}; below: steps, or stages of them"
    return "\n".join([heading(drawn), "", *lines, f"{'':>{AXIS}}{note}", "", *_legend(drawn, max(width, 40))])


def _letter(number: int) -> str:
    return LETTERS[number % len(LETTERS)]


def _grid(drawn: MemoryMap, columns: int) -> list[list[str]]:
    """A letter, or nothing, for each cell; the line of the highest addresses comes first.

    The box that covers most of a cell has it, of equals the one that begins last.  A box that no
    cell shows so takes one cell.
    """
    grid = [[""] * columns for _ in range(LINES)]
    unit, moments = drawn.bytes / LINES, len(drawn.moments)
    spans = [
        (c * moments // columns, max((c + 1) * moments // columns, c * moments // columns + 1)) for c in range(columns)
    ]
    shown = set()
    for c, (begin, end) in enumerate(spans):
        live = [(i, box) for i, box in enumerate(drawn.boxes) if box.first < end and box.last >= begin]
        for line in range(LINES):
            low, high = unit * (LINES - 1 - line), unit * (LINES - line)
            shares = [(min(box.end, high) - max(box.offset, low), i) for i, box in live]
            share, i = max(shares, default=(0, 0))
            if share > 0:
                grid[line][c] = _letter(i)
                shown.add(i)
    for i, box in enumerate(drawn.boxes):
        if i not in shown and box.bytes:
            c = next(c for c, (begin, end) in enumerate(spans) if box.first < end and box.last >= begin)
            grid[LINES - 1 - min(int(box.offset / unit), LINES - 1)][c] = _letter(i)
    return grid


def _ticks(moments: int, columns: int) -> str:
    """Numbers of moments under the columns that they begin in."""
    line = ""
    for moment in range(moments):
        column = -(-moment * columns // moments)
        if column >= len(line) + (1 if line else 0):
            line = f"{line:<{column}}{moment}"
    return line[:columns]


def _legend(drawn: MemoryMap, width: int) -> list[str]:
    """A line for each box: letter, name, bytes, address, steps, rows."""
    cells = [
        (_letter(i), bytes_(box.bytes), f"at {address(drawn, box)}", life(box), box_rows(box))
        for i, box in enumerate(drawn.boxes)
    ]
    if not cells:
        return ["nothing lies in memory of the network's own"]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = max(width - sum(wide) - 5, 4)
    names = [cut(printable(box.name), room) for box in drawn.boxes]
    long = max(map(len, names))
    return [
        f"{letter} {name:<{long}} {size:>{wide[1]}} {at:>{wide[2]}} {steps:>{wide[3]}} {rows}".rstrip()
        for name, (letter, size, at, steps, rows) in zip(names, cells, strict=True)
    ]


def cut(name: str, room: int) -> str:
    """The name where it fits, else its end, which tells layers of one model apart."""
    return name if len(name) <= room else "~"[:room] + name[len(name) - max(room, 1) + 1 :]
