"""The options that make an int8 network of a float one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.quantise import Scheme

Result = TypeVar("Result")

NUMBERS = ("int8",)
INTERFACES = ("int8", "float")
RANGES = ("minmax", "percentile", "mse")
"""As in `mnc.quantise`, which is not loaded for that."""


@dataclass(frozen=True)
class QuantiseOptions:
    """What the command line says of quantisation; None or False is what it does not say."""

    numbers: str | None
    calibration: Path | None
    pixels: tuple[float, float] | None
    io: str | None
    ranges: str | None
    equalise: bool
    per_channel_dense: bool
    uncorrected: bool

    def __post_init__(self) -> None:
        if self.wanted and self.calibration is None:
            raise click.UsageError("--quantize needs representative inputs: give some dozens with --calibration X.npy")
        for option, value in vars(self).items():
            if not self.wanted and value:
                raise click.UsageError(f"{_SPELT[option]} serves no purpose without --quantize int8")

    @property
    def wanted(self) -> bool:
        return self.numbers is not None

    def scheme(self, graph: Graph) -> Scheme | None:
        """How to quantise the network, its calibration samples read; None where that is not wanted.

        CompileError where the samples do not fit the network.
        """
        if self.numbers is None or self.calibration is None:
            return None
        from mnc.quantise import Scheme
        from mnc.samples import load_samples

        return Scheme(
            calibration=load_samples(self.calibration, graph, self.pixels),
            numbers=self.numbers,
            io=self.io or Scheme.io,
            ranges=self.ranges or Scheme.ranges,
            equalise=self.equalise,
            correct_biases=not self.uncorrected,
            per_channel_dense=self.per_channel_dense,
        )


def quantise_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command the options; it takes them together, as `quantisation`."""

    @functools.wraps(command)
    def with_quantisation(**given: Any) -> Result:
        said = {field.name: given.pop(field.name) for field in fields(QuantiseOptions)}
        return command(quantisation=QuantiseOptions(**said), **given)

    for option in reversed(_OPTIONS):
        option(with_quantisation)
    return with_quantisation


def _pixels(context: click.Context, option: click.Parameter, given: str | None) -> tuple[float, float] | None:
    """`LOW:HIGH` as two numbers."""
    if given is None:
        return None
    number = r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*"
    match = re.fullmatch(f"{number}:{number}", given, re.ASCII)
    if match is None or not float(match[1]) < float(match[2]):
        raise click.BadParameter(f"{given!r} is not LOW:HIGH, as 0:1 or -1:1", context, option)
    return float(match[1]), float(match[2])


_OPTIONS = (
    click.option("--quantize", "numbers", type=click.Choice(NUMBERS), help="Compute in integers.  [default: as MODEL]"),
    click.option(
        "--calibration",
        type=click.Path(exists=True, path_type=Path),
        metavar="X.npy",
        help="Representative inputs for --quantize: .npy, .npz, or a folder of images or raw frames.",
    ),
    click.option(
        "--pixels",
        callback=_pixels,
        metavar="LOW:HIGH",
        help="What the network takes for black and white, where the calibration samples are images: 0:1, -1:1, 0:255.",
    ),
    click.option("--io", type=click.Choice(INTERFACES), help="Inputs and outputs of the code.  [default: int8]"),
    click.option(
        "--ranges",
        type=click.Choice(RANGES),
        help="What of its values int8 covers.  [default: minmax]",
    ),
    click.option("--equalise", is_flag=True, help="Scale channels to like ranges first."),
    click.option("--per-channel-dense", is_flag=True, help="A scale for each output of a dense layer too."),
    click.option(
        "--no-bias-correction", "uncorrected", is_flag=True, help="Leave biases as they are, as TensorFlow Lite does."
    ),
)

_SPELT = {"uncorrected": "--no-bias-correction"} | {
    field.name: f"--{field.name.replace('_', '-')}" for field in fields(QuantiseOptions) if field.name != "uncorrected"
}
