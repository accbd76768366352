"""Small models of every Keras layer: the C that is generated, under sanitizers, gives what Keras gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Case, run_cases
from goldens import golden

import mnc
from mnc.compiler import Build
from mnc.ir.layers import Recurrent
from mnc.ir.types import Array, Shape

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "keras"
AT_ONCE = 16
"""Networks that go through one call of the compiler."""


@pytest.mark.parametrize("pattern", ["*.k2.h5", "*.k3.h5", "*.keras"])
def test_public_models_give_their_golden_outputs(pattern: str, models: Path, gcc: str, tmp_path: Path) -> None:
    found = sorted((models / "public_ops").glob(pattern))
    assert found
    assert_golden(found, gcc, tmp_path)
    print(f"{len(found)} models of {pattern} compile, cleanly as C89, and give what Keras gave")


def test_layers_in_all_their_forms_give_their_golden_outputs(gcc: str, tmp_path: Path) -> None:
    """With kernels that are compiled once for all layers of several networks: those of the models above are inlined."""
    found = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".h5", ".keras"))
    assert_golden(found, gcc, tmp_path, ["-DMNC_SMALL"], as_one=True)


def assert_golden(
    files: Sequence[Path], compiler: str, folder: Path, flags: Sequence[str] = (), *, as_one: bool = False
) -> None:
    wrong = []
    for first in range(0, len(files), AT_ONCE):
        part = files[first : first + AT_ONCE]
        builds = [mnc.compile(mnc.load(file), name=f"net{i}") for i, file in enumerate(part)]
        cases = [case(build, file) for build, file in zip(builds, part, strict=True)]
        outputs = run_cases(cases, folder / str(first), compiler, (*STRICT, *SANITIZED, *flags), as_one=as_one)
        for file, build, got in zip(part, builds, outputs, strict=True):
            if not (off := error(build, file, got)) <= tolerance(build):
                wrong.append(f"{file.name}: {off:.1e}")
    assert wrong == []


def case(build: Build, file: Path) -> Case:
    inputs, _ = golden(file)
    shapes = [given.type.shape for given in build.graph.inputs]
    sizes = [build.graph.types[name].elements for name in build.graph.outputs]
    return Case(build.name, build.files, [channels_last(x, s) for x, s in zip(inputs, shapes, strict=True)], sizes)


def error(build: Build, file: Path, got: Sequence[Array]) -> float:
    """The largest difference from Keras' outputs, relative to the largest value of each output if that is above 1."""
    _, expected = golden(file)
    shapes = [build.graph.types[name].shape for name in build.graph.outputs]
    return max(
        float(np.abs(y - channels_last(want, shape).reshape(y.shape)).max() / max(1.0, np.abs(want).max()))
        for y, want, shape in zip(got, expected, shapes, strict=True)
    )


def tolerance(build: Build) -> float:
    """Rounding adds up from step to step of a recurrent layer."""
    return 1e-4 if any(isinstance(node.layer, Recurrent) for node in build.graph.nodes) else 1e-5


def channels_last(array: Array, shape: Shape) -> Array:
    """A channels-first array brought to the shape of the IR's value, where it differs."""
    fitting = array if array.shape[1:] == shape else np.moveaxis(array, 1, -1)
    return fitting.astype(np.float32)
