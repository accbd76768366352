"""AVR's two memories: constants stay in flash, and the RAM of the report is that of the linked image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from networks import chain
from quantised_networks import steady_network

import mnc
from mnc import targets
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import GRU, Add, Conv2D, Dense, DepthwiseConv2D, Flatten, Maximum, Multiply, PReLU, Softmax, Subtract
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType
from mnc.targets.adapter import adapter
from mnc.targets.image import Options, freeze, sizes

RNG = np.random.default_rng(1)
SCALE = Quantisation((0.02,), 3)


def floats(*shape: int) -> Constant:
    return Constant(RNG.normal(size=shape).astype(np.float32))


def integers(*shape: int, quant: Quantisation | None = None) -> Constant:
    return Constant(RNG.integers(-127, 128, shape).astype(np.int8), quant or Quantisation((0.01,)))


def int8() -> Graph:
    """Weights, rounding parameters by channel, slopes, operands and a table of powers."""
    out = ElementType(DType.INT8, SCALE)
    by_channel = Quantisation((0.01, 0.02, 0.03), axis=3)
    graph = chain(
        (6, 5, 3),
        depthwise=DepthwiseConv2D(integers(3, 3, 3, 1, quant=by_channel), padding=((1, 1), (1, 1)), output=out),
        slopes=PReLU(integers(6, 5, 3), output=out),
        shifted=Subtract(operand=integers(5, 3), operand_first=True, output=out),
        scaled=Multiply(operand=integers(3), output=out),
        least=Maximum(operand=integers(6, 1, 3), output=out),
        flat=Flatten(),
        dense=Dense(integers(90, 10), output=out),
        scores=Softmax(output=ElementType(DType.INT8, Quantisation((1 / 256,), -128))),
    )
    return replace(graph, inputs=(Input("x", TensorType((6, 5, 3), DType.INT8, SCALE)),))


def float32() -> Graph:
    """A depthwise convolution that reads a row of zeros round the image, which has to lie in RAM."""
    same = ((1, 1), (1, 1))
    depthwise = DepthwiseConv2D(floats(3, 3, 2, 1), padding=same)
    shifted = Add(operand=floats(5, 1, 2))
    return chain((5, 7, 2), depthwise=depthwise, shifted=shifted, flat=Flatten(), dense=Dense(floats(70, 4)))


def stateful() -> Graph:
    """A state behind an arena of bytes."""
    cell = GRU(floats(4, 15), floats(5, 15), floats(2, 15), stateful=True)
    out = ElementType(DType.INT8, SCALE)
    return Graph(
        "stateful",
        (Input("x", TensorType((3, 4))), Input("z", TensorType((7,), DType.INT8, SCALE))),
        (
            Node(("h",), cell, ("x",)),
            Node(("a",), Dense(integers(7, 9), output=out), ("z",)),
            Node(("b",), Dense(integers(9, 3), output=out), ("a",)),
        ),
        ("h", "b"),
    )


@pytest.fixture
def avr() -> targets.Target:
    """The target, where its compiler is installed."""
    target = targets.get("avr")
    try:
        targets.compiler_version(target)
    except CompileError as fault:
        pytest.skip(str(fault))
    return target


@pytest.mark.parametrize("backend", ["c", "cpp"])
@pytest.mark.parametrize("network", [int8, steady_network, float32, stateful], ids=lambda made: made.__name__)
def test_ram_is_what_the_image_takes(network: Callable[[], Graph], backend: str, avr: targets.Target) -> None:
    build = mnc.compile(network(), backend, name="Net", target="avr")
    interface = targets.Interface.of_graph(build.graph, "Net")
    added = sizes(avr, freeze(build.files), freeze(adapter(interface, build.files)), Options())
    largest = 2 + 4 if backend == "cpp" else 0  # the class's members `output` and `proba`
    assert added.ram == build.report.ram.total + largest
    assert added.data == build.report.ram.constants
    assert added.constants + added.data == build.report.flash.total_constants, "none of them counts as code"


@pytest.mark.parametrize("backend", ["c", "cpp"])
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_frames_and_counters_count_to_the_byte(backend: str, quantize: str | None, avr: targets.Target) -> None:
    """Fifteen bytes of frames, then counters; and a counter alone behind floats: no core fills up either."""
    windows = chain((9, 5, 1), conv=Conv2D(floats(3, 3, 1, 2)), flat=Flatten(), dense=Dense(floats(42, 2)))
    samples = RNG.normal(size=(60, 9, 5, 1)).astype(np.float32)
    given = {"quantize": quantize, "calibration": samples, "hop": 3} if quantize else {}
    build = mnc.compile(windows, backend, name="Net", target="avr", feed="frames", **given)  # type: ignore[arg-type]
    added = sizes(avr, freeze(build.files), freeze(adapter(build.interface, build.files)), Options())
    assert added.ram == build.report.ram.total + (2 + 4 if backend == "cpp" else 0)


def test_rows_of_zeros_count_only_where_they_lie_in_ram() -> None:
    anywhere, on_avr = (mnc.compile(float32(), target=target).report for target in ("cortex-m4", "avr"))
    row = 4 * ((7 - 1) * 2 + 1)
    assert (anywhere.ram.constants, on_avr.ram.constants) in {(0, row), (0, 4 * 7)}
    assert on_avr.ram.total == anywhere.ram.total + on_avr.ram.constants


def wide(inputs: int) -> Graph:
    graph = chain((inputs,), dense=Dense(integers(inputs, 40), output=ElementType(DType.INT8, SCALE)))
    return replace(graph, inputs=(Input("x", TensorType((inputs,), DType.INT8, SCALE)),))


def test_constants_beyond_the_reach_of_16_bits_are_refused() -> None:
    assert "AVR reads the first 64 KiB" not in mnc.compile(wide(1500), name="n", target="avr").files["n.c"]
    assert '#error "AVR reads the first 64 KiB of flash' in mnc.compile(wide(1620), name="n").files["n.c"]
    with pytest.raises(CompileError, match=r"target avr: reads constants in the first 64,512 bytes of flash"):
        mnc.compile(wide(1620), name="n", target="avr")


def test_a_run_gives_the_references_bits(avr: targets.Target) -> None:
    graph = int8()
    build = mnc.compile(graph, "cpp", name="Net", target="avr")
    x = RNG.integers(-128, 128, (3, 6, 5, 3)).astype(np.int8)
    expected: Array = np.asarray(graph.predict(x))
    (got,) = targets.run(avr, build.files, targets.Interface.of_graph(build.graph, "Net"), [x])
    np.testing.assert_array_equal(got, expected)
