"""Costs on real instruction sets, and the page that is made of them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mnc.bench import Cost, bench, to_json
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Dense, Softmax
from mnc.ir.types import Constant, TensorType

WEIGHTS = np.random.default_rng(3).standard_normal((20, 5)).astype(np.float32)
NETWORK = Graph(
    "small",
    (Input("x", TensorType((20,))),),
    (
        Node(("scores",), Dense(weights=Constant(WEIGHTS), bias=Constant(np.zeros(5, np.float32))), ("x",)),
        Node(("probabilities",), Softmax(), ("scores",)),
    ),
    ("probabilities",),
)


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_a_network_costs_what_its_arithmetic_takes(backend: str) -> None:
    needs("arm-none-eabi-gcc", "arm-none-eabi-g++", "qemu-system-arm")
    cost = bench(NETWORK, "Small", backend, "cortex-m4", layers=True)
    assert (cost.model, cost.backend, cost.target, cost.dtype) == ("Small", backend, "cortex-m4", "float32")
    assert cost.macs == 100
    assert 200 < cost.instructions < 3000
    assert cost.instructions_per_mac == cost.instructions / 100
    assert 420 <= cost.constants < 1500  # 105 weights, and the exponential function's table
    assert cost.flash == cost.code + cost.constants
    assert "arm-none-eabi-gcc" in cost.compiler
    assert cost.compiler.endswith("-O2")
    assert [(layer.op, layer.macs) for layer in cost.layers] == [("dense", 100), ("softmax", 0)]
    assert abs(sum(layer.instructions for layer in cost.layers) - cost.instructions) < 100
    assert bench(NETWORK, "Small", backend, "cortex-m4", layers=True) == cost


def test_costs_as_json() -> None:
    cost = Cost("m", "c", "host", "cc 1 -O2", "float32", 4, 10, 100, 50, 16, 8)
    (row,) = json.loads(to_json([cost]))["costs"]
    assert row["instructions"] == 10
    assert row["flash"] == 150
    assert row["instructions_per_mac"] == 2.5
    assert row["layers"] == []
    assert json.loads(to_json([]))["costs"] == []


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(CompileError, match="unknown target 'abacus'"):
        bench(NETWORK, "small", "c", "abacus")


@pytest.fixture
def results(root: Path) -> ModuleType:
    """The script that writes the page of results."""
    file = root / "bench" / "results.py"
    if not file.exists():
        pytest.skip("only the repository has bench/, not the installed package")
    spec = importlib.util.spec_from_file_location("results", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["results"] = module
    spec.loader.exec_module(module)
    return module


def test_a_page_of_results(results: ModuleType, root: Path) -> None:
    costs = [
        Cost("pico", "c", "cortex-m4", "arm-gcc 12 -O2", "float32", 100, 250, 1000, 400, 1234, 56),
        Cost("pico", "c", "cortex-m3", "arm-gcc 12 -O2", "float32", 0, 250, 1000, 400, 1234, 56),
    ]
    peers = results.read_peers(root / "bench" / "peers.csv")
    lines = results.page(costs, peers).splitlines()
    assert "## cortex-m4: Cortex-M4F" in lines
    assert "| pico | float32 | c | 100 | 250 | 2.50 | 1,000 | 400 | 1,234 | 56 | 218,400 (onnx2c) |" in lines
    assert "| pico | float32 | c | 0 | 250 |  | 1,000 | 400 | 1,234 | 56 |" in lines


def test_one_target_is_measured_anew_and_the_others_stay(results: ModuleType, root: Path) -> None:
    before = (root / "bench" / "results.md").read_text(encoding="utf-8")
    assert results.page([], {}, before) == before
    cost = Cost("pico", "c", "cortex-m3", "arm-gcc 12 -O2", "float32", 100, 250, 1000, 400, 1234, 56)
    after = results.page([cost], {}, before)
    assert "| pico | float32 | c | 100 | 250 | 2.50 | 1,000 | 400 | 1,234 | 56 |" in after.splitlines()
    sections = [dict(part.partition(":")[::2] for part in page.split("\n## ")) for page in (before, after)]
    assert [name for name in sections[0] if sections[0][name] != sections[1][name]] == ["cortex-m3"]
    assert list(sections[0]) == list(sections[1])


def test_int8_models_are_measured_with_cmsis_nn_where_it_is(
    results: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backends(model: str) -> set[str]:
        return {job.backend for job in results.jobs(Path("models"), ("host", "cortex-m4")) if job.model == model}

    monkeypatch.setenv("CMSIS_NN_PATH", "library")
    assert backends("pico") == {"c", "cpp"}
    assert backends("pico_int8") == {"c", "cpp", "cmsis-nn"}
    monkeypatch.delenv("CMSIS_NN_PATH")
    assert backends("pico_int8") == {"c", "cpp"}


def test_the_table_says_where_the_library_is_not_used() -> None:
    from mnc.terminal.bench_table import measured
    from mnc.terminal.tables import Paper

    without = Cost("m", "cmsis-nn", "host", "cc 1 -O2", "float32", 4, 10, 100, 50, 16, 8)
    said = "m, cmsis-nn: float32 only, so no layer calls CMSIS-NN; all kernels are mnc's own"
    assert said in measured([without], Paper(120, False, False)).splitlines()
    assert said not in measured([replace(without, cmsis_nn=("arm_softmax_s8",))], Paper(120, False, False))


def test_the_page_of_results_has_every_model_and_target(results: ModuleType, root: Path) -> None:
    from mnc import targets

    page = (root / "bench" / "results.md").read_text(encoding="utf-8")
    for name in targets.names():
        measured = name not in results.ALIKE and targets.get(name).max_ram >= results.LEAST_RAM
        assert (f"## {name}: " in page) == measured
    for model in results.FLOAT32_MODELS:
        assert f"| {model} | float32 | c |" in page
    for model in results.INT8_MODELS:
        for backend in ("c", "cmsis-nn"):
            assert f"| {model} | int8 | {backend} |" in page


def measured_on(target: str, results: str) -> dict[str, list[int]]:
    """Numbers of backend `c` in the page's section of one target: of each model, from its MACs on."""
    section = results.partition(f"## {target}: ")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()]
    return {
        cells[0]: [int(cell.replace(",", "")) for cell in cells[3:] if "." not in cell]
        for cells in rows
        if cells[2:3] == ["c"]
    }


def test_our_side_of_the_articles_table_is_what_was_measured(root: Path) -> None:
    """RAM and constants of both forms, in kB, as on an ESP8266, and million instructions as on a core with FPU."""
    results = (root / "bench" / "results.md").read_text(encoding="utf-8")
    memory, counted = measured_on("esp8266", results), measured_on("esp32", results)
    table = (root / "docs" / "zoo.md").read_text(encoding="utf-8").partition("### The article's table")[2]
    rows = re.findall(r"^\| (Pico|Nano|Micro|Milli|Base) \|(.*)\|$", table, re.MULTILINE)
    assert len(rows) == 5
    for name, rest in rows:
        stated = [cell.strip() for cell in rest.split("|")]
        forms = (name.lower(), f"{name.lower()}_int8")
        for form, ram, constants, instructions in zip(forms, (2, 3), (5, 6), (8, 9), strict=True):
            assert stated[ram] == f"{memory[form][4] / 1000:.2f}", form
            assert stated[constants] == f"{memory[form][3] / 1000:.2f}", form
            assert stated[instructions] == f"{counted[form][1] / 1e6:.2f}", form
