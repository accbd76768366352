"""`mnc show`: any network as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.messages import remark
from mnc.commands.model import model_argument, read, text_options
from mnc.commands.quantise import QuantiseOptions, quantise_options
from mnc.errors import refuse
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.language.values import Value


@click.command()
@model_argument
@click.option("--after", metavar="PASS", help="As it is after this step of the compiler.  [default: as it was read]")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there, and its weights beside it, as .npz.  [default: print it]",
)
@text_options
@quantise_options
def show(
    model: Path,
    after: str | None,
    output: Path | None,
    parameters: dict[str, Value],
    weights: Path | None,
    quantisation: QuantiseOptions,
) -> None:
    """Print the network in MODEL as a network text (.mnc)."""
    if after is not None and quantisation.wanted:
        raise click.UsageError("--after and --quantize exclude each other: a network is quantised after all passes")
    if output is not None and output.suffix == ".npz":
        raise click.UsageError(f"{output.name!r} is what the file of the weights would be called")
    with Progress(sys.stderr, f"reading {model.name}") as progress:
        from mnc.language import show as spell

        graph, notes = read(model, parameters, weights)
        progress.step(f"compiling {model.name}")
        graph = _prepared(graph, after, quantisation)
        shown = spell(graph, None if output is None else output.with_suffix(".npz").name)
        if output is not None:
            _write(output, shown.text, shown.archive() if shown.constants else None)
    remark(notes)
    if output is None:
        click.echo(shown.text, nl=False)


def _prepared(graph: Graph, after: str | None, quantisation: QuantiseOptions) -> Graph:
    if scheme := quantisation.scheme(graph):
        from mnc.compiler import prepare

        return prepare(graph, "c", scheme=scheme)[0].graph
    if after is not None:
        from mnc.passes import optimise

        return optimise(graph, after)
    return graph


def _write(output: Path, text: str, archive: bytes | None) -> None:
    """The text and its weights, both or neither."""
    from mnc.output import write_files

    if output.exists() and not output.is_file():
        raise refuse(str(output), "this is not a file that can be replaced", "leave -o out to print the text")
    files: dict[str, str | bytes] = {output.name: text}
    if archive is not None:
        files[output.with_suffix(".npz").name] = archive
    write_files(files, output.parent)
