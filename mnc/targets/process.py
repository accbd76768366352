"""The one place where targets start programs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mnc.errors import refuse
from mnc.targets.target import Tool

MAX_LINES = 20
"""Of a failed program's own words, how many an error shows."""


def installed(tool: Tool) -> bool:
    """Whether there is such a program."""
    return shutil.which(tool.program) is not None


def find(tool: Tool) -> str:
    """The program's path.  `CompileError` in one line where it is not installed."""
    found = shutil.which(tool.program)
    if found is None:
        where = f"Debian has it in the package {tool.package}" if tool.package else "no package of Debian's has it"
        raise refuse("", f"{tool.program} is not installed; {where}")
    return found


def run(tool: Tool, arguments: Sequence[str], folder: Path, *, where: str, seconds: float) -> str:
    """Run a program in `folder` and return its standard output, then its standard error.

    `CompileError` where it fails, with the start of what it printed, or takes
    longer than `seconds`.
    """
    return _run([find(tool), *arguments], tool.program, folder, where, seconds)


def run_file(program: Path, folder: Path, *, where: str, seconds: float) -> str:
    """As `run`, of a program that we made ourselves."""
    return _run([str(program)], "the program", folder, where, seconds)


def _run(command: Sequence[str], name: str, folder: Path, where: str, seconds: float) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LD_BIND_NOW": "1"},  # bound at once, library functions cost every run the same
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise refuse(where, f"{name} did not finish within {seconds:g} s") from None
    except OSError as fault:
        raise refuse(where, f"{name} does not start: {fault.strerror}") from None
    printed = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != 0:
        shown = "".join(f"\n{line}" for line in printed.strip().splitlines()[:MAX_LINES])
        raise refuse(where, f"{name} {_ending(done.returncode)}{':' if shown else ''}{shown}")
    return printed


def _ending(status: int) -> str:
    if status > 0:
        return f"failed with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
