"""Backend cmsis-nn without the library: a stand-in checks every argument and computes what the library would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, WARNINGS, Tool, run_cases
from goldens import of_tflite_micro
from hypothesis import given
from hypothesis import strategies as st
from networks import batches
from quantised_networks import ANY as DTYPES
from quantised_networks import IMAGES, quantised_networks
from same_bits import BATCH, assert_same_bits, case_of
from stand_in import CORES, STAND_IN, core

import mnc
from mnc.backends import program_of
from mnc.backends.cmsis_nn import CmsisNN
from mnc.backends.select.cmsis.table import CMSIS_NN, CMSIS_NN_INT16
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, DepthwiseConv2D, MaxPooling2D, Multiply, Softmax
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.plan.schedule import schedule
from mnc.targets import get
from mnc.terminal.tables import Paper, compiled
from mnc.verify import verify
from mnc.zoo import networks

WIDE = sorted(CMSIS_NN_INT16, key=lambda kind: kind.__name__)
INT16 = quantised_networks(WIDE, dtypes=[DType.INT16], max_layers=4)
ANY = quantised_networks(dtypes=DTYPES) | quantised_networks(IMAGES, max_layers=9) | INT16
KINDS = sorted(CMSIS_NN, key=lambda kind: kind.__name__)
ONE_OF_EACH = st.tuples(
    *(quantised_networks([kind], max_layers=2) for kind in KINDS),
    *(quantised_networks([kind], dtypes=[DType.INT16], max_layers=2) for kind in WIDE),
)
SCALE = Quantisation((0.001,))
TARGETS = {"plain": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}
"""A target for each form of the library."""


@pytest.mark.parametrize("form", CORES)
@pytest.mark.parametrize(("target", "ram"), [("any", "plain"), ("its own", "plain"), ("its own", "least")])
@BATCH
@given(graphs=batches(ANY, 12))
def test_random_networks(
    graphs: list[Graph], form: str, target: str, ram: str, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Code that is made for no target is right for all."""
    assert_same_bits(
        graphs,
        tmp_path_factory.mktemp("cmsis"),
        gcc,
        [*SANITIZED, *WARNINGS, core(form)],
        backend="cmsis-nn",
        target=None if target == "any" else TARGETS[form],
        library=STAND_IN,
        settings={"ram": ram},
    )


@pytest.mark.parametrize(
    ("compiler", "form"),
    [
        (("gcc", *STRICT, "-O2", "-DMNC_SMALL"), "plain"),
        (("clang", *STRICT), "dsp"),
        (("g++", "-x", "c++", "-std=c++11", *WARNINGS), "mve"),
        (("tcc", "-Wall", "-Werror"), "mve"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
@BATCH
@given(graphs=ONE_OF_EACH)
def test_every_kind_that_the_library_has_kernels_for_by_every_compiler(
    compiler: Sequence[str], form: str, graphs: Sequence[Graph], tool: Tool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a warning."""
    assert_same_bits(
        graphs,
        tmp_path_factory.mktemp("cmsis"),
        tool(compiler[0]),
        [*compiler[1:], core(form)],
        backend="cmsis-nn",
        target=TARGETS[form],
        library=STAND_IN,
    )


@pytest.mark.parametrize("form", CORES)
def test_trained_models_give_every_byte_of_tensorflow_lite_micro(
    form: str, models: Path, gcc: str, tmp_path: Path
) -> None:
    trained = {file: (x[:1], y[:1]) for file, (x, y) in of_tflite_micro(models).items()}
    assert len(trained) == 11
    builds = [mnc.compile(mnc.load(file), "cmsis-nn", f"m{i}", TARGETS[form]) for i, file in enumerate(trained)]
    cases = [
        case_of(build, [x.reshape(1, *build.graph.inputs[0].type.shape)])
        for build, (x, _) in zip(builds, trained.values(), strict=True)
    ]
    got = run_cases(cases, tmp_path, gcc, ("-std=c89", "-O2", core(form)), library=STAND_IN)
    for (file, (_, y)), (output,) in zip(trained.items(), got, strict=True):
        np.testing.assert_array_equal(output.ravel(), y.ravel(), err_msg=file.name)


def test_predict_runs_the_code_with_the_library(cmsis_nn_path: Path, fixtures: Path, cc: str) -> None:
    build = mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), "cmsis-nn")
    with np.load(fixtures / "pico.int8.tflite.golden.npz") as data:
        x, y = data["x"].reshape(-1, 96, 96, 1)[:4], data["y_tflm"][:4]
    assert np.array_equal(np.asarray(build.predict(x, cmsis_nn=cmsis_nn_path)).reshape(y.shape), y)


def test_verify_sees_each_layer_of_an_output_over_its_input(cmsis_nn_path: Path, fixtures: Path, cc: str) -> None:
    found = verify(pico(fixtures), "cmsis-nn", settings={"ram": "least"}, cmsis_nn=cmsis_nn_path)
    assert all(layer.passed for layer in found.layers)


def pico(fixtures: Path) -> Graph:
    return mnc.load(fixtures / "pico.int8.tflite")


def kernels(graph: Graph, target: str | None, **options: str) -> list[str]:
    build = mnc.compile(graph, "cmsis-nn", "net", target, settings=options)
    return [layer.kernel for layer in build.report.layers]


@pytest.mark.parametrize(
    ("target", "depthwise"),
    [
        (None, "arm_depthwise_conv_wrapper_s8"),
        ("cortex-m0plus", "arm_depthwise_conv_3x3_s8"),
        ("cortex-m4", "arm_depthwise_conv_3x3_s8"),
        ("cortex-m55", "arm_depthwise_conv_s8_opt"),
    ],
)
def test_the_kernel_is_chosen_by_the_core(target: str | None, depthwise: str, fixtures: Path) -> None:
    pointwise = "arm_convolve_1x1_s8_fast"
    every = ["arm_convolve_s8", *3 * [depthwise, pointwise], "arm_max_pool_s8", pointwise, "arm_softmax_s8"]
    assert kernels(pico(fixtures), target) == every


@pytest.mark.parametrize(("target", "ram"), [("cortex-m4", 3840), ("cortex-m55", 8304), (None, 8304)])
def test_scratch_is_that_of_the_core(target: str | None, ram: int, fixtures: Path) -> None:
    """On MVE a depthwise convolution wants more of it than any layer has values."""
    report = mnc.compile(pico(fixtures), "cmsis-nn", "net", target, memory="fast").report
    assert report.ram.total == ram
    assert 0 < report.flash.total_constants - report.flash.weights < 1000, "structs"


@pytest.mark.parametrize(("target", "ram"), [("cortex-m4", 3120), ("cortex-m55", 7584)])
def test_outputs_lie_over_what_has_been_read_where_that_is_asked_for(target: str, ram: int, fixtures: Path) -> None:
    """The last layer's window is its whole input; what a pointwise one reads it reads in bands of rows."""
    build = mnc.compile(pico(fixtures), "cmsis-nn", "net", target, settings={"ram": "least"}, memory="fast")
    assert build.report.ram.total == ram
    assert build.report.ram.optimal
    plain = mnc.compile(pico(fixtures), "cmsis-nn", "net", target).report
    assert [layer.output_shape for layer in build.report.layers] == [layer.output_shape for layer in plain.layers]
    with pytest.raises(CompileError, match="is plain or least, not 'less'"):
        mnc.compile(pico(fixtures), "cmsis-nn", "net", target, settings={"ram": "less"})


def test_only_what_mnc_itself_loops_over_goes_from_the_last_row_to_the_first(models: Path) -> None:
    """The library's own loops go forwards; pointwise convolutions between them go back."""
    graph = mnc.compile(mnc.load(models / "mlperf_tiny/vww_96_int8.tflite"), "cmsis-nn", "net").graph
    program, planned = schedule(program_of(CmsisNN({"ram": "least"}, get("cortex-m4")), graph))
    backwards = {program.steps[i].kernel for i in planned.descending}
    assert backwards == {"arm_convolve_1x1_s8_fast"}
    assert {step.kernel for step in program.steps if step.whole} == {"arm_convolve_s8", "arm_depthwise_conv_3x3_s8"}


def test_the_report_says_why_the_library_does_not_compute_a_layer() -> None:
    given = Input("x", TensorType((4, 5), DType.INT8, SCALE))
    layer = Softmax(0, output=ElementType(DType.INT8, Quantisation((1 / 256,), -128)))
    report = mnc.compile(Graph("net", (given,), (Node(("y",), layer, ("x",)),), ("y",)), "cmsis-nn").report
    assert report.layers[0].reason == "CMSIS-NN's goes along the last axis only"
    assert "y (mnc_softmax_s8, because CMSIS-NN's goes along" in " ".join(
        compiled(report, Paper(160, False, True)).split()
    )


@pytest.mark.parametrize("form", CORES)
def test_a_wide_depthwise_convolution_keeps_its_input_on_mve(form: str) -> None:
    """There it goes through the rows once for each block of 124 channels."""
    channels, quant = 125, Quantisation((0.5,), 3)
    layer = DepthwiseConv2D(
        Constant(np.ones((3, 3, channels, 1), np.int8), Quantisation((0.01,))), output=ElementType(DType.INT8, quant)
    )
    given = Input("x", TensorType((9, 9, channels), DType.INT8, quant))
    graph = Graph("wide", (given,), (Node(("y",), layer, ("x",)),), ("y",))
    program = program_of(CmsisNN({"ram": "least"}, get(TARGETS[form])), graph)
    assert bool(program.steps[0].whole) == (form != "mve")


def test_the_fastest_kernels_are_mncs_own(fixtures: Path) -> None:
    graph = pico(fixtures)
    assert [name for name in kernels(graph, "cortex-m4", kernels="fastest") if name[:4] == "arm_"] == [
        "arm_max_pool_s8"
    ]
    own = kernels(graph, "cortex-m4", kernels="fastest")
    assert (own.count("mnc_depthwise3x3_planes_s8"), own.count("mnc_pointwise_few_s8")) == (3, 3)
    vectors = kernels(graph, "cortex-m55", kernels="fastest")
    assert [name for name in vectors if name[:4] == "arm_"] == ["arm_max_pool_s8"]
    assert vectors.count("mnc_conv2d_mve_s8") == 4
    assert vectors[-1] == "mnc_softmax_s8"
    with pytest.raises(CompileError, match="depends on the core"):
        kernels(graph, None, kernels="fastest")
    with pytest.raises(CompileError, match="is arm or fastest, not 'slowest'"):
        kernels(graph, "cortex-m4", kernels="slowest")


def on_int16(shape: tuple[int, ...], layer: Layer, inputs: int = 1) -> Graph:
    """A layer alone."""
    given = tuple(Input(f"x{i}", TensorType(shape, DType.INT16, SCALE)) for i in range(inputs))
    return Graph("one", given, (Node(("y",), layer, tuple(each.name for each in given)),), ("y",))


def conv_of_int16(channels: int) -> Graph:
    layer = Conv2D(Constant(np.ones((3, 3, channels, 4), np.int8), SCALE), output=ElementType(DType.INT16, SCALE))
    return on_int16((8, 8, channels), layer)


@pytest.mark.parametrize(
    ("target", "graph", "kernel"),
    [
        ("cortex-m3", conv_of_int16(16), "mnc_conv2d_s16"),
        ("cortex-m4", conv_of_int16(16), "arm_convolve_s16"),
        ("cortex-m4", conv_of_int16(1), "mnc_conv2d_s16"),
        ("cortex-m55", conv_of_int16(16), "arm_convolve_s16"),
        ("cortex-m4", on_int16((8, 8, 16), MaxPooling2D((2, 2), (2, 2))), "mnc_max_pooling2d_s16"),
        ("cortex-m55", on_int16((8, 8, 16), MaxPooling2D((2, 2), (2, 2))), "arm_max_pool_s16"),
        ("cortex-m55", on_int16((8, 8, 4), MaxPooling2D((2, 2), (2, 2))), "mnc_max_pooling2d_s16"),
        ("cortex-m3", on_int16((8, 8, 4), Multiply(output=ElementType(DType.INT16, SCALE)), 2), "mnc_multiply_s16"),
        (
            "cortex-m4",
            on_int16((8, 8, 4), Multiply(output=ElementType(DType.INT16, SCALE)), 2),
            "arm_elementwise_mul_s16",
        ),
    ],
    ids=lambda value: "" if isinstance(value, Graph) else value,
)
def test_the_fastest_kernels_on_int16(target: str, graph: Graph, kernel: str) -> None:
    assert kernels(graph, target, kernels="fastest") == [kernel]


@pytest.mark.parametrize(
    ("elements", "kernel"),
    [(1, "mnc_softmax_s16"), (2, "arm_softmax_s16"), (8, "arm_softmax_s16"), (9, "mnc_softmax_s16")],
)
def test_the_softmax_of_int16_that_does_not_saturate_is_taken_where_nothing_has_to(elements: int, kernel: str) -> None:
    layer = Softmax(output=ElementType(DType.INT16, Quantisation((2**-15,))))
    assert kernels(on_int16((3, elements), layer), "cortex-m4") == [kernel]


def test_the_report_names_what_the_library_computes(fixtures: Path) -> None:
    report = mnc.compile(pico(fixtures), "cmsis-nn", "net", "cortex-m55", settings={"kernels": "fastest"}).report
    text = compiled(report, Paper(160, False, True))
    assert "CMSIS-NN: 1 arm_max_pool_s8" in text
    assert "(mnc_softmax_s8, because it takes fewer instructions" in " ".join(text.partition("mnc's own: ")[2].split())
    assert "arm_" not in compiled(mnc.compile(pico(fixtures), "c", "net").report, Paper(160, False, True))


def test_a_network_that_the_library_computes_nothing_of_is_told() -> None:
    text = compiled(mnc.compile(networks.graph("pico"), "cmsis-nn", "net").report, Paper(160, False, True))
    assert "CMSIS-NN: computes no layer of this float32 network" in text
