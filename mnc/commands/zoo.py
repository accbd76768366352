"""`mnc zoo`: the networks that come with mnc."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from mnc.commands.model import set_option
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.language.values import Value
    from mnc.zoo.costs import Architecture, Need


@click.group(no_args_is_help=False)
def zoo() -> None:
    """Small MobileNets that come with mnc, to classify images."""


@zoo.command("list")
@set_option("A parameter of the networks: classes=4, height=64, alpha=0.5; may be repeated.")
@click.option("--on", "target", metavar="TARGET", help="Measure code and instructions there too; see `mnc targets`.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def list_(parameters: dict[str, Value], target: str | None, as_json: bool) -> None:
    """List the networks and what they cost, in float32 and in int8.

    Each is compiled for it, with random weights.  Flash is that of the
    weights and tables; with --on, code is measured and counted in.
    """
    with Progress(sys.stderr, "compiling the networks"):
        from mnc.zoo.costs import costs, to_json

        architectures = tuple(costs(parameters, target))
    if as_json:
        click.echo(to_json(architectures))
        return
    from mnc.terminal.tables import Paper, listing

    columns = ["network", ">parameters", ">MACs", *_headings("float32", target), *_headings("int8", target)]
    click.echo(listing(columns, map(_row, architectures), Paper.of(sys.stdout)))


@zoo.command()
@click.argument("name", metavar="NETWORK")
def show(name: str) -> None:
    """Print a NETWORK as it is written, for a text of one's own."""
    from mnc.zoo import networks

    click.echo(networks.text(name), nl=False)


def _headings(dtype: str, target: str | None) -> Iterable[str]:
    kinds = ("RAM", "flash") if target is None else ("RAM", "flash", "instructions")
    return (f">{dtype} {kind}" for kind in kinds)


def _row(architecture: Architecture) -> tuple[str, ...]:
    figures = (architecture.params, architecture.macs)
    return (
        architecture.name,
        *(f"{figure:,}" for figure in figures),
        *_cells(architecture.float32),
        *_cells(architecture.int8),
    )


def _cells(need: Need) -> Iterable[str]:
    from mnc.pictures.words import bytes_

    yield from (bytes_(need.ram), bytes_(need.flash))
    if need.instructions is not None:
        yield f"{need.instructions:,}"
