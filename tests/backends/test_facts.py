"""Memory and stack in generated headers: the C compiler's `sizeof`, the code's own arrays, the emulator."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from generated_c import STRICT, checked_run, write
from test_push import keyword
from test_states import register

import mnc
from mnc.cli import run
from mnc.compiler import Build
from mnc.ir.types import DType

WAYS: list[Mapping[str, Any]] = [{}, {"input": "owned"}, {"region": {"fast": 64, "slow": 65536}}, {"feed": "frames"}]


def said(build: Build) -> int:
    """The bytes of RAM in the header's prose."""
    (figure,) = re.findall(r"([\d,]+) bytes of RAM besides", build.files[f"{build.name}.h"])
    return int(figure.replace(",", ""))


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.INT8, DType.INT16], ids=lambda dtype: dtype.value)
def test_prose_macro_and_sizeof_agree(way: Mapping[str, Any], dtype: DType, gcc: str, tmp_path: Path) -> None:
    """States count; with regions `sizeof` is of all their structs, and of the counters beside the pointers."""
    graph = keyword() if "feed" in way else register(dtype)
    build = mnc.compile(graph, name="net", **way)
    (macro,) = re.findall(r"^#define NET_RAM_SIZE (\d+)$", build.files["net.h"], re.MULTILINE)
    assert said(build) == int(macro) == build.report.ram.total > build.report.ram.arena
    assert said(mnc.compile(graph, "cpp", "Net", **way)) == build.report.ram.total
    write(build.files, tmp_path)
    checked_run([gcc, *STRICT, "-fsyntax-only", "net.c"], tmp_path)
    parts = re.findall(r"^} (net_\w+_t);$", build.files["net.h"], re.MULTILINE)
    sizes = " + ".join(f"sizeof({part})" for part in parts or ["net_t"])
    assert bool(parts) == ("region" in way)
    (tmp_path / "size.c").write_text(f'#include "net.h"\nextern char held[{sizes} == NET_RAM_SIZE ? 1 : -1];\n')
    checked_run([gcc, *STRICT, "-fsyntax-only", "size.c"], tmp_path)


def local_arrays(build: Build) -> Mapping[int, int]:
    """By the number of a layer's function, the bytes of its array `scratch`, as the code declares it."""
    found = {}
    for number, body in re.findall(r"^MNC_LAYER void net_(\d\d)_\w+\((.*?)^}", build.files["net.c"], re.M | re.S):
        for width, count in re.findall(r"^    (?:u?int(\d+)_t|float) scratch\[(\d+)\];", body, re.MULTILINE):
            found[int(number)] = int(width or 32) // 8 * int(count)
    return found


KEYWORDS = "mlperf_tiny/kws_ref_model.tflite"


def test_local_arrays_are_counted(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = models / KEYWORDS
    build = mnc.compile(mnc.load(model), name="net", memory="least")
    held = local_arrays(build)
    assert held
    assert [each.bytes for each in build.report.on_stack] == list(held.values())
    largest = max(held, key=lambda number: held[number])
    shown = " ".join(build.files["net.h"].split())
    assert f"Local arrays take up to {held[largest]:,} bytes of it, in the function of layer {largest:02d}" in shown
    assert run(["compile", str(model), "--memory", "least", "-o", str(tmp_path / "out")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"stack {held[largest]:,} B at least" in printed and "not measured: no target is named" in printed


def test_nothing_is_said_of_arrays_that_are_not_there() -> None:
    build = mnc.compile(register(), name="net")
    assert build.report.on_stack == ()
    assert "Local arrays" not in build.files["net.h"]


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_a_measured_stack_stands_in_the_header(backend: str, models: Path) -> None:
    graph = mnc.load(models / KEYWORDS)
    build = mnc.compile(graph, backend, "Net", "cortex-m4", memory="least", measure=True)
    assert build.report.stack is not None
    assert build.report.stack >= max(each.bytes for each in build.report.on_stack)
    assert f"- Stack: {build.report.stack:,} bytes in a run on cortex-m4;" in build.files["Net.h"]
