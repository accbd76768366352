"""The one place where targets start programs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mnc.errors import refuse
from mnc.targets.target import Tool

MAX_LINES = 20
"""Of a failed program's own words, how many an error shows."""


def find(tool: Tool) -> str:
    """The program's path.  `CompileError` in one line where it is not installed."""
    found = shutil.which(tool.program)
    if found is None:
        raise refuse("", f"{tool.program} is not installed; Debian has it in the package {tool.package}")
    return found


def run(tool: Tool, arguments: Sequence[str], folder: Path, *, where: str, seconds: float) -> str:
    """What the program prints on standard output, run in `folder`.

    `CompileError` where it fails, with the end of what it printed, or takes
    longer than `seconds`.
    """
    command = [find(tool), *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise refuse(where, f"{tool.program} did not finish within {seconds:g} s") from None
    if done.returncode != 0:
        words = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        shown = "\n".join(words[:MAX_LINES])
        raise refuse(where, f"{tool.program} failed with status {done.returncode}" + (f":\n{shown}" if shown else ""))
    return done.stdout.decode(errors="replace")
