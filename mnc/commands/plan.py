"""`mnc plan`: what lies where in a network's memory, and when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import backend_option, target_option
from mnc.commands.code import CodeOptions, code_options, storage_options
from mnc.commands.messages import remark, warn
from mnc.commands.model import force_option, model_argument
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.backends.storage import Storage
    from mnc.plan.memory_map import MemoryMap

FORMS = (".html", ".svg", ".txt")
TEXT_WIDTH = 80
"""Of a drawing in characters that goes to a file."""


def _of_a_form(context: click.Context, option: click.Parameter, given: Path | None) -> Path | None:
    if given is not None and given.suffix not in FORMS:
        raise click.BadParameter(f"{given.name!r} ends in none of {', '.join(FORMS)}", context, option)
    return given


@click.command()
@model_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_of_a_form,
    metavar="FILE",
    help="Draw it there: .svg, .html or .txt.  [default: in the terminal]",
)
@backend_option
@target_option
@code_options
@storage_options
@force_option
def plan(
    model: Path,
    output: Path | None,
    backend: str,
    target: str | None,
    code: CodeOptions,
    storage: Storage,
    force: bool,
) -> None:
    """Draw what lies where in RAM, and when.

    Address against time, a box for each buffer, and the lower bound as a line.
    """
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        from mnc.backends.names import name_from
        from mnc.compiler import compile as compile_graph
        from mnc.output import write_files

        graph, notes = code.read(model)
        progress.step(f"compiling {model.name}")
        name = name_from(model.stem)
        build = compile_graph(
            graph,
            backend,
            name,
            target,
            settings=code.settings,
            scheme=code.scheme(graph),
            **storage.asked,
        )
        drawn = build.plan
        if output is not None:
            write_files({output.name: _drawn(drawn, name, output.suffix)}, output.parent, force=force)
    remark(notes)
    warn(build.report.warnings)
    if output is None:
        from mnc.pictures.memory_text import memory_text
        from mnc.terminal.tables import Paper

        paper = Paper.of(sys.stdout)
        click.echo(memory_text(drawn, paper.width, blocks=paper.blocks))


def _drawn(drawn: MemoryMap, name: str, form: str) -> str:
    """The content of a file of this form."""
    if form == ".svg":
        from mnc.pictures.memory_svg import memory_svg

        return memory_svg(drawn, name)
    if form == ".html":
        from mnc.pictures.memory_page import memory_page

        return memory_page(drawn, name)
    from mnc.output import MARK
    from mnc.pictures.memory_text import memory_text

    return f"{name}, {MARK.decode()}\n{memory_text(drawn, TEXT_WIDTH)}\n"
