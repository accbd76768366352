"""`mnc train`: a network of the zoo trained on images."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.messages import complain, remark, say
from mnc.commands.model import force_option
from mnc.errors import refuse
from mnc.output import check_replaceable, write_files
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.zoo.dataset import Dataset
    from mnc.zoo.training import Recipe, Trained


def _size(context: click.Context, option: click.Parameter, given: str | None) -> tuple[int, int] | None:
    """`96` or `64x96` as (height, width)."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", given, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{given!r} is neither a side, as 96, nor HEIGHTxWIDTH", context, option)
    return int(match[1]), int(match[2] or match[1])


@click.command()
@click.argument("network", metavar="NETWORK")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Images in train/CLASS/, and perhaps val/CLASS/ and test/CLASS/; or an .npz with x_train, y_train and so on.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.h5",
    help="Where the trained network goes.  [default: NETWORK.h5]",
)
@click.option("--epochs", type=int, help="How often every image is seen.  [default: 40 for pico, 12 for base]")
@click.option("--batch-size", type=int, default=32, show_default=True, help="Images a step.")
@click.option("--learning-rate", type=float, default=0.012, show_default=True, help="Adam's, at its highest.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same network.")
@click.option("--size", callback=_size, metavar="SIZE", help="Scale a folder's images: 96, or 64x96.  [default: 96]")
@click.option("--channels", type=click.Choice(("1", "3")), help="1 for grey, 3 for colour.  [default: 1]")
@click.option("--alpha", type=float, default=1.0, show_default=True, help="The share of its filters that it has.")
@click.option("--batch-norm", is_flag=True, help="Normalise after each convolution; costs nothing in the code.")
@click.option("--dropout", type=float, default=0.1, show_default=True, help="The share of values dropped at the end.")
@click.option("--restart", is_flag=True, help="Begin anew where a training was interrupted.")
@force_option
def train(
    network: str,
    data: Path,
    output: Path | None,
    epochs: int | None,
    batch_size: int,
    learning_rate: float,
    seed: int,
    size: tuple[int, int] | None,
    channels: str | None,
    alpha: float,
    batch_norm: bool,
    dropout: float,
    restart: bool,
    force: bool,
) -> None:
    """Train a NETWORK of the zoo on images.

    `mnc zoo list` has the networks.  The trained one is written as a Keras .h5.

    After each epoch all that the next one needs is kept beside the output; the
    same command takes an interrupted training up there.
    """
    from mnc.zoo.training import EPOCHS, Recipe

    epochs = EPOCHS.get(network, 1) if epochs is None else epochs
    recipe = Recipe(network, epochs, batch_size, learning_rate, seed, alpha, batch_norm, dropout)
    output = Path(f"{network}.h5") if output is None else output
    if output.suffix != ".h5":
        raise refuse(str(output), "the file must be called .h5", f"write -o {output.with_suffix('.h5')}")
    if not output.parent.is_dir():
        raise refuse(str(output), "there is no such folder to write to")
    checkpoint = output.with_suffix(".checkpoint.npz")
    check_replaceable((output, checkpoint), force=force)
    with Progress(sys.stderr, f"reading {data.name}"):
        from mnc.zoo import framework
        from mnc.zoo.dataset import load

        images = load(data, size, None if channels is None else int(channels))
        recipe.network(images)
        framework.keras()
    if restart:
        checkpoint.unlink(missing_ok=True)
    trained = watched(recipe, images, checkpoint)
    write_files({output.name: trained.network.content(images.classes)}, output.parent, force=force)
    checkpoint.unlink(missing_ok=True)
    _tell(trained, images, recipe)
    say(f"wrote {output}")


def watched(recipe: Recipe, data: Dataset, checkpoint: Path | None = None) -> Trained:
    """Train, with bars on stderr."""
    from mnc.terminal.training import Bars
    from mnc.zoo.training import train as train_network

    with Bars(sys.stderr, recipe.epochs, complain) as bars:
        try:
            return train_network(recipe, data, checkpoint, bars)
        except KeyboardInterrupt:
            if checkpoint is not None and checkpoint.exists():
                remark(["the training is interrupted; the same command takes it up again"])
            raise


def _tell(trained: Trained, data: Dataset, recipe: Recipe) -> None:
    """The accuracy of the network: on the images to test with, or on the ones that are there."""
    from mnc.terminal.tables import Paper
    from mnc.terminal.training import judged
    from mnc.zoo.training import judge

    name, split = next(
        (name, split)
        for name, split in (("test", data.test), ("val", data.val), ("train", data.train))
        if split is not None
    )
    if name != "test":
        remark([f"there are no images to test with: these are those of {name}"])
    if data.val is not None and trained.kept != recipe.epochs:
        click.echo(f"kept epoch {trained.kept}, the best on the images of val")
    judgement = judge(trained.network.predict, split, len(data.classes))
    click.echo(judged(judgement, data.classes, Paper.of(sys.stdout)))
