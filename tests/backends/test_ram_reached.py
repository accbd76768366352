"""RAM of well-known networks, by the report and by the C compiler, and what rows in turns cost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from generated_c import STRICT, checked_run, write

import mnc
from mnc.backends.storage import Storage
from mnc.bench import bench
from mnc.program import Memory

LEAST, OWNED = {"memory": "least"}, {"memory": "least", "input": "owned"}
FED = {"memory": "least", "feed": "rows"}
REACHED: list[tuple[str, Mapping[str, Any], int]] = [
    ("mlperf_tiny/vww_96_int8.tflite", OWNED, 28_160),
    ("mlperf_tiny/vww_96_int8.tflite", FED, 15_360),
    ("mlperf_tiny/pretrainedResnet_quant.tflite", OWNED, 16_128),
    ("mlperf_tiny/pretrainedResnet_quant.tflite", FED, 13_312),
    ("mlperf_tiny/kws_ref_model.tflite", OWNED, 6_144),
    ("micromobilenet/pico.keras3.h5", FED, 5_400),
    ("micromobilenet/nano.keras3.h5", FED, 8_500),
    ("micromobilenet/base.keras3.h5", FED, 22_500),
    ("micromobilenet/pico.keras3.h5", LEAST, 4_224),
]
"""Model, choices, and bytes of RAM at most, which the input is part of where it is owned or fed."""


@pytest.mark.parametrize(("model", "way", "most"), REACHED)
def test_the_ram_that_is_reached(
    model: str, way: Mapping[str, Any], most: int, models: Path, gcc: str, tmp_path: Path
) -> None:
    """The generated file does not compile where `sizeof` is another than NET_RAM_SIZE."""
    build = mnc.compile(mnc.load(models / model), name="net", **way)
    (stated,) = re.findall(r"^#define NET_RAM_SIZE (\d+)$", build.files["net.h"], re.MULTILINE)
    assert int(stated) == build.report.ram.total <= most
    write(build.files, tmp_path)
    assert "[((long)sizeof(net_t) == NET_RAM_SIZE) ? 1 : -1]" in build.files["net.c"]
    checked_run([gcc, *STRICT, "-fsyntax-only", "net.c"], tmp_path)


MOST: Mapping[Memory, float] = {"balanced": 1.05, "least": 1.12}
"""Instructions of a run, as a part of those of `fast`."""


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
@pytest.mark.parametrize("model", ["mlperf_tiny/pretrainedResnet_quant.tflite", "micromobilenet/pico.int8.tflite"])
def test_rows_in_turns_cost_few_instructions(model: str, models: Path) -> None:
    graph = mnc.load(models / model)

    def instructions(memory: Memory) -> int:
        return bench(graph, "net", target="cortex-m4", storage=Storage(memory)).instructions

    fast = instructions("fast")
    assert {memory: most for memory, most in MOST.items() if instructions(memory) > most * fast} == {}
