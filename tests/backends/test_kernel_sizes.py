"""A network holds the kernels of its layers and no others; docs/kernel-sizes.md speaks of all of them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import OTHER_COMPILER
from generated_c import WARNINGS, checked_run, write

from mnc import backends
from mnc.backends.select.table import FLOAT32

ROOT = Path(__file__).resolve().parents[2]


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script(ROOT / "bench" / "kernel_sizes.py")


def functions(source: str) -> set[str]:
    """The kernels that a C text defines."""
    return set(re.findall(r"^MNC_KERNEL [\w ]+?\**(mnc_\w+)\(", source, re.MULTILINE))


def test_every_kind_with_a_kernel_is_measured(script: ModuleType) -> None:
    assert {type(example.layer) for example in script.EXAMPLES} == set(FLOAT32)


def test_the_page_has_every_example_and_the_kernels_it_calls(script: ModuleType) -> None:
    rows = [line.split(" | ") for line in script.PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    assert [(row[0].removeprefix("| "), row[1].strip()) for row in rows] == [
        (type(example.layer).__name__, example.what) for example in script.EXAMPLES
    ], "run: python bench/kernel_sizes.py"
    for row, example in zip(rows, script.EXAMPLES, strict=True):
        called = [f"`{name}`" for name in script.emission(example).program.kernels]
        assert row[6] == ", ".join(called), "run: python bench/kernel_sizes.py"


def test_figures_on_the_page_are_those_of_this_compiler(script: ModuleType, arm_gcc: str) -> None:
    page = script.PAGE.read_text("utf-8")
    if script.compiler() not in page:
        pytest.skip(f"{OTHER_COMPILER} than {script.compiler()}")
    lines = page.splitlines()
    for example in script.EXAMPLES[:: len(script.EXAMPLES) // 4]:
        assert script.row(example) in lines, "run: python bench/kernel_sizes.py"


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("Dense", {"mnc_pointwise_f32", "mnc_activate_f32", "mnc_add_product_f32"}),
        ("MaxPooling2D", {"mnc_max_pooling2d_f32", "mnc_rows_f32"}),
        ("Softmax", {"mnc_softmax_f32"}),
        ("Embedding", {"mnc_embedding_f32"}),
        (
            "SimpleRNN",
            {
                "mnc_copy_f32",
                "mnc_fill_f32",
                "mnc_pointwise_f32",
                "mnc_activate_f32",
                "mnc_add_product_f32",
                "mnc_tanh_f32",
            },
        ),
    ],
)
def test_a_layer_brings_its_kernels_and_no_others(script: ModuleType, layer: str, expected: set[str]) -> None:
    (example,) = (each for each in script.EXAMPLES if type(each.layer).__name__ == layer)
    assert functions(script.emission(example).files["one.c"]) == expected


def test_no_kernel_is_there_that_is_not_called(script: ModuleType, gcc: str, tmp_path: Path) -> None:
    chosen = backends.get("c")
    for i, example in enumerate(script.EXAMPLES):
        write(chosen.emit(backends.program_of(chosen, example.graph), f"one{i}").files, tmp_path)
    sources = [f"one{i}.c" for i in range(len(script.EXAMPLES))]
    checked_run([gcc, "-std=c89", "-DMNC_KERNEL=static", *WARNINGS, "-Wunused", "-c", *sources], tmp_path)
