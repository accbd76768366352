"""Backend cmsis-nn with Arm's library, where CMSIS_NN_PATH names it: the right bits, and no byte beside a scratch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from test_c_int8_cortex_m import GIVEN, SAME, conv, dense, depthwise, layers, weights

import mnc
from mnc.backends import program_of
from mnc.backends.cmsis_nn import CmsisNN
from mnc.backends.interface import Emission
from mnc.backends.library import Library
from mnc.backends.select import Select
from mnc.backends.select.context import Context, Refusal
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Add,
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Softmax,
)
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType
from mnc.program import Call, Out, Record, Scratch, Step
from mnc.reference import predict
from mnc.samples import random_inputs
from mnc.targets import Interface, Options, Target, cmsis_nn, get
from mnc.targets.measure import run

pytestmark = pytest.mark.usefixtures("cmsis_nn_path")

WIDE = Quantisation((GIVEN.scale[0] / 256,))

MODELS = (
    "mlperf_tiny/ad01_int8",
    "mlperf_tiny/kws_ref_model",
    "mlperf_tiny/pretrainedResnet_quant",
    "mlperf_tiny/vww_96_int8",
    *(f"micromobilenet/{name}.int8" for name in ("pico", "nano", "micro", "milli", "base")),
)
QUICK = MODELS[:2] + MODELS[4:5]
"""Work that an emulator does in a few seconds."""


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """The target that a test is for; it is skipped where the library or its tools are missing."""
    name: str = request.param
    request.getfixturevalue("cmsis_nn_path")
    for needed in ("cc",) if name == "host" else ("arm_gcc", "qemu_arm"):
        request.getfixturevalue(needed)
    return get(name)


def outputs(target: Target, graph: Graph, files: Mapping[str, str], xs: list[Array]) -> tuple[Array, ...]:
    return run(target, files, Interface.of_graph(graph, "net"), xs, cmsis_nn.linked(target, files, Options()))


@pytest.mark.parametrize("ram", ["plain", "least"])
@pytest.mark.parametrize(
    ("target", "model"),
    [("host", model) for model in MODELS] + [(core, model) for core in ("cortex-m4", "cortex-m55") for model in QUICK],
    indirect=["target"],
)
def test_trained_networks_give_what_tensorflow_lite_micro_gave(
    target: Target, model: str, ram: str, models: Path
) -> None:
    path = models / f"{model}.tflite"
    with np.load(f"{path}.golden.npz") as stored:
        x, y = stored["x"][:1], stored["y_tflm"][:1]
    build = mnc.compile(mnc.load(path), "cmsis-nn", "net", target.name, settings={"ram": ram})
    (got,) = outputs(target, build.graph, build.files, [x])
    np.testing.assert_array_equal(got.reshape(y.shape), y)
    assert {layer.kernel[:4] for layer in build.report.layers} == {"arm_"}


# Layers at the edges of what each kernel takes


def without_bias(layer: Layer) -> Layer:
    assert isinstance(layer, Conv2D | Dense | DepthwiseConv2D)
    return replace(layer, bias=None)


def edges() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Input shapes and layers."""
    rows = [
        (20, 3, 1, (1, 1), 4), (20, 5, 2, (1, 2), 4), (10, 4, 2, (1, 1), 4), (16, 3, 2, (0, 1), 2),
        (16, 3, 4, (0, 0), 3), (9, 3, 1, (0, 0), 4), (9, 4, 2, (0, 0), 4), (3, 5, 1, (2, 2), 4), (2, 2, 1, (0, 1), 4),
        (12, 8, 1, (3, 4), 4), (13, 7, 2, (3, 3), 8), (11, 7, 2, (2, 3), 8), (12, 7, 4, (3, 3), 8),
    ]  # fmt: skip
    for width, kernel, stride, padding, channels in rows:
        yield (1, width, channels), conv((1, kernel), channels, 5, stride=(1, stride), padding=((0, 0), padding))
    for shape, padding2d in (
        ((5, 6, 4), ((1, 1), (1, 2))),
        ((5, 6, 5), ((3, 3), (1, 1))),
        ((5, 1, 4), ((1, 1), (0, 2))),
    ):
        yield shape, depthwise((3, 3), shape[2], padding=padding2d)
    yield (5, 6, 130), depthwise((3, 3), 130, padding=SAME)
    yield (5, 6, 126), depthwise((5, 5), 126, padding=((2, 2), (2, 2)))
    yield (8, 8, 1), depthwise((3, 3), 1, 6, padding=SAME)
    yield (8, 8, 3), depthwise((3, 3), 3, 8, stride=(2, 2))
    yield (6, 6, 8), without_bias(conv((3, 3), 8, 4, groups=2))
    yield (6, 6, 4), without_bias(conv((3, 3), 4, 7))
    yield (5, 5, 126), without_bias(depthwise((3, 3), 126))
    yield (30,), without_bias(dense(30, 7))


def transposed(kernel: tuple[int, int], channels: int, filters: int, **attributes: Any) -> Layer:
    layer = Conv2DTranspose(weights(*kernel, filters, channels, channels=filters, axis=2), **attributes)
    scale = Quantisation((float(np.float32(0.02 * 0.01 * 74 * 74 * np.sqrt(channels) / 60)),), 11)
    return replace(layer, output=ElementType(DType.INT8, scale))


def others() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Layers of one input that the library has kernels for besides."""
    for channels in (3, 18):
        yield (4, 5, channels), transposed((3, 3), channels, 5)
        yield (4, 5, channels), transposed((3, 3), channels, 4, stride=(2, 2), crop=((0, 1), (0, 1)))
        yield (4, 5, channels), transposed((4, 3), channels, 4, stride=(2, 1), crop=((1, 1), (1, 1)))
        yield (4, 5, channels), transposed((2, 2), channels, 6, stride=(2, 2))
    for channels in (1, 5, 17):
        yield (5, 7, channels), AveragePooling2D((2, 3), (1, 2), ((0, 1), (1, 1)))
        yield (5, 7, channels), MaxPooling2D((3, 2), (2, 1), ((1, 1), (0, 1)))
        yield (3, channels), Softmax(output=ElementType(DType.INT8, Quantisation((1 / 256,), -128)))


def in_int16(layer: Layer, bits: type[np.int32] | type[np.int64] | None) -> Layer:
    """Layers on int16 values, with a bias of either size, or without."""
    assert isinstance(layer, Conv2D | Dense | DepthwiseConv2D)
    assert layer.output is not None
    assert layer.output.quant is not None
    assert layer.bias is not None
    bias = None if bits is None else Constant(layer.bias.array.astype(bits) * 300)
    scale = float(np.float32(layer.output.quant.scale[0] / 256))
    return replace(layer, bias=bias, output=ElementType(DType.INT16, Quantisation((scale,))))


def one_scale(layer: Layer) -> Layer:
    """The layer with one scale for all weights."""
    assert isinstance(layer, Dense)
    assert layer.weights.quant is not None
    return replace(layer, weights=Constant(layer.weights.array, Quantisation(layer.weights.quant.scale[:1])))


def wide() -> Iterator[tuple[tuple[int, ...], Layer]]:
    """Layers on int16."""
    for bits in (np.int32, np.int64, None):
        for channels in (1, 3, 4, 9):
            yield (5, 7, channels), in_int16(conv((3, 3), channels, 5, padding=SAME), bits)
            yield (6, 6, channels), in_int16(conv((3, 2), channels, 4, stride=(2, 2), padding=((0, 1), (0, 1))), bits)
        yield (3, 5, 13), in_int16(conv((1, 1), 13, 7), bits)
        yield (8, 9, 5), in_int16(conv((2, 3), 5, 3, dilation=(2, 2), padding=((2, 0), (2, 2))), bits)
        yield (4, 4, 60), in_int16(conv((3, 3), 60, 6, padding=SAME), bits)
        for inputs, units in ((1, 1), (7, 17), (30, 10), (600, 6)):
            yield (inputs,), in_int16(dense(inputs, units), bits)
            yield (inputs,), in_int16(one_scale(dense(inputs, units)), bits)
        yield (3, 2, 5), in_int16(one_scale(dense(5, 9)), bits)
        for channels in (1, 4, 7):
            yield (5, 6, channels), in_int16(depthwise((3, 3), channels, padding=SAME), bits)
            yield (6, 9, channels), in_int16(depthwise((3, 2), channels, 2, stride=(2, 2)), bits)
        yield (5, 6, 5), in_int16(depthwise((3, 3), 5, padding=((3, 3), (1, 1))), bits)
        yield (7, 8, 3), in_int16(depthwise((3, 3), 3, dilation=(2, 2), padding=((2, 2), (2, 2))), bits)
    for channels in (1, 5, 17):
        yield (5, 7, channels), AveragePooling2D((2, 3), (1, 2), ((0, 1), (1, 1)))
        yield (5, 7, channels), MaxPooling2D((3, 2), (2, 1), ((1, 1), (0, 1)))
    for elements in (2, 5, 8):
        yield (3, elements), Softmax(output=ElementType(DType.INT16, Quantisation((2**-15,))))


MERGES = [(kind, count, DType.INT8) for kind in (Maximum, Minimum) for count in (2, 3)] + [
    (kind, 2, dtype) for kind in (Add, Multiply) for dtype in (DType.INT8, DType.INT16)
]


@cache
def network() -> Graph:
    """Every layer on inputs of its own."""
    inputs, nodes = [], []
    for kind, count, dtype in MERGES:
        quant = GIVEN if dtype is DType.INT8 else WIDE
        merged = f"{kind.__name__}{count}_{dtype.value}"
        names = tuple(f"{merged}_{i}" for i in range(count))
        inputs += [Input(name, TensorType((3, 5, 7), dtype, quant)) for name in names]
        nodes.append(Node((merged,), kind(output=ElementType(dtype, quant)), names))
    for i, (shape, layer) in enumerate([*layers(), *edges(), *others()]):
        inputs.append(Input(f"x{i}", TensorType(shape, DType.INT8, GIVEN)))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    for i, (shape, layer) in enumerate(wide()):
        inputs.append(Input(f"wide_x{i}", TensorType(shape, DType.INT16, WIDE)))
        nodes.append(Node((f"wide_y{i}",), layer, (f"wide_x{i}",)))
    return Graph("layers", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


GUARD = 8
"""Words on either side of a scratch."""

GUARDS = """\
MNC_KERNEL void mnc_guard(int32_t *memory, int words)
{
    int i;

    for (i = 0; i < words; ++i)
        memory[i] = 0x5A5A5A5A;
}

MNC_KERNEL void mnc_guarded(const int32_t *memory, void *out, int words, int begin, int end)
{
    const int8_t *bytes = (const int8_t *)(const void *)memory;
    int i, damaged = 0;

    for (i = 0; i < 4 * words; ++i)
        damaged |= (i < begin || i >= end) && bytes[i] != 0x5A;
    if (damaged)
        *(int8_t *)out ^= 1;
}
"""


class Guarded(CmsisNN):
    """The backend with words round each scratch that show who writes to them; the first output is wrong then."""

    shrunk = 0
    """Bytes by which each scratch is taken to be smaller than it is."""

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({}), target: Target | None = None) -> None:
        super().__init__(settings, target)
        self.tables = {
            dtype: {kind: self.guarded(chosen) for kind, chosen in table.items()}
            for dtype, table in self.tables.items()
        }

    @property
    def library(self) -> Library:
        return super().library.replaced(GUARDS)

    def guarded(self, chosen: Select) -> Select:
        def select(context: Context[Any]) -> Step | Refusal:
            step = chosen(context)
            if isinstance(step, Refusal) or not any(call.header for call in step.all_calls) or not step.scratch:
                return step
            begin, end = 4 * GUARD, 4 * GUARD + step.scratch - self.shrunk
            words = end // 4 + GUARD
            fill = Call("mnc_guard", {"memory": Scratch(), "words": words})
            check = Call("mnc_guarded", {"memory": Scratch(), "out": Out(), "words": words, "begin": begin, "end": end})
            step = replace(step, scratch=4 * words).with_calls(lambda call: replace(call, arguments=_moved(call)))
            return replace(step, before=(fill,), after=(check,))

        return select


class Damaged(Guarded):
    """One that has to be found out."""

    shrunk = 2


def _moved(call: Call) -> dict[str, Any]:
    """The arguments of a call whose scratch begins after the guard."""
    arguments: dict[str, Any] = dict(call.arguments)
    for name, argument in arguments.items():
        if isinstance(argument, Record) and not argument.constant:
            arguments[name] = replace(argument, members={**argument.members, "buf": Scratch(GUARD)})
    return arguments


def emitted(backend: type[CmsisNN], target: Target | None) -> tuple[Graph, Emission]:
    found, graph = backend({}, target), network()
    return graph, found.emit(program_of(found, graph), "net")


@pytest.mark.parametrize(
    ("target", "known"),
    [("cortex-m3", True), ("cortex-m4", True), ("cortex-m55", True), ("cortex-m4", False), ("cortex-m55", False)],
    indirect=["target"],
)
def test_no_kernel_leaves_its_scratch(target: Target, known: bool) -> None:
    """Nor does one where the code is made for any target."""
    graph, emission = emitted(Guarded, target if known else None)
    xs = random_inputs(graph)
    results = outputs(target, graph, emission.files, xs)
    for node, got, want in zip(graph.nodes, results, predict(graph, xs), strict=True):
        np.testing.assert_array_equal(got.reshape(want.shape), want, err_msg=f"{node.name}: {node.layer}")


@pytest.mark.parametrize("target", ["cortex-m4"], indirect=True)
def test_a_scratch_too_small_is_noticed(target: Target) -> None:
    graph, emission = emitted(Damaged, target)
    xs = random_inputs(graph)
    got, want = outputs(target, graph, emission.files, xs), predict(graph, xs)
    wrong = [bool((a.reshape(b.shape) != b).any()) for a, b in zip(got, want, strict=True)]
    assert sum(wrong) > 10


def test_every_function_is_called_somewhere() -> None:
    """By the networks above, on one core or the other."""
    called = {kernel for core in ("cortex-m3", "cortex-m4", "cortex-m55") for kernel in _kernels(get(core))}
    assert called >= {
        "arm_avgpool_s8", "arm_convolve_1_x_n_s8", "arm_convolve_1x1_s8", "arm_convolve_1x1_s8_fast", "arm_convolve_s8",
        "arm_depthwise_conv_3x3_s8", "arm_depthwise_conv_s8", "arm_depthwise_conv_s8_opt", "arm_elementwise_add_s8",
        "arm_elementwise_mul_s8", "arm_fully_connected_per_channel_s8", "arm_fully_connected_s8", "arm_max_pool_s8",
        "arm_maximum_s8", "arm_minimum_s8", "arm_softmax_s8", "arm_transpose_conv_s8",
        "arm_avgpool_s16", "arm_convolve_s16", "arm_depthwise_conv_fast_s16", "arm_depthwise_conv_s16",
        "arm_elementwise_add_s16", "arm_elementwise_mul_s16", "arm_fully_connected_s16", "arm_max_pool_s16",
        "arm_softmax_s16",
    }  # fmt: skip
    assert "arm_depthwise_conv_wrapper_s8" in _kernels(None)


def _kernels(target: Target | None) -> set[str]:
    _, emission = emitted(CmsisNN, target)
    return {call.kernel for step in emission.program.steps for call in step.all_calls}


WRAPPED = """

void net_run({parameters})
{{
    int i;

    for (i = 0; i < 64; ++i)
        net->before[i] = net->after[i] = (int8_t)i;
    net_unguarded({arguments});
    for (i = 0; i < 64; ++i)
        if (net->before[i] != i || net->after[i] != i)
            output[0] = (int8_t)(output[0] ^ 1);
}}
"""


@pytest.mark.parametrize("ram", ["plain", "least"])
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"], indirect=True)
def test_nothing_is_written_beside_the_arena(target: Target, ram: str, fixtures: Path) -> None:
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), "cmsis-nn", "net", target.name, settings={"ram": ram})
    size = build.report.ram.total
    header = build.files["net.h"].replace("typedef struct {", "typedef struct { int8_t before[64];", 1)
    header = header.replace("} net_t;", "int8_t after[64]; } net_t;").replace(
        f"#define NET_RAM_SIZE {size}", f"#define NET_RAM_SIZE {size + 128}"
    )
    parameters = "net_t *net, const int8_t *input, int8_t *output"
    source = build.files["net.c"].replace("void net_run(", "static void net_unguarded(")
    source += WRAPPED.format(parameters=parameters, arguments="net, input, output")
    assert "before[64]" in header
    assert "after[64]" in header
    with np.load(fixtures / "pico.int8.tflite.golden.npz") as stored:
        x, y = stored["x"][:1], stored["y_tflm"][:1]
    (got,) = outputs(target, build.graph, {"net.h": header, "net.c": source}, [x])
    np.testing.assert_array_equal(got.reshape(y.shape), y)
