"""int8 kernels of cores with Helium: the reference's bits there and, by plain C, here; of which layers they are."""

from __future__ import annotations

import shutil
from functools import cache

import numpy as np
import pytest
import test_c_int8_cortex_m as single
import test_c_int8_planes as planes
from hypothesis import HealthCheck, given, settings
from quantised_networks import quantised_networks, stored_samples

import mnc
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Conv2D, Dense, DepthwiseConv2D, Linear
from mnc.ir.types import Array, DType, ElementType, Quantisation, TensorType
from mnc.verify import verify

TARGET = "cortex-m55"
RNG = np.random.default_rng(55)
needs_emulator = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)


def ends(graph: Graph) -> list[Array]:
    """Inputs at either end of int8 throughout, and of both ends at random."""
    return [
        np.stack(
            [np.full(x.type.shape, -128), np.full(x.type.shape, 127), RNG.choice([-128, 127], x.type.shape)]
        ).astype(np.int8)
        for x in graph.inputs
    ]


@cache
def convolutions() -> Graph:
    """Random shapes, borders on any side, rows of one pixel and of odd numbers, runs of whole vectors and others."""
    inputs, nodes = [], []
    for i in range(40):
        kernel = (1, 1) if i % 4 == 0 else (int(RNG.integers(1, 5)), int(RNG.integers(1, 5)))
        channels = int(RNG.choice([1, 3, 8, 16, 21, 32, 48]))
        shape = (int(RNG.integers(4, 7)), int(RNG.choice([4, 5, 9, 12])), channels)
        padding = tuple((int(RNG.integers(0, k)), int(RNG.integers(0, k))) for k in kernel)
        stride = tuple(map(int, RNG.integers(1, 4, 2)))
        layer = single.conv(kernel, channels, int(RNG.integers(4, 14)), stride=stride, padding=padding)
        inputs.append(Input(f"x{i}", TensorType(shape, DType.INT8, single.GIVEN)))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    return Graph("convolutions", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


@cache
def sums() -> Graph:
    """Additions of every number of channels left over, with scales of which some are equal, and clamps."""
    inputs, nodes = [], []
    for i, (channels, ratio) in enumerate(((1, 1.0), (4, 0.5), (6, 1.0), (7, 0.3), (16, 0.9))):
        pair = [Quantisation((0.04 * each,), int(RNG.integers(-128, 128))) for each in (1.0, ratio)]
        inputs += [
            Input(f"{n}{i}", TensorType((3, 5, channels), DType.INT8, q)) for n, q in zip("ab", pair, strict=True)
        ]
        output = ElementType(DType.INT8, Quantisation((0.07,), int(RNG.integers(-128, 128))))
        layer = Add(activation=Relu() if i % 2 else None, output=output)
        nodes.append(Node((f"y{i}",), layer, (f"a{i}", f"b{i}")))
    return Graph("sums", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


@cache
def narrow() -> Graph:
    """Depthwise convolutions whose rows have one to six pixels, of which the outer ones see borders or none."""
    inputs, nodes = [], []
    for i in range(32):
        channels, stride = (4, 7, 21, 64, 130)[i % 5], 1 + i // 2 % 3
        kernel = (3, 3) if i % 2 else ((5, 1), (1, 4), (2, 5), (9, 2))[i // 2 % 4]
        dilation = (2, 2) if i % 8 == 4 else (1, 1)
        reach = (kernel[1] - 1) * dilation[1] + 1
        top, bottom, left, right = map(int, RNG.integers(0, 3, 4))
        least = max(reach - left - right, 1)
        width = min(int(RNG.integers(least, least + 5 * stride)), 5 * stride + reach - left - right)
        clamp = Relu(6.0) if i % 3 else None
        layer = DepthwiseConv2D(
            planes.weights(*kernel, channels, 1),
            planes.bias(channels),
            stride=(1 if dilation[0] > 1 else stride, 1 if dilation[1] > 1 else stride),
            dilation=dilation,
            padding=((top, bottom), (left, right)),
            activation=clamp,
            output=planes.output(0.05, clamp),
        )
        shape = (kernel[0] * dilation[0] + 1, min(width, 5 + least) if dilation[1] > 1 else width, channels)
        zero = int(RNG.integers(-128, 128))
        inputs.append(Input(f"x{i}", TensorType(shape, DType.INT8, Quantisation((0.02,), zero))))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    return Graph("narrow", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


GRAPHS = {
    "convolutions": convolutions,
    "narrow": narrow,
    "sums": sums,
    "planes": planes.side_by_side,
    "layers": single.side_by_side,
}


@needs_emulator
@pytest.mark.parametrize("name", ["convolutions", "narrow", "sums", "planes"])
def test_the_same_bits_with_helium(name: str) -> None:
    graph = GRAPHS[name]()
    for inputs in (None, ends(graph)):
        verification = verify(graph, inputs=inputs, target=TARGET)
        assert [layer.name for layer in verification.layers if layer.max_abs_error > 0] == []


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_bits_without(name: str, gcc: str) -> None:
    graph = GRAPHS[name]()
    x = ends(graph)
    for y, want in zip(mnc.compile(graph, name="net", target=TARGET).predict(x), graph.predict(x), strict=True):
        np.testing.assert_array_equal(y, want)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=quantised_networks([Conv2D, Dense, DepthwiseConv2D, Add]))
def test_random_networks_give_the_same_bits(graph: Graph) -> None:
    x = stored_samples(graph)
    got, want = mnc.compile(graph, name="net", target=TARGET).predict(x), graph.predict(x)
    many = isinstance(want, list)
    for y, expected in zip(got if many else [got], want if many else [want], strict=True):
        np.testing.assert_array_equal(y, expected)


def test_which_layers_they_compute() -> None:
    kernels = [layer.kernel for layer in mnc.compile(convolutions(), name="net", target=TARGET).report.layers]
    assert kernels == ["mnc_conv2d_mve_s8"] * len(kernels)
    assert {layer.kernel for layer in mnc.compile(sums(), name="net", target=TARGET).report.layers} == {
        "mnc_add_mve_s8"
    }
    rows = [layer.kernel for layer in mnc.compile(narrow(), name="net", target=TARGET).report.layers]
    assert rows.count("mnc_depthwise2d_narrow_mve_s8") > len(rows) * 3 // 4
    pairs = [layer.kernel for layer in mnc.compile(planes.side_by_side(), name="net", target=TARGET).report.layers]
    assert set(pairs[0::2]) == {"mnc_conv2d_mve_s8"}
    assert pairs[1::2].count("mnc_depthwise3x3_mve_s8") > len(pairs) // 4


@pytest.mark.parametrize(("target", "chosen"), [("cortex-m4", {}), (None, {}), (TARGET, {"code": "compact"})])
def test_other_code_has_none(target: str | None, chosen: dict[str, str]) -> None:
    for graph in (convolutions(), narrow(), sums(), planes.side_by_side()):
        layers = mnc.compile(graph, name="net", target=target, settings=chosen).report.layers
        assert not any("mve" in layer.kernel for layer in layers)


def test_scratch_takes_no_ram() -> None:
    """The copy of a window lies where the arena has room, or on the stack."""
    for graph in (convolutions(), planes.side_by_side()):
        assert any(isinstance(node.layer, Linear) for node in graph.nodes)
        with_it, without = (
            mnc.compile(graph, name="net", target=t, memory="fast").report.ram.total for t in (TARGET, "cortex-m3")
        )
        assert with_it <= without
