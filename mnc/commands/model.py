"""MODEL on the command line: the argument, the options for what its file leaves open, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mnc.errors import CompileError

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.ir.types import Shape
    from mnc.language.values import Value

Command = TypeVar("Command", bound=Callable[..., object])

model_argument = click.argument("model", type=click.Path(exists=True, readable=False, path_type=Path), metavar="MODEL")

directory_option = click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where the generated files go; created where missing.  [default: the current directory]",
)

force_option = click.option("--force", is_flag=True, help="Replace files that mnc has not made, too.")


def set_option(help_: str) -> Callable[[Command], Command]:
    """`--set`, which the command takes as `parameters`."""
    return click.option("--set", "parameters", multiple=True, callback=_parameters, metavar="NAME=VALUE", help=help_)


def reading_options(command: Command) -> Command:
    """`--set`, `--weights` and `--input-shape`: what a model's file leaves open."""
    set_ = set_option("A parameter of a network text (.mnc); may be repeated.")
    weights = click.option(
        "--weights",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The weights of a network text (.mnc), whatever it says: an .npz or a model; or of a Keras model's .json.",
    )
    shapes = click.option(
        "--input-shape",
        "input_shapes",
        multiple=True,
        callback=_shapes,
        metavar="NAME=SIZES",
        help="The shape of an input with open axes, without batch: audio=100,6; may be repeated.",
    )
    return set_(weights(shapes(command)))


def read(
    model: Path,
    parameters: dict[str, Value] | None = None,
    weights: Path | None = None,
    input_shapes: dict[str, Shape] | None = None,
) -> tuple[Graph, tuple[str, ...]]:
    """The network in a file, and notes on it for the user; CompileError where there is none.

    Wrong usage where `parameters` are given and the file is no network text, or
    `weights` and it is neither that nor a configuration of Keras.
    """
    from mnc import frontends

    if parameters and not frontends.is_text(model):
        raise click.UsageError(f"--set is for network texts (.mnc), and {model.name!r} is none")
    if weights is not None and not (frontends.is_text(model) or frontends.has_weights_apart(model)):
        raise click.UsageError(f"--weights is for network texts (.mnc) and Keras' .json, and {model.name!r} is neither")
    reading = frontends.read(model, parameters, weights, input_shapes)
    if reading.graph is None:
        raise CompileError(*reading.problems)
    return reading.graph, reading.notes


def _shapes(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, Shape]:
    """`NAME=SIZES` words as a mapping."""
    shapes: dict[str, Shape] = {}
    for word in given:
        name, _, sizes = word.rpartition("=")
        parts = sizes.split(",")
        if not name or not all(part.isdecimal() and 0 < int(part) < 2**31 for part in map(str.strip, parts)):
            raise click.BadParameter(f"{word!r} is not NAME=SIZES, as in audio=100,6", context, option)
        if name in shapes:
            raise click.BadParameter(f"{name!r} is given twice", context, option)
        shapes[name] = tuple(int(part) for part in parts)
    return shapes


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
