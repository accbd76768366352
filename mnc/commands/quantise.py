"""The options that make an int8 network of a float one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnc.commands.messages import option

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.ir.types import Array
    from mnc.quantise import Scheme

Result = TypeVar("Result")

NUMBERS = ("int8", "int16x8", "mixed")
INTERFACES = ("int8", "int16", "uint8", "float")
RANGES = ("auto", "minmax", "percentile", "mse", "entropy")
ROUNDINGS = ("together", "fitted", "nearest")
"""As in `mnc.quantise`, which is not loaded for that."""
MOST = 256
"""How many files of a folder of classes calibrate; more take time and tell little."""


@dataclass(frozen=True)
class QuantiseOptions:
    """The options of quantisation; None where an option is not given."""

    quantize: str | None
    calibration: Path | None
    pixels: tuple[float, float] | None
    min_sqnr: float | None
    max_loss: float | None
    calibration_labels: Path | None
    io: str | None
    ranges: str | None
    rounding: str | None
    equalise: bool | None
    bias_correction: bool | None
    per_channel_dense: bool | None
    allow_loss: bool | None

    def __post_init__(self) -> None:
        if self.wanted and self.calibration is None:
            raise click.UsageError("--quantize needs representative inputs: give some dozens with --calibration X.npy")
        if self.wanted and (self.quantize == "mixed") is (self.min_sqnr is None and self.max_loss is None):
            raise click.UsageError("--quantize mixed and a goal go together: --min-sqnr 30 or --max-loss 0.5")
        if self.wanted and self.calibration_labels is not None and self.max_loss is None:
            raise click.UsageError("--calibration-labels serves no purpose without --max-loss")
        for name, value in vars(self).items():
            if not self.wanted and value is not None and name not in ("pixels", "io"):
                raise click.UsageError(f"{option(name)} serves no purpose without --quantize")

    @property
    def wanted(self) -> bool:
        return self.quantize is not None

    def without(self) -> QuantiseOptions:
        """The options without any; of samples that are images the range of pixels is kept."""
        nothing: dict[str, Any] = {field.name: None for field in fields(self)}
        return QuantiseOptions(**{**nothing, "pixels": self.pixels})

    def at_its_ends(self, graph: Graph) -> Graph:
        """A network of integers with inputs and outputs as `--io` says; a float one gets them when it is quantised."""
        if self.io is None or self.wanted:
            return graph
        if all(type_.quant is None for type_ in graph.types.values()):
            raise click.UsageError("--io serves no purpose without --quantize: the network is in float32")
        from mnc.passes.ends import with_ends
        from mnc.quantise.pipeline import ENDS

        return with_ends(graph, ENDS[self.io])

    def scheme(self, graph: Graph) -> Scheme | None:
        """How to quantise the network, its calibration samples read; None where that is not wanted.

        CompileError where the samples do not fit the network.
        """
        if self.quantize is None or self.calibration is None:
            return None
        from mnc.frames import CALIBRATING
        from mnc.quantise import Scheme
        from mnc.quantise.own_states import taken_out
        from mnc.samples import load_samples

        kept = bool(taken_out(graph).states)
        samples = load_samples(self.calibration, graph, self.pixels, splits=CALIBRATING, most=MOST, sequences=kept)
        same = {field.name for field in fields(Scheme)} - {"calibration"}
        count = samples[0].size // graph.inputs[0].type.elements
        said = {name: value for name, value in vars(self).items() if name in same and value is not None}
        return Scheme(samples, **said, labels=self._labels(graph, count), scaled=self.pixels is not None)

    def _labels(self, graph: Graph, samples: int) -> Array | None:
        """The calibration samples' classes."""
        if self.calibration_labels is None:
            return None
        from mnc.accuracy import classes
        from mnc.samples import load_labels

        return load_labels(self.calibration_labels, classes(graph), samples)


def quantise_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command the options; it takes them together, as `quantisation`."""

    @functools.wraps(command)
    def with_quantisation(**given: Any) -> Result:
        said = {field.name: given.pop(field.name) for field in fields(QuantiseOptions)}
        if said["pixels"] is not None and not any_images(said["calibration"], given.get("inputs")):
            raise click.UsageError("--pixels serves no purpose without a folder of images")
        return command(quantisation=QuantiseOptions(**said), **given)

    for decorate in reversed(_OPTIONS):
        decorate(with_quantisation)
    return with_quantisation


def any_images(calibration: Path | None, inputs: Path | None) -> bool:
    """Whether some of the samples are images."""
    from mnc.frames import CALIBRATING, TESTING, has_images

    folders = ((path, splits) for path, splits in ((calibration, CALIBRATING), (inputs, TESTING)) if path is not None)
    return any(path.is_dir() and has_images(path, splits) for path, splits in folders)


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
    click.option(
        "--quantize",
        type=click.Choice(NUMBERS),
        help="Compute in integers: int8; int16 with int8 weights; or int16 only where a goal needs it.  "
        "[default: as MODEL]",
    ),
    click.option(
        "--calibration",
        type=click.Path(exists=True, path_type=Path),
        metavar="X.npy",
        help="Representative inputs for --quantize: .npy, .npz, or a folder of images or raw frames, "
        "which may have a folder for each class, as for `mnc train`; of a network with states "
        "(frames, ...) in order, or (sequences, frames, ...).",
    ),
    click.option(
        "--pixels",
        callback=_pixels,
        metavar="LOW:HIGH",
        help="What the network takes for black and white, where samples are images: 0:1, -1:1, 0:255.",
    ),
    click.option(
        "--min-sqnr",
        type=click.FloatRange(0.0, 120.0),
        metavar="DB",
        help="For --quantize mixed: the signal-to-quantisation-noise ratio that the output shall have.",
    ),
    click.option(
        "--max-loss",
        type=click.FloatRange(0.0, 100.0),
        metavar="POINTS",
        help="For --quantize mixed: how many in a hundred calibration samples more may be classified wrongly.",
    ),
    click.option(
        "--calibration-labels",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="Y.npy",
        help="The classes for --max-loss.  [default: what the float network says]",
    ),
    click.option(
        "--io",
        type=click.Choice(INTERFACES),
        help="Inputs and outputs of the code, with --quantize or of a MODEL in integers.  [default: as its layers]",
    ),
    click.option(
        "--ranges",
        type=click.Choice(RANGES),
        help="What of its values int8 covers.  [default: mse]",
    ),
    click.option(
        "--rounding",
        type=click.Choice(ROUNDINGS),
        help="Of weights: together, so that sums stay what they are; the same, fitted to rounded inputs first; "
        "or each to its nearest.  [default: together]",
    ),
    click.option(
        "--equalise/--no-equalise",
        default=None,
        help="Scale channels to like ranges first.  [default: equalise]",
    ),
    click.option(
        "--bias-correction/--no-bias-correction",
        default=None,
        help="Take back by the biases what rounding shifts.  [default: bias-correction]",
    ),
    click.option(
        "--per-channel-dense",
        is_flag=True,
        default=None,
        help="A scale for each output of a dense layer too.",
    ),
    click.option(
        "--allow-loss",
        is_flag=True,
        default=None,
        help="Do not refuse a network of which next to no signal is left.",
    ),
)
