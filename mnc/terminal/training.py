"""How a training goes on, and how it ended, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mnc.terminal.tables import Paper, listing
from mnc.zoo.training import Figures, Judgement, Watcher

COLUMN = 6
"""The widest name over a column of the confusion matrix."""


class Bars(Watcher):
    """A bar over all epochs and one over the batches of this epoch; where the stream is no terminal, lines to `say`."""

    def __init__(self, stream: TextIO, epochs: int, say: Callable[[str], None]) -> None:
        self._stream = stream
        self._lines = say
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
            disable=not stream.isatty(),
        )
        self._whole = self._progress.add_task("epochs", total=epochs, figures="")
        self._part = self._progress.add_task("images", total=None, figures="")

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def resumed(self, epoch: int) -> None:
        self._progress.update(self._whole, completed=epoch)
        self._say(f"taking up the training after epoch {epoch} of {self._epochs}")

    def batch(self, epoch: int, batch: int, batches: int, figures: Figures) -> None:
        self._progress.update(self._part, total=batches, completed=batch, figures=spelt(figures))

    def epoch(self, epoch: int, figures: Figures) -> None:
        self._progress.update(self._whole, completed=epoch, figures=spelt(figures))
        if not self._stream.isatty():
            self._say(f"epoch {epoch}/{self._epochs}  {spelt(figures)}")

    def _say(self, line: str) -> None:
        if self._stream.isatty():
            self._progress.console.print(line)
        else:
            self._lines(line)


def spelt(figures: Figures) -> str:
    """`loss 0.123  accuracy 97.8%`, with the figures of the validation images behind."""
    return "  ".join(
        f"{name.replace('_', ' ')} {value:.1%}"
        if name.endswith("accuracy")
        else f"{name.replace('_', ' ')} {value:.3f}"
        for name, value in figures.items()
    )


def judged(judgement: Judgement, classes: Sequence[str], paper: Paper) -> str:
    """The confusion matrix, its rows what the images are, and how many are right."""
    heads = [f">{name if len(name) <= COLUMN else number}" for number, name in enumerate(classes)]
    rows = [
        (str(number), name, *(str(count) if count else "\u00b7" if paper.blocks else "." for count in row))
        for number, (name, row) in enumerate(zip(classes, judgement.confusion.tolist(), strict=True))
    ]
    right, total = int(judgement.confusion.trace()), int(judgement.confusion.sum())
    table = listing((">class", "is", *heads), rows, paper)
    return f"{table}\n\n{right} of {total} images are right ({judgement.accuracy:.1%})"
