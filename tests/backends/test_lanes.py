"""float32 kernels of vectors: their definition with a PC's and Helium's and without, and where they are."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Case, Tool, build, checked_run, run_cases
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import batches, networks, samples

import mnc
from mnc.backends.select import lanes
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Add, Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Constant, TensorType
from mnc.reference import evaluate
from mnc.verify import verify

RNG = np.random.default_rng(8)
HELIUM = "cortex-m55"
FUSED = ("-mavx2", "-mfma")
WAYS = {
    "four lanes": (),
    "eight lanes": ("-mavx",),
    "eight lanes, fused": FUSED,
    "without": ("-DMNC_NO_LANES",),
    "exact": ("-DMNC_EXACT_FMA",),
    "small": ("-DMNC_SMALL",),
}


def weights(*shape: int) -> Constant:
    return Constant(RNG.normal(size=shape).astype(np.float32))


@cache
def side_by_side() -> Graph:
    """Layers of random shapes: borders on any side, rows of one pixel and more, channels that fill no vector."""
    inputs, nodes = [], []
    for i in range(32):
        kernel = (1, 1) if i % 5 == 0 else (int(RNG.integers(1, 5)), int(RNG.integers(1, 5)))
        channels = int(RNG.choice([1, 3, 8, 11, 16, 20]))
        top, bottom, left, right = (int(RNG.integers(0, k)) for k in (*kernel, *kernel))
        padding = ((top, min(bottom, kernel[0] - 1)), (min(left, kernel[1] - 1), min(right, kernel[1] - 1)))
        side = int(RNG.integers(1, 4))
        stride, dilation = (side, side), (int(RNG.integers(1, 3)), int(RNG.integers(1, 3))) if side == 1 else (1, 1)
        clamp = (None, Relu(), Relu(1.5))[i % 3]
        x = TensorType((int(RNG.integers(8, 12)), int(RNG.choice([7, 8, 13, 24])), channels))
        if i % 2:
            filters = int(RNG.choice([1, 5, 8, 19, 33]))
            bias = weights(filters) if i % 4 == 1 else None
            layer: Conv2D | DepthwiseConv2D = Conv2D(
                weights(*kernel, channels, filters), bias, stride, padding, dilation, activation=clamp
            )
        else:
            channels = max(channels, 8)
            x = TensorType((*x.shape[:2], channels))
            bias = weights(channels) if i % 4 == 0 else None
            layer = DepthwiseConv2D(weights(*kernel, channels, 1), bias, stride, padding, dilation, activation=clamp)
        inputs.append(Input(f"x{i}", x))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    for i, (features, units) in enumerate(((40, 70), (7, 3), (16, 8))):
        inputs.append(Input(f"v{i}", TensorType((features,))))
        nodes.append(Node((f"d{i}",), Dense(weights(features, units), weights(units)), (f"v{i}",)))
    return Graph("layers", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


@cache
def planes() -> Graph:
    """A convolution whose output lies in planes for a depthwise one of few channels, and others after it."""
    layers = (
        Conv2D(weights(3, 3, 2, 5), weights(5), padding=((1, 1), (1, 1))),
        DepthwiseConv2D(weights(3, 3, 5, 1), weights(5), padding=((1, 1), (1, 1)), activation=Relu(6.0)),
        Conv2D(weights(1, 1, 5, 12), None, activation=Relu()),
        DepthwiseConv2D(weights(3, 3, 12, 1), weights(12), stride=(2, 2), padding=((1, 1), (1, 1))),
        Conv2D(weights(1, 1, 12, 9), weights(9)),
    )
    nodes = [Node((f"y{i}",), layer, (f"y{i - 1}" if i else "x",)) for i, layer in enumerate(layers)]
    return Graph("planes", (Input("x", TensorType((9, 10, 2))),), tuple(nodes), (nodes[-1].name,))


def supported(flags: tuple[str, ...]) -> bool:
    """Whether this machine's core has the instructions that flags of the compiler ask for."""
    try:
        return set(flags) <= {"-mavx", *FUSED} and {each[2:] for each in flags} <= set(
            Path("/proc/cpuinfo").read_text(encoding="ascii").split()
        )
    except OSError:
        return False


def assert_as_reference(
    graphs: list[Graph],
    folder: Path,
    compiler: str,
    flags: tuple[str, ...],
    emulator: tuple[str, ...] = (),
    target: str = "host",
) -> None:
    """The code of these graphs for a target, compiled with these flags, gives the reference's outputs."""
    machine = tuple(flag for flag in flags if flag.startswith("-m"))
    if machine and not supported(machine):
        pytest.skip("needs a core with AVX2")
    cases, wanted = [], []
    for i, graph in enumerate(graphs):
        built = mnc.compile(graph, name=f"n{i}", target=target, memory="least")
        sizes = [graph.types[output].elements for output in graph.outputs]
        cases.append(Case(f"n{i}", built.files, samples(graph), sizes))
        values = evaluate(graph, cases[-1].inputs)
        largest = max(float(np.abs(value).max()) for value in values.values())
        wanted.append(([values[output] for output in graph.outputs], max(largest, 1.0)))
    for case, (outputs, largest), got in zip(
        cases, wanted, run_cases(cases, folder, compiler, flags, emulator), strict=True
    ):
        for y, want in zip(got, outputs, strict=True):
            flat = want.reshape(len(y), -1)
            np.testing.assert_allclose(y, flat, rtol=1e-5, atol=2e-6 * largest, err_msg=case.name)


@pytest.mark.parametrize("way", WAYS)
def test_layers_compute_their_definition(way: str, gcc: str, tmp_path: Path) -> None:
    assert_as_reference([side_by_side(), planes()], tmp_path, gcc, (*SANITIZED, *WAYS[way]))


def test_layers_compute_their_definition_by_clang(tool: Tool, tmp_path: Path) -> None:
    clang = tool("clang")
    assert_as_reference([side_by_side()], tmp_path, clang, ("-std=c89", "-O2", *(FUSED if supported(FUSED) else ())))


def test_layers_compute_their_definition_on_aarch64(tool: Tool, tmp_path: Path) -> None:
    compiler, emulator = tool("aarch64-linux-gnu-gcc"), tool("qemu-aarch64")
    assert_as_reference([side_by_side(), planes()], tmp_path, compiler, (*STRICT, "-O2", "-static"), (emulator,))
    instructions = checked_run(["aarch64-linux-gnu-objdump", "-d", "program"], tmp_path)
    assert instructions.count("fmla") > 50


@pytest.mark.parametrize("way", ["four lanes", "eight lanes, fused", "without"])
def test_code_for_helium_computes_its_definition_elsewhere(way: str, gcc: str, tmp_path: Path) -> None:
    """Its weights are packed by four channels, of which a PC's eight lanes may hold too many."""
    assert_as_reference([side_by_side(), planes()], tmp_path, gcc, (*SANITIZED, *WAYS[way]), target=HELIUM)


def test_helium_computes_the_definition(tool: Tool, tmp_path: Path) -> None:
    compiler = tool("arm-none-eabi-gcc")
    tool("qemu-system-arm")
    for graph in (side_by_side(), planes()):
        assert verify(graph, target=HELIUM).passed
    build_ = mnc.compile(side_by_side(), name="n", target=HELIUM)
    flags = ("-mcpu=cortex-m55", "-mfloat-abi=hard")
    for name, text in build_.files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    for optimised in ("-O2", "-O0"):
        subprocess.run([compiler, *STRICT, *flags, optimised, "-S", "n.c"], cwd=tmp_path, check=True)
        assert (tmp_path / "n.s").read_text(encoding="ascii").count("vfma.f32 q") > 50


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking calls the compiler hundreds of times
)
@given(graphs=batches(networks(layers=[Conv2D, Dense, DepthwiseConv2D, Add]), 12))
def test_random_networks(graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_as_reference(
        graphs, tmp_path_factory.mktemp("networks"), gcc, (*SANITIZED, *(FUSED if supported(FUSED) else ()))
    )


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O0",), ("-O2", *FUSED), ("-O2", "-DMNC_NO_LANES"), ("-O2", "-mavx512f")]
)
def test_no_compiler_warns(flags: tuple[str, ...], gcc: str, tmp_path: Path) -> None:
    files = {"m.c": "int main(void) { return 0; }\n"}
    build(tmp_path, gcc, (*STRICT, *flags), mnc.compile(side_by_side(), name="n", target="host").files, files)


def test_a_vector_is_multiplied_at_once(gcc: str, tmp_path: Path) -> None:
    build_ = mnc.compile(side_by_side(), name="n", target="host")
    for name, text in build_.files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    for flags, instruction in ((), "mulps"), (FUSED, "vfmadd231ps"):
        subprocess.run([gcc, "-std=c89", "-O2", *flags, "-S", "n.c"], cwd=tmp_path, check=True)
        text = (tmp_path / "n.s").read_text(encoding="ascii")
        assert text.count(instruction) > 50


def test_which_layers_they_compute() -> None:
    kernels = [layer.kernel for layer in mnc.compile(side_by_side(), name="n", target="host").report.layers]
    assert set(kernels) == {"mnc_conv2d_lanes_f32", "mnc_depthwise2d_lanes_f32"}
    lanes_, planar = "mnc_conv2d_lanes_f32", "mnc_depthwise2d_f32"
    for target, few in (("host", planar), (HELIUM, "mnc_depthwise2d_lanes_f32")):
        mixed = [layer.kernel for layer in mnc.compile(planes(), name="n", target=target).report.layers]
        assert mixed[:4] == [lanes_, few, lanes_, "mnc_depthwise2d_lanes_f32"]


def test_one_channel_fills_too_little_of_a_vector() -> None:
    node = Node(("y",), Conv2D(weights(3, 3, 8, 1), None), ("x",))
    graph = Graph("g", (Input("x", TensorType((9, 9, 8))),), (node,), ("y",))
    (layer,) = mnc.compile(graph, name="n", target=HELIUM).report.layers
    assert layer.kernel == "mnc_conv2d_f32"


@pytest.mark.parametrize("target", ["host", HELIUM])
@pytest.mark.parametrize("height", [16, 17])
def test_a_depthwise_kernel_has_at_most_as_many_rows_as_there_are_pointers(
    height: int, target: str, gcc: str, tmp_path: Path
) -> None:
    node = Node(("y",), DepthwiseConv2D(weights(height, 1, 8, 1), None), ("x",))
    graph = Graph("g", (Input("x", TensorType((height + 1, 16, 8))),), (node,), ("y",))
    (layer,) = mnc.compile(graph, name="n", target=target).report.layers
    assert (layer.kernel == "mnc_depthwise2d_lanes_f32") == (height <= lanes.MOST_ROWS)
    assert_as_reference([graph], tmp_path, gcc, SANITIZED, target=target)


@pytest.mark.parametrize(("target", "chosen"), [("cortex-m4", {}), (None, {}), ("host", {"code": "compact"})])
def test_other_code_has_none(target: str | None, chosen: dict[str, str]) -> None:
    for graph in (side_by_side(), planes()):
        text = "".join(mnc.compile(graph, name="n", target=target, settings=chosen).files.values())
        assert "lanes" not in text.lower()


@pytest.mark.parametrize("memory", ["fast", "balanced", "least"])
def test_they_take_no_more_ram(memory: str) -> None:
    graph = planes()
    fast, plain = (mnc.compile(graph, memory=memory, target=target) for target in ("host", None))  # type: ignore[arg-type]
    assert fast.report.ram.total <= plain.report.ram.total


@pytest.mark.parametrize("target", ["host", HELIUM])
@given(
    width=st.integers(1, 40),
    taps=st.integers(1, 6),
    stride=st.integers(1, 3),
    padding=st.integers(0, 5),
    filters=st.integers(4, 40),
)
def test_blocks_fit_the_registers(target: str, width: int, taps: int, stride: int, padding: int, filters: int) -> None:
    layer = Conv2D(weights(1, taps, 4, filters), None, (1, stride), ((0, 0), (min(padding, taps - 1), taps - 1)))
    shape = layer.infer(TensorType((1, width, 4))).shape
    graph = Graph("g", (Input("x", TensorType((1, width, 4))),), (Node(("y",), layer, ("x",)),), ("y",))
    (step,) = mnc.compile(graph, target=target).emission.program.steps
    call = step.calls[0]
    if call.kernel != "mnc_conv2d_lanes_f32":
        assert target == HELIUM and filters % 4
        return
    pixels, vectors, packed = (int(str(call.arguments[n])) for n in ("block_pixels", "block_vectors", "packed"))
    assert 1 <= pixels <= shape[1] and packed % 4 == 0
    if target == "host":
        assert pixels <= lanes.MOST_PIXELS and vectors >= 2 and pixels * vectors <= lanes.SUMS
    else:
        assert (pixels + 1) * vectors <= lanes.HELIUM_REGISTERS and packed == vectors * lanes.HELIUM_LANES
