"""The options that say what a camera's frames hold."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mnc.passes.frame import Frame

Result = TypeVar("Result")

NUMBER = r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*"


def frame_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command `--input-range`, `--input-mean`, `--input-std` and `--input-order`; it takes them as `frame`.

    `frame` is None where none is given.
    """

    @functools.wraps(command)
    def with_frame(**given: Any) -> Result:
        said = {name: given.pop(f"input_{name}") for name in ("range", "mean", "std", "order")}
        said = {name: value for name, value in said.items() if value is not None}
        return command(frame=_frame(said) if said else None, **given)

    for option in (
        click.option(
            "--input-order",
            type=click.Choice(("rgb", "bgr")),
            help="Order of a frame's channels, where the network takes rgb.",
        ),
        click.option(
            "--input-std",
            callback=_numbers,
            metavar="NUMBERS",
            help="Divides each channel after --input-mean: 0.229,0.224,0.225; or one number for all.",
        ),
        click.option(
            "--input-mean",
            callback=_numbers,
            metavar="NUMBERS",
            help="Taken from each channel after --input-range: 0.485,0.456,0.406; or one number for all.",
        ),
        click.option(
            "--input-range",
            callback=_range,
            metavar="LOW..HIGH",
            help="Elements of a frame, as 0..255, where the network takes 0 to 1.  Such steps cost nothing: "
            "they become part of the first layer's weights.",
        ),
    ):
        with_frame = option(with_frame)
    return with_frame


def _frame(said: dict[str, Any]) -> Frame:
    from mnc.passes.frame import Frame

    return Frame(**said)


def _range(context: click.Context, option: click.Parameter, given: str | None) -> tuple[float, float] | None:
    """`LOW..HIGH` as two numbers."""
    if given is None:
        return None
    match = re.fullmatch(rf"{NUMBER}\.\.{NUMBER}", given, re.ASCII)
    if match is None or not float(match[1]) < float(match[2]):
        raise click.BadParameter(f"{given!r} is not LOW..HIGH, as 0..255", context, option)
    return float(match[1]), float(match[2])


def _numbers(context: click.Context, option: click.Parameter, given: str | None) -> tuple[float, ...] | None:
    """Numbers, parted by commas."""
    if given is None:
        return None
    parts = given.split(",")
    if not all(re.fullmatch(NUMBER, part, re.ASCII) for part in parts):
        raise click.BadParameter(f"{given[:80]!r} is not a list of numbers, as 0.485,0.456,0.406", context, option)
    return tuple(map(float, parts))
