"""int8 values in channel planes, between a convolution and a depthwise one: the reference's bits, on any core."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED
from same_bits import assert_same_bits

import mnc
from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.ir.layers.window import same_padding
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.verify import verify

RNG = np.random.default_rng(4)
BOTH = ("mnc_pointwise_few_s8", "mnc_depthwise3x3_planes_s8")


def weights(*shape: int) -> Constant:
    """Weights as TensorFlow Lite writes them, down to -127, some channels of nothing but either end."""
    array = RNG.integers(-127, 128, shape).astype(np.int8)
    array[..., 0] = np.where(RNG.random(array[..., 0].shape) < 0.5, -127, 127)
    scales = tuple(float(s) for s in RNG.uniform(0.002, 0.02, max(shape[2:])).astype(np.float32))
    return Constant(array, Quantisation(scales, 0, 3 if shape[3] > 1 else 2))


def bias(channels: int) -> Constant:
    return Constant(RNG.integers(-4000, 4000, channels).astype(np.int32))


def output(scale: float, activation: Function | None) -> ElementType:
    zero = -128 if activation is not None else int(RNG.integers(-128, 128))
    return ElementType(DType.INT8, Quantisation((float(np.float32(scale)),), zero))


def pairs() -> Iterator[tuple[tuple[int, int], int, tuple[int, int], tuple[tuple[int, int], tuple[int, int]], bool]]:
    """Height and width of the image, channels, strides, padding of the depthwise convolution, whether both clamp."""
    for width in (4, 5, 6, 7, 8, 11, 12, 13, 18, 24, 25):
        for stride in ((1, 1), (2, 2)):
            padding = (same_padding(3, 3, stride[0], 1), same_padding(width, 3, stride[1], 1))
            yield (3, width), int(RNG.integers(4, 8)), stride, padding, bool(width % 2)
    yield (2, 9), 5, (1, 2), ((1, 1), (0, 0)), True
    yield (4, 12), 4, (1, 1), ((0, 0), (0, 0)), False
    yield (3, 4), 4, (1, 1), ((2, 2), (2, 2)), False
    yield (3, 10), 4, (2, 1), ((1, 1), (1, 0)), True


@cache
def side_by_side() -> Graph:
    """A convolution and a depthwise one for each, and of some a second depthwise one."""
    inputs, nodes, outputs = [], [], []
    for i, ((height, width), channels, stride, padding, clamps) in enumerate(pairs()):
        function = Relu(6.0) if clamps else None
        inputs.append(
            Input(
                f"x{i}", TensorType((height, width, 3), DType.INT8, Quantisation((0.02,), int(RNG.integers(-128, 128))))
            )
        )
        point = Conv2D(weights(1, 1, 3, channels), bias(channels), activation=function, output=output(0.03, function))
        nodes.append(Node((f"a{i}",), point, (f"x{i}",)))
        slide = DepthwiseConv2D(
            weights(3, 3, channels, 1),
            bias(channels),
            stride=stride,
            padding=padding,
            activation=function,
            output=output(0.05, function),
        )
        nodes.append(Node((f"y{i}",), slide, (f"a{i}",)))
        outputs.append(f"y{i}")
    return Graph("planes", tuple(inputs), tuple(nodes), tuple(outputs))


def test_each_pair_goes_by_planes() -> None:
    layers = mnc.compile(side_by_side(), name="planes", target="cortex-m4").report.layers
    assert [layer.kernel for layer in layers] == list(BOTH) * (len(layers) // 2)


@pytest.mark.parametrize(
    ("target", "settings"),
    [("cortex-m3", {}), ("cortex-m4", {"code": "compact"})],
    ids=["without DSP instructions", "compact"],
)
def test_other_code_has_no_planes(target: str, settings: dict[str, str]) -> None:
    layers = mnc.compile(side_by_side(), name="planes", target=target, settings=settings).report.layers
    assert {layer.kernel for layer in layers}.isdisjoint(BOTH)


@pytest.mark.parametrize("flags", [[], ["-DMNC_SMALL"], ["-DMNC_NO_INT64"]], ids=str)
def test_the_same_bits_here(flags: list[str], gcc: str, tmp_path: Path) -> None:
    assert_same_bits([side_by_side()], tmp_path, gcc, [*SANITIZED, *flags])


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
def test_the_same_bits_with_dsp_instructions() -> None:
    verification = verify(side_by_side(), target="cortex-m4")
    assert [layer.name for layer in verification.layers if layer.max_abs_error > 0] == []
