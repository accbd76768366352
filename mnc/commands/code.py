"""The options that decide which code a network becomes: one set for every command that makes code of it.

So all that `mnc compile` ships can be checked, shown, verified and measured.
Each command has its own options for backends and targets, as `mnc bench` takes
several.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnc.commands.backend import settings_option
from mnc.commands.frame import frame_options
from mnc.commands.model import read, reading_options
from mnc.commands.quantise import QuantiseOptions, any_images, quantise_options
from mnc.terminal.sizes import region

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.ir.types import Shape
    from mnc.language.values import Value
    from mnc.passes.frame import Frame
    from mnc.quantise import Scheme

Result = TypeVar("Result")


@dataclass(frozen=True)
class CodeOptions:
    """The options for the network and for its code."""

    settings: dict[str, str]
    """The backend's own options, by `-X`."""
    parameters: dict[str, Value]
    """Parameters of a network text, by `--set`."""
    weights: Path | None
    """Of a network text or a Keras model's configuration, by `--weights`."""
    input_shapes: dict[str, Shape]
    """Of inputs with open axes, by `--input-shape`."""
    quantisation: QuantiseOptions
    frame: Frame | None = None
    """The frames that the network shall take, by `--input-range` and its kin."""
    classes: tuple[str, ...] | None = None
    """The names of the classes, by `--classes`; None: as the file has them."""

    def read(self, model: Path) -> tuple[Graph, tuple[str, ...]]:
        """The network in a file, as `mnc.commands.model.read`, for the frames and with the ends that it shall have."""
        graph, notes = read(model, self.parameters, self.weights, self.input_shapes)
        if self.classes is not None:
            from mnc.ir.class_names import named

            graph = named(graph, self.classes)
        if self.frame is not None:
            from mnc.passes.frame import fed_frames

            graph = fed_frames(graph, self.frame)
        return self.quantisation.at_its_ends(graph), notes

    def scheme(self, graph: Graph) -> Scheme | None:
        """How to quantise it, as `QuantiseOptions.scheme`."""
        return self.quantisation.scheme(graph)


def code_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command `-X`, the options of reading, of frames and of quantisation; it takes them together, as `code`."""

    @functools.wraps(command)
    def with_code(**given: Any) -> Result:
        said = {name: given.pop(name) for name in (*_READ, "settings", "quantisation", "frame", "classes")}
        frame, quantisation = said["frame"], said["quantisation"]
        if frame is not None and frame.order == "bgr" and any_images(quantisation.calibration, given.get("inputs")):
            raise click.UsageError("--input-order bgr is for frames, and images are read as rgb: give frames as .npy")
        if frame is not None and frame.range is not None and quantisation.pixels is None:
            said["quantisation"] = replace(quantisation, pixels=frame.range)
        return command(code=CodeOptions(**said), **given)

    return settings_option(reading_options(frame_options(quantise_options(_classes_option(with_code)))))


_READ = ("parameters", "weights", "input_shapes")


def _class_names(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    """Names parted by commas, or the lines of a file."""
    if given is None:
        return None
    if not Path(given).is_file():
        return tuple(name.strip() for name in given.split(","))
    from mnc import files

    try:
        lines = files.content(Path(given), MOST_BYTES, "give names, a line each").decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{given!r} is no text in UTF-8", context, parameter) from None
    return tuple(line.strip() for line in lines if line.strip())


MOST_BYTES = 2**20
"""Of a file of names."""

_classes_option = click.option(
    "--classes",
    callback=_class_names,
    metavar="NAMES|FILE",
    help="Names of a classifier's classes, as cat,dog, or a file with one a line.  [default: what `mnc train` wrote]",
)


def storage_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command `--memory`, `--input`, `--feed`, `--hop` and `--region`; it takes them together, as `storage`."""

    @functools.wraps(command)
    def with_storage(**given: Any) -> Result:
        from mnc.backends.storage import Storage

        choices = (given.pop(each) for each in ("memory", "owner", "feed", "regions", "hop"))
        return command(storage=Storage(*choices), **given)

    for option in (
        click.option(
            "--hop",
            type=click.IntRange(1),
            metavar="FRAMES",
            help="Frames from one output to the next, with --feed frames.  [default: as few as strides allow]",
        ),
        click.option(
            "--region",
            "regions",
            type=region,
            multiple=True,
            metavar="NAME=BYTES",
            help="A memory for buffers, the fastest first, such as dtcm=64K.  May be repeated.",
        ),
        click.option(
            "--feed",
            type=click.Choice(("run", "rows", "frames")),
            default="run",
            show_default=True,
            help="A run takes the whole input, or its rows are handed in one by one, or frames without end.",
        ),
        click.option(
            "--input",
            "owner",
            type=click.Choice(("caller", "owned")),
            default="caller",
            show_default=True,
            help="Whose memory inputs lie in: the caller's, or the network's, which uses it again.",
        ),
        click.option(
            "--memory",
            type=click.Choice(("fast", "balanced", "least")),
            default="balanced",
            show_default=True,
            help="Layer after layer; rows of layers in turns where that costs few instructions; the least RAM.",
        ),
    ):
        with_storage = option(with_storage)
    return with_storage
