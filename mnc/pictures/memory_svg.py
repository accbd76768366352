"""A memory map as SVG: address upwards, time to the right, a rectangle for each box."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from mnc.names import printable
from mnc.pictures.memory_text import cut
from mnc.pictures.svg import INK, markup, node, picture
from mnc.pictures.words import KINDS, LOWER_BOUND, bytes_, described, filled, heading
from mnc.plan.memory_map import Box, MemoryMap

HEIGHT, WIDTH = 420.0, 960.0
"""Pixels of the plane; wider where there are very many moments."""
COLUMN = (3.0, 200.0)
"""Narrowest and widest column."""
LEFT, TOP, RIGHT, BOTTOM = 84.0, 44.0, 24.0, 130.0
THIN = 1.5
"""Least height of a box."""
LETTER, LINE = 6.5, 14.0
"""Pixels that a letter of the labels takes at most, and a line of them."""

STYLE = (
    INK
    + """
.memory { background: var(--paper); font: 11px system-ui, sans-serif; }
.memory text { fill: var(--ink); }
.memory .axis { fill: var(--faint); }
.memory .grid { stroke: var(--grid); }
.memory .bound { stroke: var(--bound); stroke-width: 1.5; stroke-dasharray: 6 4; }
.memory .part { stroke: var(--ink); stroke-width: 1.5; }
.memory .in-part { font-weight: 600; }
.memory .at-bound { fill: var(--bound); font-weight: 600; }
.memory rect, .memory circle { stroke: var(--edge); fill-opacity: .85; }
.memory .input { fill: var(--input); } .memory .value { fill: var(--value); } .memory .ring { fill: var(--ring); }
.memory .scratch { fill: var(--scratch); } .memory .state { fill: var(--state); }
.memory g:hover rect, .memory g:focus rect { stroke-width: 2.5; fill-opacity: 1; }
.memory g:focus { outline: none; }
"""
)


class _Plane(NamedTuple):
    """From bytes and moments to pixels."""

    column: float
    unit: float
    """Pixels of a byte."""

    def x(self, moment: float) -> float:
        return LEFT + self.column * moment

    def y(self, address: float) -> float:
        return TOP + HEIGHT - self.unit * address


def memory_svg(drawn: MemoryMap, name: str) -> str:
    """The map of the network called `name` as an SVG document; what a box holds shows where the pointer rests."""
    return markup(memory_picture(drawn, name)) + "\n"


def memory_picture(drawn: MemoryMap, name: str) -> Element:
    """As `memory_svg`, as a tree of elements."""
    count = max(len(drawn.moments), 1)
    plane = _Plane(min(max(WIDTH / count, COLUMN[0]), COLUMN[1]), HEIGHT / max(drawn.bytes, drawn.lower_bound, 1))
    line = f"{name}: {heading(drawn)}"
    width = max(plane.x(count), LEFT + LETTER * len(line)) + RIGHT
    title = f"{name}: memory over time; {heading(drawn)}"
    root = picture(width, TOP + HEIGHT + BOTTOM, title, STYLE, class_="memory")
    node(root, "text", line, x=LEFT, y=20)
    _kinds(root, drawn)
    _addresses(root, drawn, plane, plane.x(count))
    _layers(root, drawn, plane)
    for box in sorted(drawn.boxes, key=lambda box: not _is_covered(drawn, box)):  # labels lie above what they cover
        _box(root, drawn, box, plane)
    _parts(root, drawn, plane, plane.x(count))
    _bound(root, drawn, plane, plane.x(count))
    return root


def _kinds(root: Element, drawn: MemoryMap) -> None:
    """The colours of the kinds of boxes that there are, in words."""
    there, x = {box.kind for box in drawn.boxes}, LEFT
    for kind, words in KINDS.items():
        if kind in there:
            node(root, "circle", class_=kind, cx=x + 4, cy=33, r=4)
            node(root, "text", words, class_="axis", x=x + 12, y=37)
            x += 12 + LETTER * (len(words) + 2)


def _addresses(root: Element, drawn: MemoryMap, plane: _Plane, right: float) -> None:
    """A line at each quarter of the memory."""
    for part in range(5):
        address = drawn.bytes * part // 4
        y = plane.y(address)
        node(root, "line", class_="grid", x1=LEFT, x2=right, y1=y, y2=y)
        node(root, "text", bytes_(address), class_="axis", x=LEFT - 6, y=y + 4, text_anchor="end")


def _layers(root: Element, drawn: MemoryMap, plane: _Plane) -> None:
    """The layers' names under their columns, as many as there is room for."""
    every = max(1, round(LINE / plane.column + 0.5) if plane.column < LINE else 1)
    for moment in range(0, len(drawn.moments), every):
        layers = drawn.moments[moment].layers
        name = f"{moment} {cut(printable(layers[0]), 18)}{'' if len(layers) == 1 else f' +{len(layers) - 1}'}"
        x, y = plane.x(moment + 0.5) + 4, TOP + HEIGHT + 10
        node(root, "text", name, class_="axis", text_anchor="end", transform=f"translate({x:.1f} {y:.1f}) rotate(-60)")


def _parts(root: Element, drawn: MemoryMap, plane: _Plane, right: float) -> None:
    """A line over each of several memories, its name and how much of it is used under the line."""
    for part in drawn.parts:
        y = plane.y(part.offset + part.bytes)
        node(root, "line", class_="part", x1=LEFT, x2=right, y1=y, y2=y)
        node(root, "text", filled(part), class_="in-part", x=right, y=y + LINE, text_anchor="end")


def _bound(root: Element, drawn: MemoryMap, plane: _Plane, right: float) -> None:
    y = plane.y(drawn.lower_bound)
    node(root, "line", class_="bound", x1=LEFT, x2=right, y1=y, y2=y)
    said = f"{LOWER_BOUND[bool(drawn.parts)]} {bytes_(drawn.lower_bound)}"
    node(root, "text", said, class_="at-bound", x=right, y=y - 6, text_anchor="end")


def _box(root: Element, drawn: MemoryMap, box: Box, plane: _Plane) -> None:
    x, y = plane.x(box.first), plane.y(box.end)
    width, height = plane.x(box.last + 1) - x, max(plane.unit * box.bytes, THIN)
    group = node(root, "g", tabindex=0, role="img", data_layer=box.name)
    node(group, "title", described(drawn, box))
    node(group, "rect", class_=box.kind, x=x, y=y, width=width, height=height)
    if _is_covered(drawn, box):
        return
    # In the last moment another box may lie over this one: the label keeps to the moments before.
    own = plane.x(max(box.last, box.first + 1)) - x
    _label(group, box, (x + own / 2, y + height / 2), (own - 4, height - 2))


def _is_covered(drawn: MemoryMap, box: Box) -> bool:
    """Whether a larger box takes turns with it in the same moments, as the scratch memory of a stage's layers does."""
    return any(
        (other.first, other.last) == (box.first, box.last)
        and other.offset < box.end
        and box.offset < other.end
        and (other.bytes, other.name) > (box.bytes, box.name)
        for other in drawn.boxes
    )


def _label(group: Element, box: Box, middle: tuple[float, float], room: tuple[float, float]) -> None:
    """Name and bytes where there is room for them, upright where there is more of it that way."""
    size = bytes_(box.bytes)
    along, across, turn = (*room, "") if room[0] >= LETTER * len(size) else (room[1], room[0], " rotate(-90)")
    if along < LETTER * len(size) or across < LINE - 3:
        return
    fits = int(along / LETTER)
    name = cut(printable(box.name), fits if across >= 2 * LINE else fits - len(size) - 1)
    text = node(
        group,
        "text",
        text_anchor="middle",
        transform=f"translate({middle[0]:.1f} {middle[1]:.1f}){turn}",
    )
    if across >= 2 * LINE:
        node(text, "tspan", name, x=0, y=-2)
        node(text, "tspan", size, x=0, dy=LINE)
    else:
        node(text, "tspan", f"{name} {size}" if len(name) > 3 else size, x=0, y=4)
