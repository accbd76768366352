"""Trained models: the C that is generated gives what Keras gave, in the least memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generated_c import STRICT, Case, run_cases
from goldens import golden

import mnc
from mnc.compiler import Build
from mnc.ir.types import Array

MOBILENETS = ("pico", "nano", "micro", "milli", "base")
MICROMOBILENET = [f"micromobilenet/{name}.{keras}.h5" for name in MOBILENETS for keras in ("keras2", "keras3")]
MLPERF_TINY = [
    f"mlperf_tiny/{name}.h5"
    for name in (
        "ad01",
        "kws_ref_model.keras2",
        "kws_ref_model.keras3",
        "pretrainedResnet",
        "str_ww_ref_model",
        "vww_96",
    )
]

Compile = Callable[[str], Build]


@pytest.fixture(scope="module")
def build_of(models: Path) -> Compile:
    """`build_of("folder/file.h5")` compiles a trained model, once."""
    return cache(lambda file: mnc.compile(mnc.load(models / file), name="net"))


def run(build: Build, inputs: list[Array], folder: Path, compiler: str, *flags: str) -> list[Array]:
    """The outputs in their own shapes."""
    types = [build.graph.types[name] for name in build.graph.outputs]
    case = Case(build.name, build.files, inputs, [type_.elements for type_ in types])
    (outputs,) = run_cases([case], folder, compiler, flags)
    return [y.reshape(-1, *type_.shape) for y, type_ in zip(outputs, types, strict=True)]


def digits96(small: Array) -> Array:
    """8x8 images of 0 to 16 as 96x96 images of 0 to 1: bilinear between the centres of pixels."""
    low, weight = np.divmod(2 * np.arange(96) + 1 - 12, 24)
    mix = np.zeros((96, 8), np.int64)
    np.add.at(mix, (np.arange(96), low.clip(0, 7)), 24 - weight)
    np.add.at(mix, (np.arange(96), (low + 1).clip(0, 7)), weight)
    pixels: Array = (mix @ small.astype(np.int64) @ mix.T).astype(np.float32) / np.float32(24 * 24 * 16)
    return pixels[..., None]


def test_every_trained_model_is_tested(models: Path) -> None:
    here = {
        f"{folder}/{file.name}"
        for folder in ("micromobilenet", "mlperf_tiny")
        for file in (models / folder).glob("*.h5")
    }
    assert here == {*MICROMOBILENET, *MLPERF_TINY}


@pytest.mark.parametrize("file", [*MICROMOBILENET, *MLPERF_TINY])
def test_a_trained_model_gives_its_golden_outputs(
    models: Path, build_of: Compile, file: str, gcc: str, tmp_path: Path
) -> None:
    x, (want,) = golden(models / file)
    (exact,) = run(build_of(file), x, tmp_path / "exact", gcc, *STRICT, "-O2", "-DMNC_EXACT_FMA")
    (plain,) = run(build_of(file), x, tmp_path / "plain", gcc, *STRICT, "-O2")
    bound = 1e-4 * float(np.abs(want).max()) if "ad01" in file else 1e-5  # the autoencoder's values are large
    assert float(np.abs(exact - want).max()) <= bound
    assert float(np.abs(plain - want).max()) <= 2 * bound


@pytest.mark.parametrize("name", MOBILENETS)
def test_a_mobilenet_is_as_accurate_as_keras_says(
    models: Path, build_of: Compile, name: str, gcc: str, tmp_path: Path
) -> None:
    folder = models / "micromobilenet"
    entry = next(each for each in json.loads((folder / "index.json").read_text())["models"] if each["name"] == name)
    with np.load(folder / "digits96_test.npz") as stored:
        x, labels = digits96(stored["x8"]), stored["labels"]
    (y,) = run(build_of(f"micromobilenet/{name}.keras2.h5"), [x], tmp_path, gcc, "-std=c99", "-O2")
    correct = int((y.reshape(len(x), -1).argmax(axis=1) == labels).sum())
    assert correct == round(entry["float_test_accuracy"] * len(x))


@pytest.mark.parametrize("file", [*MICROMOBILENET, *MLPERF_TINY])
def test_the_arena_is_as_small_as_it_can_be(models: Path, build_of: Compile, file: str) -> None:
    ram = mnc.compile(mnc.load(models / file), memory="fast").report.ram
    assert ram.optimal
    assert ram.arena == ram.lower_bound
    assert build_of(file).report.ram.arena <= ram.arena
    if "/pico." in file:
        assert ram.arena <= 15_360
    if "pretrainedResnet" in file:
        assert ram.arena <= 196_608


@pytest.mark.parametrize("file", [*MICROMOBILENET, "mlperf_tiny/vww_96.h5", "mlperf_tiny/kws_ref_model.keras2.h5"])
def test_no_padding_is_ever_copied_in_a_mobilenet(build_of: Compile, file: str) -> None:
    text = build_of(file).files["net.c"]
    assert "mnc_copy" not in text
    assert "mnc_fill" not in text


def test_our_own_models_under_sanitizers(fixtures: Path, gcc: str, tmp_path: Path) -> None:
    files = sorted(fixtures.glob("*.h5"))
    assert files
    cases = []
    for i, file in enumerate(files):
        build = mnc.compile(mnc.load(file), name=f"n{i}")
        x, _ = golden(file)
        sizes = [build.graph.types[name].elements for name in build.graph.outputs]
        cases.append(Case(build.name, build.files, x, sizes))
    for file, got in zip(files, run_cases(cases, tmp_path, gcc), strict=True):
        _, wanted = golden(file)
        for y, want in zip(got, wanted, strict=True):
            np.testing.assert_allclose(y, want.reshape(y.shape), rtol=1e-5, atol=1e-5, err_msg=file.name)
