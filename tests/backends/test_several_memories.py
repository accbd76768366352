"""Buffers and states in memories of their own: the bits of one memory, in C and in the C++ class."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import WARNINGS, Tool, checked_run, write
from hypothesis import given
from quantised_networks import ANY, quantised_networks
from same_bits import BATCH
from stateful import stateful
from test_push import causal, keyword, pushed, quantised, recurrent, rng
from test_states import SEEDS, frames, register

import mnc
from mnc.backends.storage import Storage
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.types import DType
from mnc.samples import random_inputs
from mnc.verify import verify

NEEDS_EMULATOR = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
FEEDS: list[Mapping[str, Any]] = [{}, {"input": "owned"}, {"feed": "rows"}, {"feed": "frames"}]


def halves(graph: Graph, **options: Any) -> Mapping[str, int]:
    """A fast memory for half of what the network takes, and one for all of it."""
    total = mnc.compile(graph, name="net", **options).report.ram.total
    return {"tcm": max(total // 2, 8), "state": 2 * total + 64}


@pytest.mark.parametrize(
    ("make", "scheme"),
    [*product([keyword, causal], [None, "int8", "int16x8"]), (recurrent, None)],
)
def test_frames_give_the_bits_of_one_memory(
    make: Callable[[], Graph], scheme: str | None, gcc: str, tmp_path: Path
) -> None:
    """Guard zones stay, garbage in all arenas changes nothing, and states are split between the memories."""
    graph = quantised(make(), scheme)
    x = rng.normal(size=(60, *graph.inputs[0].type.shape[1:])).astype(np.float32)
    given = graph.inputs[0].type
    x = x if given.quant is None else given.stored(x)
    one = mnc.compile(graph, name="net", feed="frames")
    state = one.report.ram.state
    spread = mnc.compile(graph, name="net", feed="frames", region={"tcm": state * 2 // 3, "sram": 20_000})
    assert [region.state > 0 for region in spread.emission.plan.regions] == [True, True]
    assert sum(region.state for region in spread.emission.plan.regions) == state
    for name in ("one", "spread"):
        (tmp_path / name).mkdir()
    expected = pushed(one, x, tmp_path / "one", gcc, 31)
    got = pushed(spread, x, tmp_path / "spread", gcc, 31)
    for which in "ab":
        np.testing.assert_array_equal(got[which], expected[which])
        assert len(got[which]) > 4


@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.INT8, DType.INT16], ids=lambda dtype: dtype.value)
@pytest.mark.parametrize("backend", ["c", "cpp"])
@pytest.mark.parametrize("sizes", [(12, 4096), (64, 4096), (4096,)], ids=str)
def test_first_values_are_written_to_each_memory(sizes: tuple[int, ...], backend: str, dtype: DType, cc: str) -> None:
    graph = register(dtype, frames(register(dtype), 3, seed=5))
    regions = {f"r{i}": size for i, size in enumerate(sizes)}
    x = frames(graph, 9)
    got = mnc.compile(graph, backend, "Net", region=regions).predict(x)
    np.testing.assert_array_equal(got, mnc.compile(graph, backend, "Net").predict(x))


@BATCH
@given(drawn=quantised_networks(mixed=True, dtypes=ANY, max_layers=5), seed=SEEDS)
def test_random_networks_with_states_of_several_types(
    drawn: Graph, seed: int, cc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = stateful(drawn, seed)
    x = random_inputs(graph)
    for backend in ("c", "cpp"):
        one = mnc.compile(graph, backend, "Net")
        spread = mnc.compile(graph, backend, "Net", region=halves(graph))
        for got, want in zip(outputs(spread, x), outputs(one, x), strict=True):
            np.testing.assert_array_equal(got, want)


def outputs(build: Build, x: Any) -> list[Any]:
    found = build.predict(x if len(x) > 1 else x[0])
    return found if isinstance(found, list) else [found]


MAIN = """
#include "Net.h"
#include <cstring>
NET_REGION_TCM static Net::tcm_region first;
NET_REGION_STATE static Net::state_region second;
static Net net;

int main()
{
    std::memset(static_cast<void *>(&first), 0xA5, sizeof first);
    std::memset(static_cast<void *>(&second), 0xA5, sizeof second);
    net.begin(first, second);
    return 0;
}
"""


@pytest.mark.parametrize("options", FEEDS, ids=str)
def test_the_class_lays_its_memories_where_a_section_says(
    options: Mapping[str, Any], gcc: str, tool: Tool, tmp_path: Path
) -> None:
    """The object itself needs no constructor to run before main, and its regions lie in sections of their own."""
    graph = keyword()
    build = mnc.compile(graph, "cpp", "Net", region=halves(graph, **options), **options)
    assert build.emission.plan.region_names == ("tcm", "state")
    write(build.files, tmp_path)
    (tmp_path / "main.cpp").write_text(MAIN)
    places = [f'-DNET_REGION_{name}=__attribute__((section(".{name.lower()}")))' for name in ("TCM", "STATE")]
    checked_run([tool("g++"), "-std=c++11", "-O1", *WARNINGS, *places, "main.cpp", "-o", "main"], tmp_path)
    checked_run(["./main"], tmp_path)
    sections = checked_run(["objdump", "-h", "main"], tmp_path)
    sizes = {
        name: int(size, 16) for _, name, size, *_ in (line.split() for line in sections.splitlines() if " 2**" in line)
    }
    for region in build.emission.plan.regions:
        assert region.bytes <= sizes[f".{region.name}"] < region.bytes + 64
    checked_run([tool("g++"), "-std=c++11", "-O1", *places, "-c", "main.cpp"], tmp_path)
    assert "init_array" not in checked_run(["objdump", "-h", "main.o"], tmp_path)


@NEEDS_EMULATOR
@pytest.mark.parametrize("backend", ["c", "cpp"])
@pytest.mark.parametrize(
    ("model", "storage"),
    [
        ("real/ww_v2_hey_jarvis.tflite", {}),
        ("public_ops/lstm_last.k3.h5", {}),
        ("public_ops/lstm_last.k3.h5", {"feed": "frames"}),
        ("micromobilenet/pico.int8.tflite", {"feed": "rows"}),
    ],
)
def test_each_layer_in_an_emulator(model: str, storage: dict[str, Any], backend: str, models: Path) -> None:
    graph = mnc.load(models / model)
    regions = halves(graph, **storage)
    assert verify(graph, backend, target="cortex-m4", storage=Storage(regions=tuple(regions.items()), **storage)).passed


def test_states_that_fit_nowhere_are_refused_by_name() -> None:
    graph = register()
    with pytest.raises(CompileError, match="states take 76, the largest are 'history' 64, 'largest' 12 bytes"):
        mnc.compile(graph, region={"tcm": 60})


def test_states_of_several_memories_lie_behind_the_arena_of_each() -> None:
    build = mnc.compile(register(), name="net", region={"tcm": 24, "sram": 4096})
    drawn = build.plan
    states = {box.name: drawn.part(box) for box in drawn.boxes if box.kind == "state"}
    assert {name: part.name for name, part in states.items() if part is not None} == {
        "history": "sram",
        "largest": "tcm",
    }
    live = [box for box in drawn.boxes if box.kind != "state"]
    for state in (box for box in drawn.boxes if box.kind == "state"):
        inside = [box for box in live if drawn.part(box) == drawn.part(state)]
        assert all(box.end <= state.offset for box in inside)
