"""Generated code as the libraries of other build systems: `mnc compile --package`.

Each module holds one function from a `Build` and a sample to files, by their
paths.  The code itself lies in `src/`, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.arduino import arduino
from mnc.packages.cmake import cmake
from mnc.packages.example import first_sample
from mnc.packages.marked import marked
from mnc.packages.platformio import platformio
from mnc.packages.zephyr import zephyr

__all__ = ["PACKAGES", "Package", "first_sample", "marked"]


Package = Callable[[Build, Sequence[Array]], Mapping[str, str]]
"""From a build and a sample, one array for each input in the input's own shape, to texts by their paths."""

PACKAGES: Mapping[str, Package] = {"arduino": arduino, "cmake": cmake, "platformio": platformio, "zephyr": zephyr}
