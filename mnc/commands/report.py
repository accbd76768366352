"""`mnc report`: everything there is to look at, on one page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import backend_option, target_option
from mnc.commands.budget import budget_options
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import remark, warn
from mnc.commands.model import force_option, model_argument, read
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mnc.backends.storage import Storage
    from mnc.compiler import Build
    from mnc.ir.graph import Graph
    from mnc.page.subject import Subject

PICTURES = ("memory", "network", "macs", "constants", "instructions", "code", "sqnr", "histograms")
"""As in `mnc.page.render`."""
FILES = click.Path(exists=True, path_type=Path)


@click.command()
@model_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The page, .html; with --picture .svg or .png.",
)
@click.option("--picture", type=click.Choice(PICTURES), help="This drawing alone.")
@click.option(
    "--compare",
    type=click.Path(exists=True, path_type=Path),
    metavar="OTHER",
    help="Another model beside it, compiled as it is for the same target; it may be the float model of --quantize.",
)
@click.option("--inputs", type=FILES, metavar="X.npy", help="Samples to observe values on, as for `mnc verify`.")
@click.option(
    "--labels", type=FILES, metavar="Y.npy", help="What is right for --inputs: the page says how often it is met."
)
@click.option("--name", help="What the network is called in the code.  [default: the model file's name]")
@backend_option
@target_option
@budget_options
@code_options
@storage_options
@force_option
def report(
    model: Path,
    output: Path,
    picture: str | None,
    compare: Path | None,
    inputs: Path | None,
    labels: Path | None,
    name: str | None,
    backend: str,
    target: str | None,
    budgets: Mapping[str, int | None],
    code: CodeOptions,
    storage: Storage,
    force: bool,
) -> None:
    """Write a page with everything to look at.

    Figures, the network, its memory over time, cost by layer, quantisation and
    the generated files: one file of HTML, which asks for no other.
    """
    wanted = (".html",) if picture is None else (".svg", ".png")
    if output.suffix not in wanted:
        raise click.UsageError(f"{output.name!r} ends in none of {', '.join(wanted)}")
    if picture is not None and compare is not None:
        raise click.UsageError("--picture is of one network: leave --compare out")
    if labels is not None and inputs is None:
        raise click.UsageError("--labels are those of --inputs")
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        from mnc.backends.names import name_from
        from mnc.output import write_files
        from mnc.page import charts
        from mnc.page.render import check_packages, page
        from mnc.page.render import picture as draw

        check_packages()
        graph, notes = code.read(model)
        progress.step(f"compiling {model.name}")
        called = name_from(model.stem) if name is None else name
        subjects = [_subject(model, graph, called, code, storage, backend, target, budgets, inputs, labels)]
        if compare is not None:
            progress.step(f"compiling {compare.name}")
            plain = CodeOptions({**code.settings}, {}, None, {}, code.quantisation.without())
            other, more = read(compare)
            notes = (*notes, *more)
            beside = name_from(compare.stem)
            subjects.append(_subject(compare, other, beside, plain, storage, backend, target, budgets, inputs, labels))
        progress.step(f"drawing {model.name}")
        if picture is None:
            content: str | bytes = page(subjects)
        else:
            drawing = draw(subjects[0], picture)
            content = charts.png(drawing) if output.suffix == ".png" else drawing
        write_files({output.name: content}, output.parent, force=force)
    remark(notes)
    for each in subjects:
        warn(each.build.report.warnings)


def _subject(
    model: Path,
    graph: Graph,
    name: str,
    code: CodeOptions,
    storage: Storage,
    backend: str,
    target: str | None,
    budgets: Mapping[str, int | None],
    inputs: Path | None,
    labels: Path | None,
) -> Subject:
    """A model compiled, with all that is to be shown of it."""
    from mnc.compiler import compile as compile_graph

    build = compile_graph(
        graph,
        backend,
        name,
        target,
        settings=code.settings,
        scheme=code.scheme(graph),
        **storage.asked,
        measure=True,
    )
    return subject_of(model, graph, build, code, budgets, inputs, labels)


def write_page(path: Path, subject: Subject, *, force: bool) -> None:
    """The page of one build as a file of its own."""
    from mnc.output import write_files
    from mnc.page.render import page

    write_files({path.name: page([subject])}, path.parent, force=force)


def subject_of(
    model: Path,
    graph: Graph,
    build: Build,
    code: CodeOptions,
    budgets: Mapping[str, int | None],
    inputs: Path | None = None,
    labels: Path | None = None,
) -> Subject:
    """A build that was made from the command line, with all that is to be shown of it."""
    from mnc.budget import Budget
    from mnc.page.subject import origin, subject
    from mnc.samples import load_samples, load_truth

    samples = None if inputs is None else load_samples(inputs, graph, code.quantisation.pixels)
    truth = None if labels is None or samples is None else load_truth(labels, graph, len(samples[0]))
    command = shlex.join(["mnc", *(each.rpartition("/")[2] for each in sys.argv[1:])])  # no folder of this machine's
    budget = Budget(budgets["max_ram"], budgets["max_flash"], budgets["max_stack"], budgets["max_macs"])
    return subject(
        graph,
        build,
        origin(model, command),
        samples=samples,
        truth=truth,
        budget=budget,
    )
