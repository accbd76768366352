"""MODEL on the command line: the argument, the options of network texts, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mnc.errors import CompileError

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.language.values import Value

Command = TypeVar("Command", bound=Callable[..., object])

model_argument = click.argument("model", type=click.Path(exists=True, readable=False, path_type=Path), metavar="MODEL")

force_option = click.option("--force", is_flag=True, help="Replace files that mnc has not made, too.")


def set_option(help_: str) -> Callable[[Command], Command]:
    """`--set`, which the command takes as `parameters`."""
    return click.option("--set", "parameters", multiple=True, callback=_parameters, metavar="NAME=VALUE", help=help_)


def text_options(command: Command) -> Command:
    """`--set` and `--weights`, which only a network text takes."""
    set_ = set_option("A parameter of a network text (.mnc); may be repeated.")
    weights = click.option(
        "--weights",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Where a network text (.mnc) has its weights from, whatever it says: an .npz or a model.",
    )
    return set_(weights(command))


def read(
    model: Path, parameters: dict[str, Value] | None = None, weights: Path | None = None
) -> tuple[Graph, tuple[str, ...]]:
    """The network in a file, and notes on it for the user; CompileError where there is none.

    Wrong usage where `parameters` or `weights` are given and the file is no network text.
    """
    from mnc import frontends

    if (parameters or weights is not None) and not frontends.is_text(model):
        option = "--set" if parameters else "--weights"
        raise click.UsageError(f"{option} is for network texts (.mnc), and {model.name!r} is none")
    reading = frontends.read(model, parameters, weights)
    if reading.graph is None:
        raise CompileError(*reading.problems)
    return reading.graph, reading.notes


def _parameters(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, Value]:
    """`NAME=VALUE` words as a mapping; the parser is loaded only where there are any."""
    parameters: dict[str, Value] = {}
    for word in given:
        from mnc.language import parameter

        try:
            name, value = parameter(word)
        except CompileError as fault:
            problem = fault.problems[0]
            raise click.BadParameter("; ".join((problem.what, *problem.hints)), context, option) from None
        if name in parameters:
            raise click.BadParameter(f"{name!r} is given twice", context, option)
        parameters[name] = value
    return parameters
