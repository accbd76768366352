"""Bars and histograms as SVG, by Altair: the only module that needs it, and vl-convert, which draws without a browser.

Colours are the variables of `mnc.pictures.svg.INK`, so that a chart follows the page's scheme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from mnc.bench import LayerCost
from mnc.names import Names, printable
from mnc.page.histograms import Histogram
from mnc.pictures.memory_text import cut
from mnc.pictures.svg import INK, node
from mnc.report import LayerReport

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")

WIDTH, BAR = 460, 16
"""Pixels of a chart's plane, and of one bar."""
SMALL = (190, 64)
"""Pixels of a histogram's plane."""
LETTERS = 36
"""Letters of a histogram's title, and of a bar's name."""
COLUMNS = 3
POOR = 20.0
"""Decibels below which mnc warns."""


def macs(layers: Sequence[LayerReport]) -> str:
    """Operations of each layer, most first."""
    rows = [_row(each.name, each.macs, f"{each.macs:,} multiply-accumulate operations") for each in layers if each.macs]
    return _bars(rows, "multiply-accumulate operations", sort="-x")


def constants(layers: Sequence[LayerReport]) -> str:
    """Constants of each layer, most first."""
    rows = [
        _row(each.name, each.weights_bytes, f"{each.weights_bytes:,} bytes") for each in layers if each.weights_bytes
    ]
    return _bars(rows, "bytes of constants", sort="-x")


def instructions(layers: Sequence[LayerCost]) -> str:
    """Instructions of each layer, most first."""
    total = max(sum(each.instructions for each in layers), 1)
    rows = [
        _row(each.name, each.instructions, f"{each.instructions:,} instructions, {each.instructions / total:.1%}")
        for each in layers
    ]
    return _bars(rows, "instructions of one run", sort="-x")


def code(layers: Sequence[LayerCost]) -> str:
    """Code of each layer's own functions, most first."""
    rows = [_row(each.name, each.code, f"{each.code:,} bytes of code") for each in layers if each.code]
    return _bars(rows, "bytes of code", sort="-x")


def sqnr(layers: Sequence[LayerReport]) -> str:
    """Signal that quantisation left of each layer's output, in the order of execution."""
    rows = [_row(each.name, each.sqnr, f"{each.sqnr:.1f} dB") for each in layers if each.sqnr is not None]
    return _bars(rows, "signal to quantisation noise, dB", sort=None, rule=POOR)


def histograms(found: Sequence[Histogram]) -> str:
    """One small chart for each, with lines where the range of the integers ends."""
    import altair

    charts = [_histogram(altair, each) for each in found]
    rows = [altair.hconcat(*charts[i : i + COLUMNS]) for i in range(0, len(charts), COLUMNS)]
    return _svg(altair.vconcat(*rows), {_words(each): printable(each.layer) for each in found})


def _row(layer: str, amount: float | None, words: str) -> dict[str, object]:
    name = printable(layer)
    return {"layer": name, "label": cut(name, LETTERS), "amount": amount, "told": f"{name}: {words}"}


def _bars(rows: list[dict[str, object]], title: str, *, sort: str | None, rule: float | None = None) -> str:
    import altair

    names = Names()
    rows = [{**row, "label": names.new(str(row["label"]))} for row in rows]  # two that were cut may look alike
    data = altair.Data(values=rows)
    chart = (
        altair.Chart(data)
        .mark_bar(color="var(--edge)", height=BAR - 4)
        .encode(
            x=altair.X("amount:Q", title=title),
            y=altair.Y("label:N", sort=sort, title=None, axis=altair.Axis(labelLimit=WIDTH)),
            description="told:N",
        )
    )
    if rule is not None:
        line = altair.Chart(altair.Data(values=[{"at": rule}])).mark_rule(color="var(--bound)", strokeDash=[6, 4])
        chart = chart + line.encode(x="at:Q")
    layers = {str(row["told"]): str(row["layer"]) for row in rows}
    return _svg(chart.properties(width=WIDTH, height=BAR * max(len(rows), 1)), layers)


def _histogram(altair: Any, found: Histogram) -> Any:
    name = printable(found.layer)
    steps = [*zip(found.edges[:-1], found.counts, strict=True), (found.edges[-1], 0)]
    rows = [{"at": float(f"{at:.5g}"), "count": count, "told": _words(found)} for at, count in steps]
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_area(color="var(--edge)", interpolate="step-after")
        .encode(
            x=altair.X("at:Q", title=None, axis=altair.Axis(tickCount=4)),
            y=altair.Y("count:Q", title=None, axis=altair.Axis(tickCount=2, format="~s")),
            description="told:N",
        )
    )
    ends = [{"at": end} for end in (found.low, found.high) if end is not None]
    if ends:
        line = altair.Chart(altair.Data(values=ends)).mark_rule(color="var(--bound)", strokeDash=[4, 3])
        chart = chart + line.encode(x="at:Q")
    title = f"{cut(name, LETTERS - len(found.of))}, {found.of}"
    shown = altair.Title(title, fontSize=10, color="var(--ink)", limit=2 * SMALL[0], anchor="start")
    return chart.properties(width=SMALL[0], height=SMALL[1], title=shown)


def _words(found: Histogram) -> str:
    """A histogram in words."""
    name = printable(found.layer)
    words = f"{name}: {sum(found.counts):,} numbers of its {found.of}, {found.edges[0]:.4g} to {found.edges[-1]:.4g}"
    if found.low is None or found.high is None:
        return words
    return f"{words}; integers reach from {found.low:.4g} to {found.high:.4g}"


def _svg(chart: Any, layers: Mapping[str, str]) -> str:
    """The drawing; `layers` has for each mark's description the layer that it belongs to."""
    import vl_convert

    # A browser's font may be wider than that which vl-convert measures names by.
    padding = {"left": 45, "top": 5, "right": 25, "bottom": 5}
    styled = chart.configure(background="transparent", font="system-ui, sans-serif", padding=padding).configure_axis(
        labelColor="var(--ink)",
        titleColor="var(--ink)",
        gridColor="var(--grid)",
        domainColor="var(--faint)",
        tickColor="var(--faint)",
        titleFontWeight="normal",
    )
    text = vl_convert.vegalite_to_svg(styled.configure_view(stroke=None).to_dict())
    root = ElementTree.fromstring(text)
    root.set("class", "chart")
    for parent in [*root.iter()]:
        for child in [*parent]:
            if child.get("d") in ("", "M0,0h0v0h0Z"):
                parent.remove(child)
            elif child.tag.endswith("}path") and (words := child.get("aria-label", "")) in layers:
                child.attrib.pop("aria-roledescription", None)
                for key, value in (("data-layer", layers[words]), ("tabindex", "0"), ("role", "img")):
                    child.set(key, value)
                node(child, "title", words)
    return ElementTree.tostring(root, encoding="unicode")


def alone(svg: str) -> str:
    """A drawing of a page as a document of its own, with the page's colours."""
    if "--paper" in svg:
        return svg
    head, end, rest = svg.partition(">")
    return f"{head}{end}<style>{INK} svg {{ background: var(--paper); }}</style>{rest}"


def png(svg: str) -> bytes:
    """A drawing as PNG, in the colours for light paper, at twice its size."""
    import vl_convert

    light = dict(re.findall(r"--(\w+): (#\w+)", INK.split("@media")[0]))
    plain = re.sub(r"@media[^{]*\{.*?\}\s*\}", "", alone(svg), flags=re.DOTALL)
    plain = re.sub(r"var\(--(\w+)\)", lambda found: light[found[1]], plain)
    return bytes(vl_convert.svg_to_png(plain, scale=2.0))
