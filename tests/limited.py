"""mnc in a process of its own, under the limits that files from anywhere must end within."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SECONDS, BYTES = 10, 2**30


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    said: str


def limited(*arguments: str | Path, folder: Path | None = None, memory: int = BYTES) -> Ended:
    """`mnc` with these arguments; a limit that is reached ends it with a signal, or as an error of its own."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run(
        [sys.executable, "-m", "mnc", *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=folder,
        preexec_fn=limit,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread reserves memory, which counts
    )
    return Ended(done.returncode, (done.stdout + done.stderr).decode())
