"""Generated code as the libraries of other build systems: `mnc compile --package`.

Each module holds one function from a `Build` and a sample to files, by their
paths.  The code itself lies in `src/`, unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.archive import archived
from mnc.packages.arduino import arduino
from mnc.packages.cmake import cmake
from mnc.packages.cmsis_pack import cmsis_pack
from mnc.packages.conan import conan
from mnc.packages.esp_idf import esp_idf
from mnc.packages.example import AUTHOR, first_sample
from mnc.packages.marked import marked
from mnc.packages.micropython import micropython
from mnc.packages.platformio import platformio
from mnc.packages.zephyr import zephyr

__all__ = ["PACKAGES", "Package", "archived", "first_sample", "marked"]


class Package(Protocol):
    """From a build, a sample, and the author for manifests to texts by their paths.

    The sample has one array for each input, in the input's own shape; an author may have
    a mail address in angle brackets.
    """

    def __call__(self, build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]: ...


PACKAGES: Mapping[str, Package] = {
    "arduino": arduino,
    "cmake": cmake,
    "cmsis-pack": cmsis_pack,
    "conan": conan,
    "esp-idf": esp_idf,
    "micropython": micropython,
    "platformio": platformio,
    "zephyr": zephyr,
}
