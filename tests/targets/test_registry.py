"""The table of targets."""

from __future__ import annotations

from pathlib import Path

import pytest

import mnc
from mnc import targets
from mnc.errors import CompileError


def test_every_target_is_found_by_its_name() -> None:
    assert targets.names()[0] == "host"
    assert {"cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"} < set(targets.names())
    assert all(targets.get(name).name == name for name in targets.names())


def test_cortex_m85_gets_the_kernels_of_cortex_m55(fixtures: Path) -> None:
    graph = mnc.load(fixtures / "pico.int8.tflite")
    builds = [mnc.compile(graph, name="pico", target=core) for core in ("cortex-m55", "cortex-m85")]
    kernels = [{layer.kernel for layer in build.report.layers} for build in builds]
    assert "mnc_conv2d_mve_s8" in kernels[0]
    assert kernels[0] == kernels[1]
    assert builds[1].verify(on="cortex-m85").passed


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cortex-m44", "did you mean 'cortex-m4' or 'cortex-m7'?"),
        ("Cortex-M7", "did you mean 'cortex-m7'?"),
        ("abacus", "known: host,"),
    ],
)
def test_an_unknown_target_is_refused_with_a_way_out(name: str, hint: str) -> None:
    with pytest.raises(CompileError) as caught:
        targets.get(name)
    assert str(caught.value).startswith(f"error: unknown target {name!r}\nhint: {hint}")
