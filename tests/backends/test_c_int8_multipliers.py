"""int8 convolutions for a core's own multiplier: the reference's bits, there and here.

A Cortex-M0+ makes two products of one multiplication; an Xtensa's MAC16 loads while it multiplies and adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED
from quantised_networks import beside_each_other
from same_bits import assert_same_bits

import mnc
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense, Quantize
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.reference import predict
from mnc.targets import Interface, get
from mnc.targets.measure import run

RNG = np.random.default_rng(18)
KERNELS = {"cortex-m0plus": "mnc_conv2d_two_s8", "esp32": "mnc_conv2d_dot_s8"}
"""Target, and the kernel for its multiplier."""
SAME = ((1, 1), (1, 1))


def conv(kernel: tuple[int, int], inputs: int, outputs: int, **attributes: object) -> Conv2D:
    """A layer with any weights; those of the first channel are -128, those of the second 127."""
    array = RNG.integers(-128, 128, (*kernel, inputs, outputs))
    array[..., 0], array[..., 1] = -128, 127
    scales = tuple(float(s) for s in RNG.uniform(0.002, 0.02, outputs).astype(np.float32))
    scale = float(np.float32(0.02 * 0.01 * 74 * 74 * np.sqrt(kernel[0] * kernel[1] * inputs) / 60))
    return Conv2D(
        Constant(array.astype(np.int8), Quantisation(scales, 0, 3)),
        Constant(RNG.integers(-4000, 4000, outputs).astype(np.int32)),
        activation=[None, Relu(), Relu(6.0)][RNG.integers(3)],
        output=ElementType(DType.INT8, Quantisation((scale,), int(RNG.integers(-128, 128)))),
        **attributes,  # type: ignore[arg-type]
    )


def layers() -> Iterator[tuple[tuple[int, int, int], Layer]]:
    """Shapes of images, and layers: odd sizes, borders on all sides, windows of one part and of several."""
    for width in (2, 3, 7, 8):
        yield (3, width, 3), conv((3, 3), 3, 5, padding=SAME)
    for inputs, outputs in ((1, 4), (5, 7), (16, 8), (40, 6)):
        yield (3, 5, inputs), conv((1, 1), inputs, outputs)
        yield (4, 6, inputs), conv((3, 3), inputs, outputs, stride=(2, 2), padding=((0, 1), (0, 1)))
    yield (4, 5, 64), conv((3, 3), 64, 9, padding=SAME)
    yield (9, 11, 1), conv((10, 4), 1, 8, stride=(2, 2), padding=((4, 5), (1, 1)))
    yield (3, 3, 8), conv((3, 3), 8, 4, padding=((2, 2), (3, 3)))
    yield (7, 6, 3), conv((2, 2), 3, 4, dilation=(3, 1), padding=((1, 1), (0, 1)))
    point = conv((1, 1), 9, 6)
    yield (
        (1, 4, 9),
        Dense(
            Constant(point.weights.array[0, 0], Quantisation(point.weights.quant.scale, 0, 1)),  # type: ignore[union-attr]
            point.bias,
            activation=point.activation,
            output=point.output,
        ),
    )


@cache
def side_by_side() -> Graph:
    return beside_each_other(layers(), RNG)


def kernels(graph: Graph, target: str | None, settings: dict[str, str]) -> set[str | None]:
    return {layer.kernel for layer in mnc.compile(graph, name="n", target=target, settings=settings).report.layers}


def test_every_layer_goes_so_on_a_cortex_m0_but_1x1_from_up_to_six_channels() -> None:
    graph = side_by_side()
    report = mnc.compile(graph, name="n", target="cortex-m0plus").report
    for layer, node in zip(report.layers, graph.nodes, strict=True):
        few = graph.types[node.inputs[0]].shape[-1] <= 6 and getattr(node.layer, "kernel", (1, 1)) == (1, 1)
        assert layer.kernel == ("mnc_pointwise_few_s8" if few else KERNELS["cortex-m0plus"])


def test_layers_that_repay_the_copy_go_so_on_an_esp32() -> None:
    """Windows of few elements do not, nor a row of one pixel; 3x3 of 64 channels do not fit the stack."""
    report = mnc.compile(side_by_side(), name="n", target="esp32").report
    left = [
        layer.weights.array.shape[:3]
        for (_, layer), made in zip(layers(), report.layers, strict=True)
        if isinstance(layer, Conv2D) and made.kernel != KERNELS["esp32"]
    ]
    assert left == [(1, 1, 1), (3, 3, 1), (1, 1, 5), (3, 3, 64), (10, 4, 1)]
    dense = next(layer for _, layer in layers() if isinstance(layer, Dense))
    alone = beside_each_other([((1, 1, 9), dense)], RNG)
    assert kernels(alone, "esp32", {}) == {"mnc_pointwise_s8"}


@pytest.mark.parametrize(
    ("target", "chosen"),
    [(None, {}), ("cortex-m3", {}), ("esp8266", {}), *((target, {"code": "compact"}) for target in KERNELS)],
)
def test_and_no_layer_elsewhere(target: str | None, chosen: dict[str, str]) -> None:
    assert kernels(side_by_side(), target, chosen).isdisjoint(KERNELS.values())


@pytest.mark.parametrize("target", KERNELS)
def test_pixels_of_uint8_are_read_as_they_are(target: str) -> None:
    """By the kernel for uint8, not by this one behind a step that turns them into int8."""
    layer = conv((3, 3), 3, 8, padding=SAME)
    image = Input("x", TensorType((8, 8, 3), DType.UINT8, Quantisation((0.02,), 128)))
    turned = Quantize(output=ElementType(DType.INT8, Quantisation((0.02,), 0)))
    graph = Graph("uint8", (image,), (Node(("a",), turned, ("x",)), Node(("y",), layer, ("a",))), ("y",))
    assert kernels(graph, target, {}) == {"mnc_conv2d_u8"}
    only = Graph("int8", side_by_side().inputs[:1], side_by_side().nodes[:1], ("y0",))
    assert KERNELS[target] in kernels(only, target, {})


def test_a_window_that_the_arena_has_no_room_for_is_smaller_or_on_the_stack() -> None:
    """To the same bits; where not even four pixels fit, the layer goes as elsewhere and says what was missing."""
    for channels, kernel in ((16, KERNELS["esp32"]), (160, "mnc_conv2d_s8")):
        layer = conv((3, 3), channels, 4, padding=SAME)
        graph = beside_each_other([((4, 20, channels), layer)], RNG)
        report = mnc.compile(graph, name="n", target="esp32", memory="least").report
        assert [each.kernel for each in report.layers] == [kernel]
        assert report.ram.total == mnc.compile(graph, name="n", memory="least").report.ram.total


@pytest.mark.parametrize("target", KERNELS)
@pytest.mark.parametrize("flags", [[], ["-DMNC_SMALL"]], ids=str)
def test_the_same_bits_here(flags: list[str], target: str, gcc: str, tmp_path: Path) -> None:
    assert_same_bits([side_by_side()], tmp_path, gcc, [*SANITIZED, *flags], target=target)


@pytest.mark.parametrize("target", KERNELS)
def test_the_same_bits_there(target: str, tool: Callable[[str], str]) -> None:
    """By the loop in assembly, of any inputs and of both ends only."""
    core = get(target)
    for needed in (core.compiler, core.board.compiler, core.board.emulator):
        if needed is not None:
            tool(needed.program)
    graph = side_by_side()
    graph = side_by_side()
    xs = [
        np.stack(
            [
                RNG.integers(-128, 128, each.type.shape),
                np.where(RNG.random(each.type.shape) < 0.5, -128, 127),
                np.full(each.type.shape, -128),
                np.full(each.type.shape, 127),
            ]
        ).astype(np.int8)
        for each in graph.inputs
    ]
    build = mnc.compile(graph, name="layers", target=target)
    got = run(core, build.files, Interface.of_graph(graph, "layers"), xs)
    for y, want in zip(got, predict(graph, xs), strict=True):
        np.testing.assert_array_equal(y.reshape(want.shape), want)
