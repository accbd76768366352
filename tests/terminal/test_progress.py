from __future__ import annotations

import io
import re
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress as Bars

import mnc
from mnc.pace import counted, listening
from mnc.terminal.progress import Progress, line, pace, seconds


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


def test_what_can_be_counted_has_a_rate_and_a_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnc.terminal.progress.PATIENCE", 0.0)
    terminal = Terminal()
    with Progress(terminal, "reading a.h5") as progress:
        assert terminal.told.wait(60)
        for _ in counted("choosing ranges", range(3)):
            assert progress._bars is not None
            progress._bars.refresh()
    shown = terminal.getvalue()
    assert "reading a.h5, choosing ranges" in shown
    assert "2 of 3" in shown


def test_a_pace_in_words() -> None:
    clock = iter(range(0, 1000, 10))
    bars = Bars(get_time=lambda: float(next(clock)), disable=True)
    number = bars.add_task("", total=40)
    task = bars.tasks[number]
    assert pace(task) == "0 of 40"
    for done in (5, 10, 20):
        bars.update(task.id, completed=done)
    words = re.fullmatch(r"20 of 40, ([\d.]+) a second, (\d+) s left", pace(task))
    assert words is not None
    assert float(words[1]) * int(words[2]) == pytest.approx(20, rel=0.2)
    assert seconds(125.2) == "2 min 5 s"
    bars.update(number, description="compiling " + "x" * 90)
    assert line(task, 60).startswith("compiling x")
    assert line(task, 60).endswith(f"  {pace(task)}")
    assert len(line(task, 60)) == 60


def test_the_outermost_of_counted_work_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    with listening(lambda *words: told.append(words)):
        assert [(i, j) for i in counted("outer", "ab") for j in counted("inner", "xy")] == [*product("ab", "xy")]
        assert [*counted("one", "a")] == ["a"]
        with pytest.raises(KeyError):
            for _ in counted("failing", "abc"):
                raise KeyError
        assert [*counted("after", "ab")] == ["a", "b"]
    assert told == [
        ("outer", 0, 2),
        ("outer", 1, 2),
        ("outer", 2, 2),
        ("failing", 0, 3),
        ("after", 0, 2),
        ("after", 1, 2),
        ("after", 2, 2),
    ]
    assert [*counted("unheard", "ab")] == ["a", "b"]


def test_compiling_tells_of_its_layers(fixtures: Path) -> None:
    graph = mnc.load(fixtures / "pico.keras2.h5")
    samples = np.random.default_rng(0).random((8, 96, 96, 1), np.float32)
    told: dict[str, list[tuple[int, int]]] = {}
    with listening(lambda what, done, total: told.setdefault(what, []).append((done, total))):
        heard = mnc.compile(graph, name="n", quantize="int8", calibration=samples, allow_loss=True)
    assert told.keys() >= {"choosing ranges", "fitting weights", "running the reference"}
    assert all(done <= total for each in told.values() for done, total in each)
    unheard = mnc.compile(graph, name="n", quantize="int8", calibration=samples, allow_loss=True)
    assert heard.files == unheard.files
