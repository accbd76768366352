"""MISRA C:2012 as cppcheck's addon knows it: docs/misra.md has every rule that generated code deviates from."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import Tool
from networks import chain

import mnc
from mnc.backends import library
from mnc.ir.graph import Graph
from mnc.ir.layers import GRU, Conv2D, Dense, Reshape
from mnc.ir.types import Constant

NETWORKS = {"float32": "pico.keras3.h5", "int8": "pico.int8.tflite"}


OPTIONS = (
    *("--addon=misra", "--std=c89", "--enable=style", "--platform=unix32"),
    *("--max-configs=1", "-D__STDC__", "-q"),
)
BY_MISTAKE = {"8.7", "20.9", "20.10"}
"""Rules that are kept where the addon finds that they are not."""


def deviations(command: list[str], folder: Path) -> Counter[str]:
    """The places that the addon reports, by rule."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = Counter(re.findall(r"\[misra-c2012-(\d+\.\d+)\]", done.stderr))
    assert found, "the addon did not run"
    return found


def stated(root: Path) -> dict[str, dict[str, int]]:
    """The counts of the page, by element type and rule."""
    page = (root / "docs" / "misra.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+\.\d+) \| \w+ \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert rows
    return {dtype: {row[0]: int(row[i]) for row in rows} for i, dtype in enumerate(NETWORKS, 1)}


@pytest.mark.parametrize("dtype", NETWORKS)
def test_the_page_has_every_deviation(dtype: str, fixtures: Path, root: Path, tool: Tool, tmp_path: Path) -> None:
    mnc.compile(mnc.load(fixtures / NETWORKS[dtype]), name="net").write(tmp_path)
    found = deviations([tool("cppcheck"), *OPTIONS, "net.c"], tmp_path)
    page = stated(root)[dtype]
    beyond = {rule: count for rule, count in found.items() if count > page.get(rule, 0)}
    assert beyond == {}
    assert {rule for rule, count in page.items() if count} == found.keys(), "a rule that is kept now can leave the page"


def test_no_kernel_deviates_from_another_rule(root: Path, tool: Tool, tmp_path: Path) -> None:
    """Two texts at a time: half of the time goes into what cppcheck knows besides."""
    page = {rule for counts in stated(root).values() for rule in counts}
    assert len(page - BY_MISTAKE) <= 6
    kernels = Path(library.__file__).parent / "kernels"
    texts = [each.read_text("utf-8") for each in sorted(kernels.glob("*.c")) if each.stem != "weights"]
    for i in range(2):
        (tmp_path / f"part{i}.c").write_text("\n".join(texts[i::2]))
    macros = (
        "-DMNC_KERNEL=static",
        "-DMNC_UNROLL=",
        "-DMNC_READ_TICKS(now)=((now)=0U)",
        "-DMNC_FMA(x,y,z)=(((x)*(y))+(z))",
    )
    command = [tool("cppcheck"), *OPTIONS, *macros, "-j2", "part0.c", "part1.c"]
    assert deviations(command, tmp_path).keys() <= page


def _sequence() -> Graph:
    """Windows of three numbers a frame, and a recurrent layer."""
    random = np.random.default_rng(3)

    def numbers(*shape: int) -> Constant:
        return Constant(random.normal(size=shape).astype(np.float32))

    return chain(
        (8, 1, 3),
        wide=Conv2D(numbers(4, 1, 3, 5), numbers(5), padding=((3, 0), (0, 0))),
        along=Reshape((8, 5)),
        kept=GRU(numbers(5, 12), numbers(4, 12), numbers(2, 12), return_sequences=True),
        scores=Dense(numbers(4, 3)),
    )


def _units(fixtures: Path) -> dict[str, Mapping[str, str]]:
    """Code with what options add to a run; short names, as C89 tells names apart by 31 characters (5.2)."""
    real, whole = mnc.load(fixtures / NETWORKS["float32"]), mnc.load(fixtures / NETWORKS["int8"])
    tested = {"profile": "1", "selftest": "1"}
    limits: dict[str, Any] = {"max_ram": 100_000, "max_flash": 1_000_000, "max_macs": 10_000_000}
    rows = mnc.compile(real, name="a", feed="rows", settings=tested, **limits)
    slices = mnc.compile(whole, name="b", settings={**tested, "step": "2000", "top": "1"}, input="owned", **limits)
    parts = mnc.compile(real, name="c", settings={"step": "300"}, region={"tcm": 4096, "sram": 65536})
    frames = mnc.compile(_sequence(), name="d", feed="frames", hop=2, settings={**tested, "step": "60"})
    both = {"r": mnc.compile(real, name="r", feed="rows"), "s": mnc.compile(whole, name="s")}
    made = {build.report.name: build.files for build in (rows, slices, parts, frames)}
    return {**made, "e": mnc.link(both, "e").files}


def test_options_deviate_from_no_further_rule(fixtures: Path, root: Path, tool: Tool, tmp_path: Path) -> None:
    """But for the union (19.2) through which networks that do not run at the same time share an arena."""
    page = {rule for counts in stated(root).values() for rule in counts}
    units = _units(fixtures)
    for name, text in (pair for files in units.values() for pair in files.items()):
        (tmp_path / name).write_text(text, "utf-8")
    command = [tool("cppcheck"), *OPTIONS, "-DMNC_READ_TICKS(now)=((now)=0U)"]
    with ThreadPoolExecutor(2) as pool:  # each alone, as kernels are static functions of every unit
        found = pool.map(lambda name: deviations([*command, f"{name}.c"], tmp_path), units)
    beyond = {name: counts.keys() - page for name, counts in zip(units, found, strict=True)}
    assert {name: rules for name, rules in beyond.items() if rules} == {"e": {"19.2"}}


CALLER = """
#include "net.h"
static net_t net;
static int8_t x[NET_INPUT_SIZE], y[NET_OUTPUT_SIZE];
int main(void)
{
    net_init(&net);
    net_run(&net, x, y);
    return y[0];
}
"""


def test_a_network_of_integers_links_no_arithmetic_of_floats(fixtures: Path, tool: Tool, tmp_path: Path) -> None:
    """On a core without an FPU each operation of a float is a function of the compiler's library."""
    gcc, nm = tool("arm-none-eabi-gcc"), tool("arm-none-eabi-nm")
    linked = {}
    for dtype, name in NETWORKS.items():
        mnc.compile(mnc.load(fixtures / name), name="net").write(tmp_path)
        (tmp_path / "main.c").write_text(CALLER if dtype == "int8" else CALLER.replace("int8_t", "float"))
        flags = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffunction-sections", "-w", "--specs=nosys.specs"]
        command = [gcc, *flags, "-Wl,--gc-sections", "net.c", "main.c", "-lm", "-o", "image"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        symbols = subprocess.run([nm, "image"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        linked[dtype] = set(re.findall(r"__aeabi_(?:[fd]|u?[il]2[fd])\w*", symbols))
    assert "__aeabi_fmul" in linked["float32"]
    assert linked["int8"] == set()
