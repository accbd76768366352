from __future__ import annotations

import io
import threading

import pytest

from mnc.terminal.progress import Progress


class Terminal(io.StringIO):
    """A terminal that remembers what it was told, and says when it was told of reading."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if "reading" in self.getvalue():
            self.told.set()
        return written


def test_what_is_quick_is_silent() -> None:
    terminal = Terminal()
    with Progress(terminal, "reading") as progress:
        progress.step("compiling")
    assert terminal.getvalue() == ""


def test_what_takes_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnc.terminal.progress.PATIENCE", 0.0)
    terminal = Terminal()
    with Progress(terminal, "reading [bold]a.h5") as progress:
        assert terminal.told.wait(60)
        progress.step("compiling a.h5")
    assert "reading [bold]a.h5" in terminal.getvalue()


def test_a_file_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnc.terminal.progress.PATIENCE", 0.0)
    stream = io.StringIO()
    with Progress(stream, "reading") as progress:
        progress.step("compiling")
    assert stream.getvalue() == ""
    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_a_fault_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnc.terminal.progress.PATIENCE", 0.0)
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(terminal, "reading"):
        assert terminal.told.wait(60)
        raise KeyboardInterrupt
    shown = terminal.getvalue()
    assert "\x1b[?25h" in shown or "\x1b[?25l" not in shown, "the cursor is back"
