"""Saying what takes long, on a terminal, and only once it has taken a second."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from mnc.names import printable
from mnc.pace import listening

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task

PATIENCE = 1.0
"""Seconds of silence before anything is shown."""
BAR = 8
BESIDE = BAR + 4
"""Characters of the bar, and of all that stands in front of the words."""


def pace(task: Task) -> str:
    """The pace of a task: `12 of 40, 3.1 a second, 9 s left`, or how long it has been at work."""
    if task.total is None:
        return seconds(task.elapsed or 0.0)
    words = [f"{task.completed:,.0f} of {task.total:,.0f}"]
    words += [] if task.speed is None else [f"{task.speed:.2g} a second"]
    words += [] if task.time_remaining is None else [f"{seconds(task.time_remaining)} left"]
    return ", ".join(words)


def line(task: Task, width: int) -> str:
    """A task and its pace in at most `width` characters, or the pace alone."""
    words = pace(task)
    return f"{task.description[: max(width - len(words) - 2, 0)]}  {words}".strip()


def seconds(time: float) -> str:
    """A time in words: `9 s`, `2 min 5 s`."""
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Progress:
    """A line on `stream` that names the step at work, and how far it is; nothing where `stream` is no terminal."""

    def __init__(self, stream: TextIO, step: str) -> None:
        self._stream = stream
        self._step = step
        self._count: tuple[str, int, int] | None = None
        self._lock = threading.Lock()
        self._done = False
        self._bars: Bars | None = None
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True
        self._listening = ExitStack()

    def step(self, text: str) -> None:
        """From now on, `text` is what takes time."""
        with self._lock:
            self._step, self._count = text, None
            self._update(anew=True)

    def count(self, what: str, done: int, total: int) -> None:
        """Of the step at work, `what` has come so far."""
        with self._lock:
            anew = self._count is None or self._count[::2] != (what, total) or done < self._count[1]
            self._count = (what, done, total)
            self._update(anew=anew)

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._listening.enter_context(listening(self.count))
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._listening.close()
        with self._lock:
            self._done = True
            if self._bars is not None:
                self._bars.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, SpinnerColumn
        from rich.progress import Progress as Bars
        from rich.text import Text

        console = Console(file=self._stream)

        class Line(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(line(task, console.width - BESIDE), no_wrap=True)

        with self._lock:
            if not self._done:
                self._bars = Bars(SpinnerColumn(), BarColumn(BAR), Line(), console=console, transient=True)
                self._bars.add_task("", total=None)
                self._update(anew=True)
                self._bars.start()

    def _update(self, *, anew: bool) -> None:
        """Show the step and its count, `anew` where the time that is left follows from nothing before."""
        if self._bars is None:
            return
        (task,) = self._bars.task_ids
        what, done, total = self._count or ("", 0, None)
        if anew:
            words = f"{self._step}, {what}" if what else self._step
            self._bars.reset(task, description=printable(words), total=total, completed=done)
        else:
            self._bars.update(task, completed=done)
