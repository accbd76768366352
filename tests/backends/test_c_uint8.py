"""Inputs and outputs of uint8 round networks in int8: the code gives what the reference gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from generated_c import STRICT, WARNINGS, build, checked_run
from hypothesis import given
from networks import batches
from quantised_networks import IMAGES, quantised_networks, unsigned_ends
from same_bits import BATCH, assert_same_bits
from test_c_int8 import classifier, converting

import mnc
from mnc.backends import get, refusals
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import MaxPooling2D, Quantize
from mnc.ir.types import DType, ElementType, Quantisation, ShapeError, TensorType
from mnc.passes.ends import with_ends
from mnc.program import Memory

ANY = quantised_networks() | quantised_networks(IMAGES, max_layers=6) | quantised_networks(mixed=True)


@BATCH
@given(graphs=batches(ANY, 8))
def test_random_networks(graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_same_bits([unsigned_ends(graph) for graph in graphs], tmp_path_factory.mktemp("uint8"), gcc)


@pytest.mark.parametrize("flags", [STRICT, ("-x", "c++", "-std=c++11", *WARNINGS)], ids=["C", "C++"])
def test_scales_and_helpers_at_the_interface(flags: Sequence[str], gcc: str, tmp_path: Path) -> None:
    built = mnc.compile(unsigned_ends(classifier()), name="net")
    program = build(tmp_path, gcc, [*flags, "-O1"], built.files, {"main.c": converting("uint8_t", "0, 1, 128, 255")})
    scales, stored, scores = checked_run([str(program)], tmp_path).splitlines()
    assert scales == f"0.25 125 {1 / 256:.9g} 0"
    assert stored.split() == ["125", "126", "124", "126", "255", "0", "249", "1", "129"]
    assert scores.split() == ["0", f"{1 / 256:.9g}", "0.5", f"{255 / 256:.9g}"]


WAYS: list[dict[str, Any]] = [{}, {"input": "owned"}, {"feed": "rows"}]


@pytest.mark.parametrize("memory", ["fast", "balanced", "least"])
@pytest.mark.parametrize("target", [None, "cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_frame_of_uint8_takes_no_byte_more_than_one_of_int8(
    way: dict[str, Any], target: str | None, memory: Memory, fixtures: Path
) -> None:
    graph = mnc.load(fixtures / "pico.int8.tflite")
    signed, unsigned = (mnc.compile(g, target=target, memory=memory, **way) for g in (graph, unsigned_ends(graph)))
    assert unsigned.report.ram.total == signed.report.ram.total
    assert unsigned.report.layers[0].kernel.endswith("_u8")


def test_a_camera_frame_into_vww(models: Path) -> None:
    graph = mnc.load(models / "mlperf_tiny" / "vww_96_int8.tflite")
    ways: list[dict[str, Any]] = [
        {"memory": "balanced"},
        {"memory": "least", "input": "owned"},
        {"memory": "least", "feed": "rows"},
    ]
    for way in ways:
        signed, unsigned = (mnc.compile(g, **way).report.ram.total for g in (graph, with_ends(graph, DType.UINT8)))
        assert unsigned == signed, way


@pytest.mark.parametrize("fastest", [False, True])
@pytest.mark.parametrize("target", [None, "cortex-m4", "cortex-m55"])
def test_functions_of_cmsis_nn_read_no_uint8(fixtures: Path, target: str | None, fastest: bool) -> None:
    """A step before them makes int8 of it, unless mnc's own kernel is taken and reads it as it is."""
    graph = unsigned_ends(mnc.load(fixtures / "pico.int8.tflite"))
    settings = {"kernels": "fastest"} if fastest and target else {}
    first, second, *_ = mnc.compile(graph, "cmsis-nn", target=target, settings=settings).report.layers
    assert first.kernel.endswith("_u8") or (first.kernel, second.kernel[:4]) == ("mnc_signed_s8", "arm_")


def test_layers_do_not_compute_on_uint8() -> None:
    pixels = TensorType((4, 4, 1), DType.UINT8, Quantisation((0.1,), 3))
    graph = Graph("net", (Input("x", pixels),), (Node(("y",), MaxPooling2D(), ("x",)),), ("y",))
    for backend in ("c", "cpp", "cmsis-nn"):
        assert "MaxPooling2D has no kernel for uint8" in refusals(get(backend), graph)["y"]


@pytest.mark.parametrize(
    ("dtype", "scale", "zero"), [(DType.INT8, 0.1, 3), (DType.INT8, 0.2, -125), (DType.INT16, 0.1, 0)]
)
def test_uint8_becomes_int8_of_its_scale_alone(dtype: DType, scale: float, zero: int) -> None:
    pixels = TensorType((4,), DType.UINT8, Quantisation((0.1,), 3))
    layer = Quantize(output=ElementType(dtype, Quantisation((scale,), zero)))
    with pytest.raises((CompileError, ShapeError), match="128 less"):
        layer.infer(pixels)
