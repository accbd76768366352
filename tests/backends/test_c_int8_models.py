"""Trained int8 models, from files that we did not write: every byte is TensorFlow Lite Micro's, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from goldens import of_tflite_micro

import mnc
from mnc import targets
from mnc.compiler import Build
from mnc.ir.types import Array

MODELS = [
    *(f"micromobilenet/{name}.int8.tflite" for name in ("pico", "nano", "micro", "milli", "base")),
    *(
        f"mlperf_tiny/{name}.tflite"
        for name in (
            "ad01_int8",
            "kws_ref_model",
            "pretrainedResnet_large_int8",
            "pretrainedResnet_quant",
            "str_ww_ref_model",
            "vww_96_int8",
        )
    ),
]
LARGE = 10_000_000
"""Multiplications and additions, from which on fewer samples are enough."""

HOST = targets.get("host")
SANITIZED = replace(
    HOST,
    name="sanitized",
    flags=(*HOST.flags, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    optimise="-O1",
)
CORTEX_M4 = targets.get("cortex-m4")

NO_INT64, SMALL = "-DMNC_NO_INT64", "-DMNC_SMALL"
WAYS: dict[str, tuple[targets.Target, str, str, Sequence[str], int]] = {
    "c, sanitized": (SANITIZED, "c", "fast", (), 16),
    "c, sanitized, no int64": (SANITIZED, "c", "fast", (NO_INT64, SMALL), 4),
    "cpp, sanitized, no int64": (SANITIZED, "cpp", "compact", (NO_INT64, SMALL), 2),
    "c, Cortex-M4": (CORTEX_M4, "c", "fast", (), 2),
    "c, Cortex-M4, compact": (CORTEX_M4, "c", "compact", (), 1),
    "cpp, Cortex-M4, no int64": (CORTEX_M4, "cpp", "fast", (NO_INT64, SMALL), 1),
}
"""Target, backend, its code, flags and samples.

MNC_SMALL, too, means the same, and takes the compiler a third of the time.
"""


@cache
def built(models: Path, file: str, backend: str, code: str = "fast") -> Build:
    return mnc.compile(mnc.load(models / file), backend=backend, name="Net", settings={"code": code})


def witnessed(models: Path, file: str, count: int) -> tuple[Array, Array]:
    """Inputs, and TensorFlow Lite Micro's outputs for them."""
    with np.load(models / f"{file}.golden.npz") as stored:
        return stored["x"][:count], stored["y_tflm"][:count]


def test_every_trained_model_is_tested(models: Path) -> None:
    assert {str(file.relative_to(models)) for file in of_tflite_micro(models)} == set(MODELS)


@pytest.mark.parametrize("file", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_every_byte_is_that_of_tensorflow_lite_micro(
    models: Path, way: str, file: str, request: pytest.FixtureRequest
) -> None:
    target, backend, code, flags, count = WAYS[way]
    for fixture in ("arm_gcc", "qemu_arm") if target is CORTEX_M4 else ("gcc", "gxx"):
        request.getfixturevalue(fixture)
    build = built(models, file, backend, code)
    x, y = witnessed(models, file, count if build.report.macs < LARGE else -(-count // 8))
    interface = targets.Interface.of_graph(build.graph, build.name)
    (got,) = targets.run(target, build.files, interface, [x], targets.Options(flags=tuple(flags)))
    assert got.dtype == y.dtype == np.int8
    assert int((got.reshape(y.shape) != y).sum()) == 0


@pytest.mark.parametrize("file", MODELS)
def test_the_arena_is_as_small_as_can_be(models: Path, file: str) -> None:
    ram = mnc.compile(mnc.load(models / file), memory="fast").report.ram
    assert ram.optimal
    assert ram.arena == ram.lower_bound
    assert built(models, file, "c").report.ram.arena <= ram.arena
