"""`mnc quickstart`: from handwritten digits to verified C in one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnc.commands.messages import say
from mnc.commands.model import force_option
from mnc.commands.train import watched
from mnc.errors import refuse
from mnc.output import check_replaceable, write_files
from mnc.terminal.progress import Progress

if TYPE_CHECKING:
    from mnc.ir.graph import Graph
    from mnc.ir.types import Array
    from mnc.quantise import Scheme
    from mnc.zoo.quickstart import Version

FILES = ("pico.h5", "pico.h", "pico.c", "pico_int8.h", "pico_int8.c")
VERIFIED = 8
"""How many images go through every layer of the code and of the reference."""


@click.command()
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("quickstart"),
    show_default=True,
    metavar="DIR",
    help="Where the model and the code go; created where missing.",
)
@click.option("--epochs", type=int, default=40, show_default=True, help="How often every image is seen.")
@force_option
def quickstart(directory: Path, epochs: int, force: bool) -> None:
    """Train a network on handwritten digits and make C of it.

    The digits come with scikit-learn; nothing is downloaded.  The smallest
    network of the zoo is trained, compiled in float32 and in int8, verified on
    this machine, and all three are asked about 360 digits that it has not seen.
    """
    from mnc.zoo.training import Recipe

    recipe = Recipe("pico", epochs)
    check_replaceable((directory / name for name in FILES), force=force)
    with Progress(sys.stderr, "loading the digits"):
        from mnc.quantise import Scheme
        from mnc.zoo import framework
        from mnc.zoo.digits import digits
        from mnc.zoo.quickstart import CALIBRATION, versions

        data = digits()
        framework.keras()
    assert data.test is not None
    click.echo(f"training pico on {len(data.train.x):,} handwritten digits, {epochs} times each")
    trained = watched(recipe, data)
    network = trained.network
    with Progress(sys.stderr, "compiling and running the code") as progress:
        graph = network.graph
        answers = versions("pico", graph, network.predict, data)
        progress.step("verifying the code layer by layer")
        _verify(graph, data.test.x[:VERIFIED], None)
        _verify(graph, data.test.x[:VERIFIED], Scheme(data.train.x[:CALIBRATION]))
        files: dict[str, str | bytes] = {"pico.h5": network.content(data.classes)}
        for version in answers:
            files.update({} if version.build is None else version.build.files)
        assert files.keys() == set(FILES)
        write_files(files, directory, force=force)
    _tell(answers, len(data.test.x))
    click.echo(f"every layer of the code gives what the reference gives, for {VERIFIED} images")
    say(f"wrote {', '.join(str(directory / file) for file in FILES)}")


def _verify(graph: Graph, images: Array, scheme: Scheme | None) -> None:
    """CompileError where a layer of the code differs from the reference."""
    from mnc.verify import verify

    verification = verify(graph, inputs=[images], scheme=scheme)
    if (differing := verification.first_failure) is not None:
        what = "the generated code differs from the reference"
        raise refuse(f"layer {differing.name!r}", what, "this is a fault of mnc; please report it")


def _tell(versions: tuple[Version, ...], images: int) -> None:
    from mnc.pictures.words import bytes_
    from mnc.terminal.tables import Paper, listing

    rows = []
    for version in versions:
        report = None if version.build is None else version.build.report
        costs = ("", "") if report is None else (bytes_(report.ram.total), bytes_(report.flash.total_constants))
        rows.append((version.name, f"{version.accuracy:.1%}", f"{version.agreement:.1%}", *costs))
    heads = ("network", f">right of {images}", ">as Keras", ">RAM", ">constants")
    click.echo(listing(heads, rows, Paper.of(sys.stdout)))
