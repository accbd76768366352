"""Instructions that a process of the host executes, counted by valgrind's callgrind."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from mnc.targets import process
from mnc.targets.image import place
from mnc.targets.target import Tool

VALGRIND = Tool("valgrind", "valgrind")
SECONDS = 3600.0

# Two functions whose names begin alike confuse callgrind's options: it then counts nothing.
ARGUMENTS = (
    "--tool=callgrind",
    "--collect-atstart=no",
    "--toggle-collect=mnc_inference",
    "--dump-before=layer_done",
    "--dump-after=mnc_inference",
    "--callgrind-out-file=counts",
    "./image",
)


def count(image: bytes, inputs: bytes) -> tuple[tuple[int, ...], ...]:
    """For each sample, the instructions up to each call of `layer_done` and from the last one to the end of the run.

    An image without trace has one count for each sample.
    """
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        place(folder, image, inputs)
        process.run(VALGRIND, ARGUMENTS, folder, where="target host under valgrind", seconds=SECONDS)
        dumps = sorted(folder.glob("counts.*"), key=lambda path: int(path.suffix[1:]))
        runs: list[tuple[int, ...]] = []
        parts: list[int] = []
        for dump in dumps:
            text = dump.read_text(encoding="utf-8")
            parts.append(sum(int(total) for total in re.findall(r"^totals: (\d+)", text, re.MULTILINE)))
            if "Trigger: --dump-after=mnc_inference" in text:
                runs.append(tuple(parts))
                parts = []
    return tuple(runs[1:])  # the first run measures the stack
