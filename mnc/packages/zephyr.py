"""A Zephyr module: `zephyr/module.yml` names the folder's CMakeLists.txt and Kconfig; a sample shows its use.

Layout: "Modules" and "Samples" in the Zephyr Project's documentation.  An
application finds the module through `ZEPHYR_EXTRA_MODULES` or its west manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.example import AUTHOR, Example, example, sources, summary
from mnc.packages.papers import papers
from mnc.targets import cmsis_nn

CMSIS_NN = {
    "CONVOLUTION": r"convolve|depthwise|transpose_conv",
    "FULLYCONNECTED": r"fully_connected|batch_matmul",
    "POOLING": r"pool",
    "SOFTMAX": r"softmax",
    "BASICMATH": r"elementwise|maximum|minimum",
    "CONCATENATION": r"concatenation",
    "LSTM": r"lstm",
    "SVD": r"svdf",
}
"""Zephyr's options for parts of CMSIS-NN (`modules/cmsis-nn/Kconfig` there), by the functions in them."""


def zephyr(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The module; `CONFIG_MNC_<NAME>=y` brings the network in."""
    name, shown = build.name, example(build, sample)
    folder = f"samples/{name}"
    return {
        "zephyr/module.yml": _module(name),
        "zephyr/CMakeLists.txt": _build(build, shown),
        "zephyr/Kconfig": _options(build, shown),
        **papers(build, shown, author, "Name the folder in `ZEPHYR_EXTRA_MODULES`."),
        **sources(build),
        f"{folder}/CMakeLists.txt": _application(name, shown),
        f"{folder}/prj.conf": f"CONFIG_MNC_{name.upper()}=y\n" + ("CONFIG_CPP=y\n" if shown.language == "cpp" else ""),
        f"{folder}/sample.yaml": _sample_list(name, shown),
        f"{folder}/src/main.{shown.language}": shown.program(),
        f"{folder}/src/{shown.sample_header}": shown.sample,
    }


def _module(name: str) -> str:
    return f"name: {name}\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\nsamples:\n  - samples\n"


def _build(build: Build, shown: Example) -> str:
    lines = [f"if(CONFIG_MNC_{build.name.upper()})", "  zephyr_include_directories(${CMAKE_CURRENT_LIST_DIR}/../src)"]
    if shown.language == "c":
        lines += [f"  zephyr_library_named(mnc_{build.name})"]
        lines += [
            f"  zephyr_library_sources(${{CMAKE_CURRENT_LIST_DIR}}/../{path})"
            for path in sources(build)
            if path.endswith(".c")
        ]
    return "\n".join([*lines, "endif()", ""])


def _options(build: Build, shown: Example) -> str:
    lines = [f"config MNC_{build.name.upper()}", f'\tbool "Neural network {build.name}"']
    if shown.language == "cpp":
        lines += ["\tdepends on CPP"]
    if any("<math.h>" in text for text in build.files.values()):
        lines += ["\tselect REQUIRES_FULL_LIBC"]
    if cmsis_nn.needed(build.files):
        called = " ".join(sorted(cmsis_nn.calls(build.files)))
        parts = ["NNSUPPORT", *(part for part, functions in CMSIS_NN.items() if re.search(functions, called))]
        lines += ["\tdepends on CPU_CORTEX_M", "\tselect CMSIS_NN", *(f"\tselect CMSIS_NN_{part}" for part in parts)]
    return "\n".join([*lines, "\thelp", f"\t  {summary(build)}.", ""])


def _application(name: str, shown: Example) -> str:
    return f"""\
cmake_minimum_required(VERSION 3.20.0)
list(APPEND ZEPHYR_EXTRA_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_sample)

target_sources(app PRIVATE src/main.{shown.language})
"""


def _sample_list(name: str, shown: Example) -> str:
    return f"""\
sample:
  name: {name}
tests:
  sample.mnc.{name}:
    tags: {shown.language}
    harness: console
    harness_config:
      type: one_line
      regex:
        - "label \\\\d+, the reference says \\\\d+; 0 outputs differ"
"""
