"""Boxes of memory in words."""

from __future__ import annotations

from mnc.names import printable
from mnc.plan.memory_map import Box, MemoryMap, Part

KINDS = {
    "input": "input of the network",
    "value": "value",
    "ring": "rows of a value",
    "scratch": "scratch memory",
    "state": "state, which outlives a run",
}


LOWER_BOUND = ("lower bound", "lower bound of an arena in one memory")
"""The name of the line, and where there are several memories."""


def bytes_(count: int) -> str:
    """A size with its unit: `27,648 B`."""
    return f"{count:,} B"


def heading(drawn: MemoryMap) -> str:
    """The sizes and the bound in one line."""
    bound = "the least that this order of layers allows"
    if drawn.arena != drawn.lower_bound:
        bound = f"at least {bytes_(drawn.lower_bound)}"
    state = f", state {bytes_(drawn.state)}" if drawn.state else ""
    parts = ", ".join(filled(each) for each in drawn.parts)
    return f"arena {bytes_(drawn.arena)}, {bound}{state}{f'; in {parts}' if parts else ''}"


def filled(part: Part) -> str:
    """How much of a memory is used: `dtcm 5,376 of 8,192 B`."""
    return f"{part.name} {part.bytes:,} of {bytes_(part.limit)}"


def address(drawn: MemoryMap, box: Box) -> str:
    """Where a box begins: `1,024`, or in one of several memories `dtcm 1,024`."""
    part = drawn.part(box)
    return f"{box.offset:,}" if part is None else f"{part.name} {box.offset - part.offset:,}"


def life(box: Box) -> str:
    """The steps in which it holds something: `3-5`."""
    return f"{box.first}-{box.last}" if box.first != box.last else f"{box.first}"


def box_rows(box: Box) -> str:
    """Its rows, where it has several: `32 x 96 B`; of a ring `3 of 32 x 96 B`; else its kind, where it is no value."""
    if box.of_rows > 1 and box.bytes % box.rows == 0:
        rows = str(box.rows) if box.rows == box.of_rows else f"{box.rows} of {box.of_rows}"
        return f"{rows} x {bytes_(box.bytes // box.rows)}"
    return "" if box.kind == "value" else box.kind


def described(drawn: MemoryMap, box: Box) -> str:
    """All that is known of a box, in lines."""
    begin, end = (printable(", ".join(drawn.moments[moment].layers)) for moment in (box.first, box.last))
    part = drawn.part(box)
    base, within = (0, "") if part is None else (part.offset, f" in {part.name}")
    place = f"{bytes_(box.bytes)}, address {box.offset - base:,} to {box.end - base:,}{within}"
    lines = [f"{printable(box.name)}: {KINDS[box.kind]}", place]
    if box.of_rows > 1:
        lines.append(f"rows: {box_rows(box)}")
    lines.append(f"steps {life(box)}: from {begin} to {end}")
    if box.views:
        lines.append(f"also {printable(', '.join(box.views))}")
    if box.kind not in ("scratch", "state") and drawn.moments[box.first].descending:
        lines.append("written from the last row to the first")
    return "\n".join(lines)
