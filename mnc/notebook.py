"""Values as HTML for a notebook: tables with figures, and pictures that need no other file.

No package beyond mnc's own is needed.  Names of a model are escaped, and
pictures are images, so that nothing in a file styles or scripts the page.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from mnc.bench import Cost
from mnc.compiler import Build
from mnc.ir.graph import Graph
from mnc.ir.types import show
from mnc.language.printer import summary
from mnc.names import printable
from mnc.pictures.memory_svg import memory_svg
from mnc.pictures.network_svg import network_svg
from mnc.pictures.svg import markup, node
from mnc.pictures.words import bytes_, heading
from mnc.plan.memory_map import MemoryMap
from mnc.report import Report, Verification
from mnc.shown import Drawing

NUMBERS = frozenset({"MACs", "constants", "SQNR", "instructions", "share", "error", "ULP"})
"""Headings of columns of numbers."""


def html(value: object) -> str:
    """The HTML of a value that is `Shown`."""
    box = node(None, "div")
    fill(value, box)
    return markup(box, html=True)


@functools.singledispatch
def drawing(value: object) -> Drawing:
    """The picture of a value that is `Drawn`."""
    raise TypeError(f"there is no picture of {type(value).__name__}")


@drawing.register
def _(value: Graph) -> Drawing:
    return Drawing(network_svg(value, value.name), f"{value.name}: network")


@drawing.register
def _(value: MemoryMap) -> Drawing:
    return Drawing(memory_svg(value, "network"), f"memory over time; {heading(value)}")


@functools.singledispatch
def fill(value: object, box: Element) -> None:  # noqa: ARG001  # the signature of the functions below
    """Put a value's HTML into an element."""
    raise TypeError(f"there is no form of {type(value).__name__} for a notebook")


@fill.register
def _(value: Drawing, box: Element) -> None:
    content = base64.b64encode(value.svg.encode()).decode("ascii")
    node(box, "img", src=f"data:image/svg+xml;base64,{content}", alt=value.title, style="max-width: 100%")


@fill.register
def _(value: MemoryMap, box: Element) -> None:
    fill(drawing(value), box)


@fill.register
def _(value: Graph, box: Element) -> None:
    _title(box, value.name, repr(value))
    rows = [
        (each.name, summary(value, each), show(type_.shape), type_.dtype.value, _count(value.macs(each)))
        for each in value.nodes
        for type_ in (value.output_type(each),)
    ]
    _table(_folder(box, "layers"), ("layer", "what it does", "output", "type", "MACs"), rows)
    fill(drawing(value), _folder(box, "picture"))


@fill.register
def _(value: Report, box: Element) -> None:
    _title(box, value.name, repr(value))
    ram, flash = value.ram, value.flash
    bound = "the least that this order of layers allows" if ram.optimal else f"at least {bytes_(ram.lower_bound)}"
    code = "constants only" if flash.code is None else f"code {bytes_(flash.code)}, linked by {value.compiler}"
    figures = [
        ("RAM", bytes_(ram.needed), f"arena {bytes_(ram.arena)}, {bound}; state {bytes_(ram.state)}"),
        ("flash", bytes_(flash.needed), f"{code}; {value.params:,} parameters"),
        ("stack", "" if value.stack is None else bytes_(value.stack), f"of a run on {value.target}"),
        ("MACs", f"{value.macs:,}", f"{value.dtype}, backend {value.backend}, target {value.target or 'any'}"),
    ]
    _table(box, (), [row for row in figures if row[1]])
    for warning in value.warnings:
        node(box, "p", f"warning: {warning}")
    judged = any(layer.sqnr is not None for layer in value.layers)
    rows = [
        (
            *(layer.name, layer.op, show(layer.output_shape), layer.dtype, _count(layer.macs)),
            _count(layer.weights_bytes),
            *(["" if layer.sqnr is None else f"{layer.sqnr:.1f} dB"] if judged else []),
        )
        for layer in value.layers
    ]
    heads = ("layer", "op", "output", "type", "MACs", "constants", *(["SQNR"] if judged else []))
    _table(_folder(box, "layers"), heads, rows)


@fill.register
def _(value: Build, box: Element) -> None:
    fill(value.report, box)
    fill(value.plan, _folder(box, "memory over time"))
    fill(drawing(value.graph), _folder(box, "network"))
    for name, text in value.files.items():
        node(_folder(box, f"{name}, {bytes_(len(text.encode()))}"), "pre", text)


@fill.register
def _(value: Cost, box: Element) -> None:
    _title(box, value.model, repr(value))
    figures = {"code": value.code, "constants": value.constants, "RAM": value.ram, "stack": value.stack}
    rows = [(name, bytes_(size)) for name, size in figures.items()]
    _table(box, (), [("instructions", f"{value.instructions:,}"), *rows, ("compiler", value.compiler)])
    if value.layers:
        costs = [
            (*(each.name, each.op, _count(each.macs), f"{each.instructions:,}"), _share(each.instructions, value))
            for each in value.layers
        ]
        _table(_folder(box, "layers"), ("layer", "op", "MACs", "instructions", "share"), costs)


@fill.register
def _(value: Verification, box: Element) -> None:
    _title(box, value.name, repr(value))
    rows = [
        (
            *(layer.name, layer.op, layer.dtype, f"{layer.max_abs_error:.3g}"),
            "" if layer.ulp_at_worst is None else f"{layer.ulp_at_worst:.3g}",
            "ok" if layer.passed else "differs",
        )
        for layer in value.layers
    ]
    _table(_folder(box, "layers"), ("layer", "op", "type", "error", "ULP", ""), rows)


def _share(instructions: int, cost: Cost) -> str:
    return f"{instructions / max(cost.instructions, 1):.1%}"


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _title(box: Element, name: str, said: str) -> None:
    """The name in bold, and the value's short form behind it, which has the name, too."""
    line = node(box, "p")
    node(line, "b", name).tail = " " + printable(said.strip("<>").partition(": ")[2])


def _folder(box: Element, title: str) -> Element:
    """A part that the reader opens."""
    part = node(box, "details")
    node(part, "summary", title)
    return part


def _table(box: Element, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = node(box, "table")
    if heads:
        line = node(node(table, "thead"), "tr")
        for head in heads:
            node(line, "th", head, **_aligned(head in NUMBERS))
    body = node(table, "tbody")
    for row in rows:
        line = node(body, "tr")
        for i, cell in enumerate(row):
            node(line, "td", cell, **_aligned(heads[i] in NUMBERS if heads else i == 1 and len(row) > 1))


def _aligned(number: bool) -> dict[str, object]:
    return {"style": f"text-align: {'right' if number else 'left'}"}
