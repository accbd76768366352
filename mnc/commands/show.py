"""`mnc show`: any network as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.backend import target_option
from mnc.commands.code import CodeOptions, code_options
from mnc.commands.messages import remark, warn
from mnc.commands.model import force_option, model_argument
from mnc.errors import refuse
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.language import Shown


@click.command()
@model_argument
@click.option("--after", metavar="PASS", help="As it is after this step of the compiler.  [default: as it was read]")
@click.option("--graph", "as_graph", is_flag=True, help="Draw it instead: as SVG, which -o writes to a file.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there, and its weights beside it, as .npz.  [default: print it]",
)
@click.option("--backend", metavar="NAME", help="Whose layers --quantize may use; see `mnc backends`.  [default: c]")
@target_option
@code_options
@force_option
def show(
    model: Path,
    after: str | None,
    as_graph: bool,
    output: Path | None,
    backend: str | None,
    target: str | None,
    code: CodeOptions,
    force: bool,
) -> None:
    """Print or draw the network in MODEL.

    Printed, it is a network text (.mnc).
    """
    if after is not None and code.quantisation.wanted:
        raise click.UsageError("--after and --quantize exclude each other: a network is quantised after all passes")
    if not code.quantisation.wanted:
        for option, value in (("--backend", backend), ("--target", target), ("-X", code.settings)):
            if value:
                what = "serves no purpose without --quantize: a network is shown as it was read"
                raise click.UsageError(f"{option} {what}")
    if output is not None and as_graph is not (output.suffix == ".svg"):
        raise click.UsageError("--graph and a file that ends in .svg go together")
    if output is not None and output.suffix == ".npz":
        raise click.UsageError(f"{output.name!r} is what the file of the weights would be called")
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        from mnc.language import show as spell

        graph, notes = code.read(model)
        progress.step(f"compiling {model.name}")
        graph, warnings = _prepared(graph, after, backend or "c", target, code)
        shown = (
            _drawn(graph, model)
            if as_graph
            else spell(graph, None if output is None else output.with_suffix(".npz").name)
        )
        if output is not None:
            _write(output, shown.text, shown.archive() if shown.constants else None, force)
    remark(notes)
    warn(warnings)
    if output is None:
        click.echo(shown.text, nl=False)


def _prepared(
    graph: Graph, after: str | None, backend: str, target: str | None, code: CodeOptions
) -> tuple[Graph, tuple[str, ...]]:
    """The network to be shown, and warnings about it."""
    if scheme := code.scheme(graph):
        from mnc.compiler import prepare

        prepared, *_ = prepare(graph, backend, target, code.settings, scheme)
        return prepared.graph, prepared.warnings
    if after is not None:
        from mnc.passes import optimise

        return optimise(graph, after), ()
    return graph, ()


def _drawn(graph: Graph, model: Path) -> Shown:
    """The network as a drawing, which has no constants beside it."""
    from mnc.backends.names import name_from
    from mnc.language import Shown
    from mnc.pictures.network_svg import network_svg

    return Shown(network_svg(graph, name_from(model.stem)), {})


def _write(output: Path, text: str, archive: bytes | None, force: bool) -> None:
    """The text and its weights, both or neither."""
    from mnc.output import MARK, write_files

    if output.exists() and not output.is_file():
        raise refuse(str(output), "this is not a file that can be replaced", "leave -o out to print the text")
    marked = text if output.suffix == ".svg" else f"# {MARK.decode()}\n{text}"
    files: dict[str, str | bytes] = {output.name: marked}
    if archive is not None:
        files[output.with_suffix(".npz").name] = archive
    write_files(files, output.parent, force=force)
