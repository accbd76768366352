"""The stand-in for CMSIS-NN: generated code is built with it where the library itself is not here.

It checks every argument of every call, ends the program where one is wrong,
and computes the result in plain loops.  `core(...)` chooses which of the
library's three forms it asks scratch and constants for.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "cmsis_nn"
HEADER = "arm_nnfunctions.h"
STAND_IN = {
    file.name: file.read_text(encoding="ascii") for file in sorted([FOLDER / HEADER, *FOLDER.glob("stand_in*")])
}
"""Its files, by their names."""

CORES = {"plain": 0, "dsp": 1, "mve": 2}
"""The forms that CMSIS-NN is compiled in, and their numbers in `stand_in.h`."""


def core(name: str) -> str:
    """The compiler's flag for one of `CORES`."""
    return f"-DSTAND_IN_CORE={CORES[name]}"
