"""The page: subjects become a context, and a template becomes HTML that asks for no other file."""

from __future__ import annotations

import importlib.util
import platform
import re
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np

import mnc
from mnc.accuracy import Accuracy, Errors, Regression
from mnc.backends.facts import model_hash
from mnc.errors import refuse
from mnc.extras import install
from mnc.ir.types import show
from mnc.names import printable
from mnc.output import MARK
from mnc.page import charts
from mnc.page.histograms import Histogram
from mnc.page.subject import Subject
from mnc.pictures.memory_svg import memory_svg
from mnc.pictures.network_svg import network_svg
from mnc.pictures.svg import INK
from mnc.pictures.words import bytes_

PACKAGES = ("altair", "jinja2", "pygments", "vl_convert")
EXTRA = "report"
NUMBERS = re.compile(r"^[\s\dxXa-fA-FuUlLeE.,+{}()-]+$")
"""Lines of an initialiser that hold numbers and nothing else."""
KEPT = 4
"""Such lines that are shown of a longer run."""
MEASURED = {"instructions": "no instructions were counted", "code": "no code was measured"}
"""Pictures of measurements, and the words where there are none."""
PICTURES = ("memory", "network", "macs", "constants", "instructions", "code", "sqnr", "histograms")


def check_packages() -> None:
    """CompileError where a package that drawing needs is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise refuse("", f"a report needs packages that are not installed: {', '.join(missing)}", install(EXTRA))


def picture(drawn: Subject, name: str) -> str:
    """One drawing alone as an SVG document; CompileError where this network has nothing to draw there."""
    report, cost = drawn.build.report, drawn.cost
    if name == "memory":
        return memory_svg(drawn.build.plan, report.name)
    if name == "network":
        return network_svg(drawn.build.graph, report.name)
    check_packages()
    if name in ("instructions", "code") and cost is None:
        raise refuse("", f"{MEASURED[name]}: {drawn.not_run}", "name a --target; see `mnc targets`")
    if name == "sqnr" and not any(layer.sqnr is not None for layer in report.layers):
        raise refuse("", "nothing was quantised, so no signal was lost", "add --quantize and --calibration")
    drawings: dict[str, Callable[[], str]] = {
        "macs": lambda: charts.macs(report.layers),
        "constants": lambda: charts.constants(report.layers),
        "instructions": lambda: charts.instructions(() if cost is None else cost.layers),
        "code": lambda: charts.code(() if cost is None else cost.layers),
        "sqnr": lambda: charts.sqnr(report.layers),
        "histograms": lambda: charts.histograms(_by_layer(drawn)),
    }
    return charts.alone(drawings[name]())


def page(subjects: Sequence[Subject]) -> str:
    """The report of one build, or of two side by side."""
    check_packages()
    import jinja2

    files = resources.files("mnc.page")
    style, script, template = (
        files.joinpath(name).read_text("utf-8") for name in ("report.css", "report.js", "report.html.jinja")
    )
    titles = _titles(subjects)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    shown = [_context(each, title) for each, title in zip(subjects, titles, strict=True)]
    html = environment.from_string(template).render(
        mark=MARK.decode(),
        title=" and ".join(titles),
        style=INK + style,
        script=script,
        subjects=shown,
        compared=len(subjects) > 1,
        figures=_figures(subjects),
    )
    return str(html)


def _titles(subjects: Sequence[Subject]) -> list[str]:
    names = [printable(each.build.name) for each in subjects]
    if len(set(names)) < len(names):
        names = [f"{name} {each.build.report.dtype}" for name, each in zip(names, subjects, strict=True)]
    return names


def _context(drawn: Subject, title: str) -> dict[str, object]:
    """The values that the template has of one subject."""
    report, cost = drawn.build.report, drawn.cost
    counted = {} if cost is None else {layer.name: layer for layer in cost.layers}
    judged = any(layer.sqnr is not None for layer in report.layers)
    bars = [("Instructions", charts.instructions(cost.layers))] if cost is not None and cost.layers else []
    bars += [("Operations", charts.macs(report.layers))] if report.macs else []
    bars += [("Code", charts.code(cost.layers))] if cost is not None and any(each.code for each in cost.layers) else []
    bars += [("Constants", charts.constants(report.layers))] if report.flash.weights else []
    columns = [("#", "number"), ("layer", "name"), ("kind", ""), ("output", ""), ("type", ""), ("MACs", "number")]
    columns += [("constants", "number"), *([("code", "number"), ("instructions", "number")] if counted else [])]
    columns += [*([("SQNR", "number")] if judged else []), ("kernel", "")]
    rows = []
    for i, layer in enumerate(report.layers):
        cells = [i, printable(layer.name), layer.op, show(layer.output_shape), layer.dtype, f"{layer.macs:,}"]
        spent = counted.get(layer.name)
        cells += [f"{layer.weights_bytes:,}"]
        cells += [] if spent is None else [f"{spent.code:,}", f"{spent.instructions:,}"]
        cells += [*(["" if layer.sqnr is None else f"{layer.sqnr:.1f} dB"] if judged else []), layer.kernel]
        rows.append({"layer": printable(layer.name), "cells": cells})
    return {
        "title": title,
        "warnings": report.warnings,
        "network": _inline(network_svg(drawn.build.graph, report.name)),
        "memory": _inline(memory_svg(drawn.build.plan, report.name)),
        "columns": columns,
        "rows": rows,
        "costs": [{"name": name, "svg": svg} for name, svg in bars],
        "not_run": drawn.not_run,
        "quantisation": _quantisation(drawn),
        "sqnr": charts.sqnr(report.layers) if judged else "",
        "histograms": charts.histograms(_by_layer(drawn)),
        "observed_on": drawn.observed_on,
        "files": [
            {"name": name, "size": bytes_(len(text.encode())), "html": _highlighted(name, text)}
            for name, text in drawn.build.files.items()
        ],
        "command": drawn.origin.command,
        "provenance": _provenance(drawn),
    }


def _by_layer(drawn: Subject) -> list[Histogram]:
    """Weights and output of a layer beside each other, in the order of execution."""
    order = {layer.name: i for i, layer in enumerate(drawn.build.report.layers)}
    both = [each for each in (*drawn.weights, *drawn.outputs) if each.layer in order]
    return sorted(both, key=lambda each: order[each.layer])


def _inline(svg: str) -> str:
    """A drawing for a page that has the colours already."""
    return svg.replace(INK, "")


def _figures(subjects: Sequence[Subject]) -> list[dict[str, object]]:
    """The rows of the summary: a name, a cell for each subject, and the change from the first to the last."""
    reports = [each.build.report for each in subjects]
    rows: list[tuple[str, list[int | None], list[int | None]]] = [
        ("RAM, bytes", [each.ram.needed for each in reports], [each.budget.ram for each in subjects]),
        ("arena", [each.ram.arena for each in reports], []),
        ("lower bound of the arena", [each.ram.lower_bound for each in reports], []),
        ("state", [each.ram.state for each in reports], []),
        ("flash, bytes", [each.flash.needed for each in reports], [each.budget.flash for each in subjects]),
        ("code", [each.flash.code for each in reports], []),
        ("constants", [each.flash.total_constants for each in reports], []),
        ("stack, bytes", [each.stack for each in reports], [each.budget.stack for each in subjects]),
        ("multiply-accumulate operations", [each.macs for each in reports], [each.budget.macs for each in subjects]),
        ("instructions of a run", [each.cost.instructions if each.cost else None for each in subjects], []),
        ("parameters", [each.params for each in reports], []),
        ("frames from one output to the next", [each.frames.hop if each.frames else None for each in reports], []),
        ("frames until the first output", [each.frames.first_output if each.frames else None for each in reports], []),
        ("frames by which outputs lag", [each.frames.delay if each.frames else None for each in reports], []),
        ("slices of a run", [each.slices.count if each.slices else None for each in reports], []),
        ("operations of the largest slice", [each.slices.largest if each.slices else None for each in reports], []),
    ]
    figures = [_figure(name, amounts, limits) for name, amounts, limits in rows if any(x is not None for x in amounts)]
    words = [
        ("type", [each.dtype for each in reports]),
        ("backend", [each.backend for each in reports]),
        ("target", [each.target or "any" for each in reports]),
        ("flash is", ["code and constants" if each.flash.total else "constants only" for each in reports]),
        ("right answers, as it was read", [_judged(each, "model") for each in subjects]),
        ("right answers, as it was compiled", [_judged(each, "code") for each in subjects]),
    ]
    return figures + [{"name": name, "cells": cells, "change": ""} for name, cells in words if any(cells)]


def _figure(name: str, amounts: Sequence[int | None], limits: Sequence[int | None]) -> dict[str, object]:
    cells = ["" if amount is None else f"{amount:,}" for amount in amounts]
    for i, limit in enumerate(limits):
        if limit is not None and cells[i]:
            cells[i] += f" of {limit:,}"
    first, last = amounts[0], amounts[-1]
    change = f"{last / first - 1:+.1%}" if first and last is not None else ""
    return {"name": name, "cells": cells, "change": change}


def _judged(drawn: Subject, which: str) -> str:
    """Accuracy, or error, of the model or of the code, in words."""
    found = drawn.judgement
    if isinstance(found, Accuracy):
        return f"{getattr(found, which).accuracy:.2%} of {found.samples}"
    if isinstance(found, Regression):
        errors: Errors = getattr(found, which)
        return f"RMSE {errors.rmse:.4g}" + ("" if errors.r2 is None else f", R2 {errors.r2:.4f}")
    return ""


def _quantisation(drawn: Subject) -> str:
    """The signal that quantisation left, in a sentence or three."""
    found = drawn.build.report.quantisation
    if found is None:
        return f"The network computes in {drawn.build.report.dtype}, as it was read."
    ratios = ", ".join(
        f"{printable(name)}: {'nothing lost' if ratio is None else f'{ratio:.1f} dB'}"
        for name, ratio in found.sqnr.items()
    )
    whole = ", ".join(map(printable, found.float_layers)) or "none"
    samples = f"{found.judged_by} samples"
    if found.sequences:
        samples = f"{found.judged_by} frames of {found.sequences} sequence{'s' * (found.sequences > 1)}"
    return f"Signal to quantisation noise over {samples}: {ratios}. Layers in float32: {whole}."


def _highlighted(name: str, text: str) -> str:
    """Source in colours; of long runs of numbers only the first lines."""
    import pygments
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    lines: list[str] = []
    run = 0
    for line in text.splitlines():
        run = run + 1 if NUMBERS.match(line) and len(line) > 8 else 0
        if run <= KEPT:
            lines.append(line)
        elif run == KEPT + 1:
            lines.append("    /* more numbers */")
    try:
        lexer = get_lexer_for_filename(name)
    except ClassNotFound:
        lexer = get_lexer_for_filename("plain.txt")
    return str(pygments.highlight("\n".join(lines), lexer, HtmlFormatter(nowrap=True)))


def _provenance(drawn: Subject) -> list[tuple[str, str]]:
    found = [
        ("model", printable(drawn.origin.file)),
        ("its SHA-256", drawn.origin.sha256),
        ("model hash in the code", f"0x{model_hash(drawn.build.graph):08x}"),
        ("mnc", mnc.__version__),
        ("Python, NumPy", f"{platform.python_version()}, {np.__version__}"),
        ("C compiler", drawn.build.report.compiler or ""),
    ]
    return [(name, value) for name, value in found if value]
