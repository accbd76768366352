"""A memory map as a page of HTML: the drawing and its boxes as a table."""

from __future__ import annotations

from mnc.output import MARK
from mnc.pictures.memory_svg import memory_picture
from mnc.pictures.svg import INK, markup, node
from mnc.pictures.words import KINDS, address, box_rows, bytes_, heading, life
from mnc.plan.memory_map import MemoryMap

STYLE = (
    INK
    + """
body { margin: 1rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--grid); }
.number { text-align: right; }
"""
)
COLUMNS = ("box", "kind", "bytes", "address", "steps", "rows")


def memory_page(drawn: MemoryMap, name: str) -> str:
    """The page, which asks for no other file."""
    page = node(None, "html", lang="en")
    head, body = node(page, "head"), node(page, "body")
    node(head, "meta", charset="utf-8")
    node(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    node(head, "meta", name="generator", content=MARK.decode())
    node(head, "title", f"{name}: memory over time")
    node(head, "style", STYLE)
    node(body, "h1", name)
    node(body, "p", heading(drawn))
    node(body, "div", class_="wide", tabindex=0).append(memory_picture(drawn, name))
    table = node(node(body, "div", class_="wide"), "table")
    row = node(node(table, "thead"), "tr")
    for title in COLUMNS:
        node(row, "th", title, scope="col", **_aligned(title))
    rows = node(table, "tbody")
    for box in drawn.boxes:
        row = node(rows, "tr")
        cells = (box.name, KINDS[box.kind], bytes_(box.bytes), address(drawn, box), life(box), box_rows(box))
        for title, cell in zip(COLUMNS, cells, strict=True):
            node(row, "td", cell, **_aligned(title))
    return f"<!DOCTYPE html>\n{markup(page, html=True)}\n"


def _aligned(title: str) -> dict[str, object]:
    return {"class_": "number"} if title in ("bytes", "address") else {}
