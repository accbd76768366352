"""The backends and targets of this installation, as rows of text."""

from __future__ import annotations

from mnc import backends, targets
from mnc.errors import CompileError
from mnc.targets import Target


def backend_rows() -> list[tuple[str, str, str]]:
    """Every backend: its name, its origin, and its output, or why it does not work."""
    return [(entry.name, entry.distribution, _description(entry)) for entry in backends.installed().values()]


def option_rows() -> list[tuple[str, str, str]]:
    """Every option that `-X` sets: its backend, name and effect; a backend that does not work has none."""
    rows: list[tuple[str, str, str]] = []
    for entry in backends.installed().values():
        try:
            options = entry.load().options
        except CompileError:
            continue
        rows.extend((entry.name, f"-X {key}=...", what) for key, what in sorted(options.items()))
    return rows


def _description(entry: backends.Entry) -> str:
    try:
        return entry.load().description
    except CompileError as fault:
        return fault.problems[0].what


def target_rows() -> list[tuple[str, str, str]]:
    """Every target: its name, its description, and the machine that runs code for it."""
    return [(each.name, each.title, _runner(each)) for each in map(targets.get, targets.names())]


def _runner(target: Target) -> str:
    board = target.board
    return "nothing: linked for its size" if board.stays else board.emulator.program if board.emulator else "itself"
