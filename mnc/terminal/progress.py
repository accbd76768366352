"""Saying what takes long, on a terminal, and only once it has taken a second."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from mnc.names import printable

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE = 1.0
"""Seconds of silence before anything is shown."""


def shown(step: str) -> str:
    """A step as Rich takes it: names in it are no markup, and steer no terminal."""
    from rich.markup import escape

    return escape(printable(step))


class Progress:
    """A line on `stream` that names the step at work; nothing where `stream` is no terminal."""

    def __init__(self, stream: TextIO, step: str) -> None:
        self._stream = stream
        self._step = step
        self._lock = threading.Lock()
        self._done = False
        self._status: Status | None = None
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def step(self, text: str) -> None:
        """From now on, `text` is what takes time."""
        with self._lock:
            self._step = text
            if self._status is not None:
                self._status.update(shown(text))

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._done = True
            if self._status is not None:
                self._status.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.status import Status

        with self._lock:
            if not self._done:
                self._status = Status(shown(self._step), console=Console(file=self._stream))
                self._status.start()
