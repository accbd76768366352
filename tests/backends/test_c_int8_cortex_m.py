"""int8 kernels on Cortex-M: with the DSP instructions, and without, what the reference gives, to the bit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generated_c import Tool, checked_run, write
from quantised_networks import unsigned_ends

import mnc
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D, MaxPooling2D
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType
from mnc.samples import random_inputs
from mnc.targets import Interface, Options, get
from mnc.targets.measure import run
from mnc.targets.target import Target
from mnc.verify import verify

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)

GIVEN = Quantisation((0.02,), -3)
RNG = np.random.default_rng(8)


def weights(*shape: int, channels: int, axis: int) -> Constant:
    """Any int8 weights, -128 too, with a scale for each channel."""
    scales = tuple(float(s) for s in RNG.uniform(0.002, 0.02, channels).astype(np.float32))
    return Constant(RNG.integers(-128, 128, shape).astype(np.int8), Quantisation(scales, 0, axis))


def completed(layer: Conv2D | Dense | DepthwiseConv2D, sums: int, outputs: int) -> Layer:
    """The layer with a bias, a clamp or none, and an output whose scale makes use of int8."""
    bias = Constant(RNG.integers(-4000, 4000, outputs).astype(np.int32))
    scale = float(np.float32(0.02 * 0.01 * 74 * 74 * np.sqrt(sums) / 60))
    output = ElementType(DType.INT8, Quantisation((scale,), int(RNG.integers(-128, 128))))
    return replace(layer, bias=bias, output=output, activation=[None, Relu(), Relu(6.0)][RNG.integers(3)])


def dense(inputs: int, outputs: int) -> Layer:
    matrix = weights(inputs, outputs, channels=outputs, axis=1)
    return completed(Dense(matrix), inputs, outputs)


def conv(kernel: tuple[int, int], inputs: int, outputs: int, groups: int = 1, **attributes: object) -> Layer:
    filters = weights(*kernel, inputs // groups, outputs, channels=outputs, axis=3)
    layer = Conv2D(filters, groups=groups, **attributes)  # type: ignore[arg-type]
    return completed(layer, kernel[0] * kernel[1] * inputs // groups, outputs)


def trained(layer: Layer) -> Layer:
    """The layer with weights as TensorFlow Lite writes them, down to -127, among them runs of either end."""
    assert isinstance(layer, (Conv2D, Dense))
    array = np.maximum(layer.weights.array, -127)
    array[..., :2] = np.where(RNG.random(array[..., :2].shape) < 0.5, -127, 127)
    return replace(layer, weights=Constant(array, layer.weights.quant))


def scaled(layer: Layer, spread: int) -> Layer:
    """The layer with scales whose least is 2^spread times less than the largest, or with one scale for all, at 0."""
    assert isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.weights.quant is not None
    scales = np.full(layer.filters, np.float32(0.01))
    scales[::2] *= np.float32(2.0**-spread)
    quant = replace(layer.weights.quant, scale=tuple(map(float, scales)))
    return replace(layer, weights=Constant(layer.weights.array, quant))


def enlarged_layers() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Layers of few channels, whose weights and sums are enlarged to a shift that all channels have, or are not."""
    for i, spread in enumerate((0, 3, 7, 9)):
        for channels in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 16)[i % 2 :: 2]:
            yield (2, 2 + channels % 4, channels), scaled(trained(conv((1, 1), channels, 3 + spread)), spread)
        for stride, filters in ((1, 2), (2, 3), (3, 7), (2, 1), (1, 4))[i % 2 :: 2]:
            width = stride * (1 + filters) + 3 + spread % 2
            yield (6, width, 1), scaled(trained(conv((3, 3), 1, filters, stride=(stride, stride))), spread)
    for stride in (1, 2, 3):  # each channel of a row goes by a shift of its own
        layer = scaled(trained(conv((3, 3), 1, 4 - stride, stride=(stride, stride))), 2 * stride)
        assert isinstance(layer, Conv2D)
        yield (6, 9 + 2 * stride, 1), replace(layer, activation=None)
    yield (5, 9, 1), trained(conv((3, 3), 1, 3, padding=((1, 1), (0, 0))))


def paired_layers() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Layers that kernels for pairs of 16 bits compute, of every block, with borders on all sides."""
    for inputs, outputs in ((4, 2), (8, 7), (12, 5), (64, 9), (100, 16)):
        yield (inputs,), trained(dense(inputs, outputs))
    for width in (5, 9):
        yield (3, width, 20), trained(conv((1, 1), 20, 16))
        yield (3, width, 4), trained(conv((3, 3), 4, 8, padding=SAME))
    for stride, width in ((1, 7), (2, 11), (3, 13), (3, 30)):
        yield (5, width, 1), trained(conv((3, 3), 1, 3, stride=(stride, stride), padding=SAME))
    for inputs, outputs in ((1, 4), (3, 5), (4, 8), (6, 7), (8, 4), (13, 9), (64, 6)):
        yield (3, 5, inputs), trained(conv((1, 1), inputs, outputs))
        yield (2, 9, inputs), trained(conv((1, 1), inputs, outputs, stride=(1, 2)))
    for width in (2, 3, 4, 6, 9):
        for channels in (1, 3, 4, 6, 8):
            yield (4, width, channels), trained(conv((3, 3), channels, 5, padding=SAME))
    yield (9, 11, 1), trained(conv((10, 4), 1, 8, stride=(2, 2), padding=((4, 5), (1, 1))))
    yield (5, 12, 16), trained(conv((3, 3), 16, 16, padding=SAME))
    yield (7, 9, 4), trained(conv((3, 2), 4, 4, stride=(2, 2), padding=((0, 1), (0, 1))))
    yield (3, 3, 8), trained(conv((3, 3), 8, 4, padding=((2, 2), (3, 3))))
    yield (7, 6, 3), trained(conv((2, 2), 3, 4, dilation=(3, 1), padding=((1, 1), (0, 1))))
    yield from enlarged_layers()


def depthwise(kernel: tuple[int, int], inputs: int, multiplier: int = 1, **attributes: object) -> Layer:
    filters = weights(*kernel, inputs, multiplier, channels=inputs * multiplier, axis=3)
    layer = DepthwiseConv2D(filters, **attributes)  # type: ignore[arg-type]
    return completed(layer, kernel[0] * kernel[1], inputs * multiplier)


SAME = ((1, 1), (1, 1))


def layers() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Input shapes and layers; odd numbers of channels and pixels leave something over everywhere."""
    for inputs, outputs in ((1, 1), (2, 3), (3, 8), (4, 4), (5, 9), (7, 17), (30, 10), (64, 5)):
        yield (inputs,), dense(inputs, outputs)
    for inputs, outputs in ((3, 5), (8, 8), (13, 7), (17, 2)):
        yield (3, 5, inputs), conv((1, 1), inputs, outputs)
    yield (5, 7, 4), conv((1, 1), 4, 3, stride=(2, 2))
    for channels in (1, 2, 3, 5, 8, 15):
        yield (5, 7, channels), conv((3, 3), channels, 5, padding=SAME)
        yield (6, 6, channels), conv((3, 2), channels, 4, stride=(2, 2), padding=((0, 1), (0, 1)))
        yield (5, 6, channels), depthwise((3, 3), channels, padding=SAME)
        yield (6, 9, channels), depthwise((3, 3), channels, stride=(2, 2), padding=((0, 1), (0, 1)))
    yield (8, 9, 6), conv((3, 3), 6, 4, groups=2, padding=SAME)
    yield (8, 9, 5), conv((2, 3), 5, 3, dilation=(2, 2), padding=((2, 0), (2, 2)))
    yield (9, 10, 1), conv((5, 4), 1, 7, stride=(2, 2), padding=((2, 2), (1, 1)))
    yield (4, 2, 4), depthwise((3, 3), 4, padding=SAME)
    yield (3, 1, 3), depthwise((3, 3), 3, padding=SAME)
    yield (5, 12, 3), depthwise((3, 3), 3, 2, padding=SAME)
    yield (7, 8, 3), depthwise((5, 3), 3, padding=((2, 2), (1, 1)))
    yield (7, 8, 3), depthwise((3, 3), 3, dilation=(2, 2), padding=((2, 2), (2, 2)))
    for channels in (3, 4, 7, 16):
        yield (5, 7, channels), MaxPooling2D((3, 2), (2, 1), ((1, 1), (0, 1)))
    yield from paired_layers()


@cache
def side_by_side() -> Graph:
    """A network of one input, one output for each layer."""
    inputs, nodes = [], []
    for i, (shape, layer) in enumerate(layers()):
        inputs.append(Input(f"x{i}", TensorType(shape, DType.INT8, GIVEN)))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    return Graph("layers", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "cortex-m55"])
def test_layers_give_the_same_bits(target: str) -> None:
    graph = side_by_side()
    verification = verify(graph, target=target)
    assert len(verification.layers) == len(graph.nodes)
    assert [layer.name for layer in verification.layers if layer.max_abs_error > 0] == []


AT_ONCE = 12
"""Layers of one network, whose conversions make them three times as many: the planner looks for an order of them."""


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])  # an M0+ has the kernels of any core
def test_layers_that_read_uint8_give_the_same_bits(target: str) -> None:
    """And one in eight of those that do not: behind a conversion these are the layers of int8."""
    singles = [one for i, one in enumerate(each_alone()) if i % 8 == 0 or reads_uint8(one, target)]
    for first in range(0, len(singles), AT_ONCE):
        some = singles[first : first + AT_ONCE]
        verification = verify(unsigned_ends(together(some)), target=target)
        assert len(verification.layers) == 3 * len(some) - sum(reads_uint8(one, target) for one in some)
        assert [layer.name for layer in verification.layers if layer.max_abs_error > 0] == []


@cache
def each_alone() -> list[Graph]:
    """The networks of one layer that are side by side."""
    pairs = zip(side_by_side().inputs, side_by_side().nodes, strict=True)
    return [Graph("layer", (given,), (node,), node.outputs) for given, node in pairs]


def together(singles: Sequence[Graph]) -> Graph:
    """Networks of one layer as one."""
    inputs, nodes = tuple(one.inputs[0] for one in singles), tuple(one.nodes[0] for one in singles)
    return Graph("layers", inputs, nodes, tuple(node.name for node in nodes))


@cache
def reads_uint8(single: Graph, target: str) -> bool:
    """Whether the layer reads an input of uint8 as it is."""
    report = mnc.compile(unsigned_ends(single), name="layer", target=target).report
    return len(report.layers) == 2


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_convolutions_read_uint8_inputs_as_they_are(target: str) -> None:
    sliding = [
        one for one in each_alone() if isinstance(one.nodes[0].layer, Conv2D) and not one.nodes[0].layer.is_pointwise
    ]
    assert sliding
    assert all(reads_uint8(one, target) for one in sliding)


PAIRING = {"conv2d_paired", "conv2d_single", "dense_paired", "depthwise3x3_planes", "pointwise_few"}


def test_each_pairing_kernel_is_among_them() -> None:
    count = sum(1 for _ in paired_layers())
    compiled = mnc.compile(side_by_side(), name="layers", target="cortex-m4").report.layers
    kernels = [layer.kernel.removeprefix("mnc_").removesuffix("_s8") for layer in compiled]
    assert set(kernels[-count:]) == PAIRING
    assert {"conv2d", "pointwise", "depthwise3x3", "depthwise2d", "max_pooling2d_fours"} <= set(kernels[:-count])


def trapping(core: str) -> Target:
    """The target with unaligned accesses trapped, and compiled for that.

    GCC is told to leave loops alone that copy bytes: newlib's memcpy makes unaligned accesses.
    """
    return replace(get(core), flags=(*get(core).flags, "-mno-unaligned-access", "-fno-tree-loop-distribute-patterns"))


def on(target: Target, singles: Sequence[Graph], *flags: str) -> list[Array]:
    """For the layers' outputs there, which elements are the expected ones."""
    graph = together(singles)
    build = mnc.compile(graph, name="layers")
    xs = random_inputs(graph)
    got = run(target, build.files, Interface.of_graph(graph, "layers"), xs, Options(flags=flags))
    return [y.reshape(want.shape) == want for y, want in zip(got, graph.predict(xs), strict=True)]


# An M7 and an M33 have the M4's instructions; the others read by bytes, or as the M4 does.
@pytest.mark.parametrize(("core", "share"), [("cortex-m3", 3), ("cortex-m4", 1), ("cortex-m55", 3)])
def test_layers_where_unaligned_accesses_are_trapped(core: str, share: int) -> None:
    assert all(np.all(same) for same in on(trapping(core), each_alone()[::share]))


def test_the_trap_catches_layers_that_are_compiled_without_regard_to_it() -> None:
    with pytest.raises(CompileError, match="the processor faulted at address"):
        on(trapping("cortex-m4"), each_alone()[:8], "-munaligned-access")


LOAD = """#include "n.h"
void n_init(n_t *net) { (void)net; }
void n_run(n_t *net, const int8_t *x, int8_t *y)
{
    unsigned word;
    (void)net;
    __asm__ volatile("ldr %0, [%1]" : "=r"(word) : "r"(x + 1 + ((unsigned)x & 1u)), "m"(*(const char(*)[8])x));
    y[0] = (int8_t)(word != 0);
}
"""


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_the_trap_is_on(core: str) -> None:
    header = "#include <stdint.h>\ntypedef struct { char unused; } n_t;\n"
    header += "void n_init(n_t *net);\nvoid n_run(n_t *net, const int8_t *x, int8_t *y);\n"
    types = tuple(TensorType((size,), DType.INT8, GIVEN) for size in (8, 1))
    interface, xs = Interface("n", types[:1], types[1:]), [np.ones((1, 8), np.int8)]
    files = {"n.c": LOAD, "n.h": header}
    if core != "cortex-m0plus":  # which has no other way
        assert run(get(core), files, interface, xs)[0].tolist() == [[1]]
    with pytest.raises(CompileError, match="the processor faulted at address"):
        run(trapping(core), files, interface, xs)


@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "clang --target=arm-none-eabi -ffreestanding"])
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_words_are_loaded_where_the_compiler_says_that_they_may_be(
    core: str, compiler: str, tool: Tool, tmp_path: Path
) -> None:
    write(mnc.compile(side_by_side(), name="n").files, tmp_path)
    program, *flags = compiler.split()
    command = [tool(program), *flags, f"-mcpu={core}", "-mthumb", "-E", "n.c"]
    assert '"ldr %0, %1"' in checked_run([*command, "-munaligned-access"], tmp_path)
    assert '"ldr %0, %1"' not in checked_run([*command, "-mno-unaligned-access"], tmp_path)


def test_a_trained_network_gives_what_tensorflow_lite_micro_gave(fixtures: Path) -> None:
    with np.load(fixtures / "pico.int8.tflite.golden.npz") as stored:
        x, y = stored["x"][:2], stored["y_tflm"][:2]
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), name="pico", target="cortex-m4")
    (got,) = run(get("cortex-m4"), build.files, Interface.of_graph(build.graph, "pico"), [x])
    np.testing.assert_array_equal(got.reshape(y.shape), y)
