"""Several generated networks compiled as one source, as some build systems do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, WARNINGS, Case, run_cases, write
from hypothesis import given
from networks import batches
from quantised_networks import ANY, IMAGES, quantised_networks, stored_samples
from same_bits import BATCH, case_of
from stand_in import STAND_IN, core

import mnc
from mnc.ir.graph import Graph
from mnc.reference import predict

NETWORKS = quantised_networks(dtypes=ANY, mixed=True) | quantised_networks(IMAGES, max_layers=9)
BACKENDS = ("c", "cmsis-nn")


def as_one_source(cases: Sequence[Case]) -> list[Case]:
    """The cases with their sources renamed, and one source that includes them all."""
    renamed = [
        replace(case, files={re.sub(r"[.]c$", ".inc", name): text for name, text in case.files.items()})
        for case in cases
    ]
    unity = "".join(f'#include "{name}"\n' for case in renamed for name in case.files if name.endswith(".inc"))
    first, *others = renamed
    return [replace(first, files={**first.files, "unity.c": unity}), *others]


@pytest.mark.parametrize("backend", BACKENDS)
@BATCH
@given(graphs=batches(NETWORKS, 8))
def test_networks_in_one_source_give_the_same_bits(
    graphs: Sequence[Graph], backend: str, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inputs = [stored_samples(graph) for graph in graphs]
    builds = [mnc.compile(graph, backend, f"n{i}") for i, graph in enumerate(graphs)]
    cases = as_one_source([case_of(built, x) for built, x in zip(builds, inputs, strict=True)])
    library = STAND_IN if backend == "cmsis-nn" else {}
    outputs = run_cases(
        cases, tmp_path_factory.mktemp("unity"), gcc, [*SANITIZED, core("plain"), *WARNINGS[1:3]], library=library
    )
    for graph, x, results in zip(graphs, inputs, outputs, strict=True):
        expected = predict(graph, x)
        for got, want in zip(results, expected if isinstance(expected, list) else [expected], strict=True):
            np.testing.assert_array_equal(got, want.reshape(got.shape), err_msg=str(graph))


@pytest.mark.parametrize("language", [STRICT, ("-x", "c++", "-std=c++11", *WARNINGS)], ids=["C89", "C++"])
def test_two_trained_networks_in_one_source_compile_without_warnings(
    language: Sequence[str], gcc: str, fixtures: Path, tmp_path: Path
) -> None:
    compiler = gcc if "-x" not in language else shutil.which("g++") or pytest.skip("no g++ here")
    graph = mnc.load(fixtures / "pico.keras3.h5")
    calibration = np.random.default_rng(1).random((16, *graph.inputs[0].type.shape), np.float32)
    builds = [
        mnc.compile(graph, name="real"),
        *(
            mnc.compile(graph, name=f"net_{kind}", quantize=kind, calibration=calibration, allow_loss=True)
            for kind in ("int8", "int16x8")
        ),
    ]
    write({name: text for built in builds for name, text in built.files.items()}, tmp_path)
    write({"unity.c": "".join(f'#include "{built.name}.c"\n' for built in builds)}, tmp_path)
    subprocess.run([compiler, *language, "-O1", "-c", "unity.c", "-o", "unity.o"], cwd=tmp_path, check=True)


def test_texts_that_differ_under_one_name_do_not_compile(gcc: str, fixtures: Path, tmp_path: Path) -> None:
    """As of two versions of mnc."""
    built = mnc.compile(mnc.load(fixtures / "pico.keras3.h5"), name="one")
    text = built.files["one.c"]
    other = re.sub(r"\b(one)_", "two_", text.replace('"one.h"', '"two.h"').replace("ONE_", "TWO_"))
    changed = re.sub(r"(MNC_ACTIVATE_F32_)[0-9A-F]{8}", r"\g<1>00000000", other)
    write({**built.files, "two.h": built.files["one.h"].replace("one_", "two_").replace("ONE_", "TWO_")}, tmp_path)
    for second, status in ((other, 0), (changed, 1)):
        write({"unity.c": f"{text}\n{second}"}, tmp_path)
        done = subprocess.run([gcc, "-c", "unity.c"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
    assert re.search("redefinition of .mnc_activate_f32", done.stderr)
