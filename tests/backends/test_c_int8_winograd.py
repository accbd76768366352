"""int8 convolutions by Winograd's F(4, 3): the reference's bits on any core, and where their constants are taken."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Everything
from quantised_networks import beside_each_other
from same_bits import assert_same_bits

import mnc
from mnc.backends import interface
from mnc.backends.select.quantised import winograd
from mnc.backends.select.quantised.winograd import gains
from mnc.backends.select.winograd import FILTERS, INPUTS, OUTPUTS, SCALE, worthwhile
from mnc.errors import CompileError
from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, TensorType
from mnc.reference import predict
from mnc.targets import Interface, get
from mnc.targets.measure import run

RNG = np.random.default_rng(34)
KERNEL = "mnc_conv2d_winograd_s8"


@settings(deadline=None)
@given(st.lists(st.integers(-128, 127), min_size=3, max_size=3), st.lists(st.integers(0, 255), min_size=6, max_size=6))
def test_the_transforms_convolve(taps: list[int], columns: list[int]) -> None:
    products = (FILTERS @ taps) * (INPUTS @ columns)
    want = [sum(taps[j] * columns[i + j] for j in range(3)) for i in range(4)]
    assert (OUTPUTS @ products).tolist() == [SCALE * each for each in want]


def test_the_transforms_fit_16_bits() -> None:
    """Whatever the weights and the inputs, which count from -128, are."""
    assert 128 * np.abs(FILTERS).sum(axis=1).max() < 2**15
    assert 255 * np.abs(INPUTS).sum(axis=1).max() < 2**15


def conv(
    kernel_height: int,
    inputs: int,
    outputs: int,
    extreme: int = 0,
    **attributes: Any,
) -> Conv2D:
    """A layer with any weights; of -128 and 127 only where it is `extreme`, in runs of one sign where that is 2."""
    shape = (kernel_height, 3, inputs, outputs)
    array = RNG.integers(-128, 128, shape)
    if extreme:
        signs = RNG.random((1, 1, 1, outputs) if extreme == 2 else shape) < 0.5
        array = np.where(np.broadcast_to(signs, shape), -128, 127)
    scales = tuple(float(s) for s in RNG.uniform(0.002, 0.02, outputs).astype(np.float32))
    function: Function | None = [None, Relu(), Relu(6.0)][RNG.integers(3)]
    scale = float(np.float32(0.02 * 0.01 * 74 * 74 * np.sqrt(kernel_height * 3 * inputs) / 60))
    return Conv2D(
        Constant(array.astype(np.int8), Quantisation(scales, 0, 3)),
        Constant(RNG.integers(-4000, 4000, outputs).astype(np.int32)),
        activation=function,
        output=ElementType(DType.INT8, Quantisation((scale,), int(RNG.integers(-128, 128)))),
        **attributes,
    )


SAME = ((1, 1), (1, 1))


def layers() -> Iterator[tuple[tuple[int, int, int], Conv2D]]:
    """Shapes of images, and layers: blocks that overlap either way, borders on all sides, any height of the kernel."""
    for width in (8, 9, 11, 15, 16, 17, 21):
        yield (3, width, 4), conv(3, 4, 4, padding=SAME)
    for channels, outputs in ((4, 5), (8, 7), (12, 9), (16, 16), (20, 6), (36, 4)):
        yield (4, 10, channels), conv(3, channels, outputs, padding=SAME)
    yield (5, 16, 16), conv(3, 16, 8, extreme=1, padding=SAME)
    yield (5, 16, 16), conv(3, 16, 8, extreme=2, padding=SAME)
    yield (1, 16, 8), conv(1, 8, 4, extreme=2, padding=((0, 0), (1, 1)))
    yield (9, 12, 4), conv(5, 4, 4, padding=((2, 2), (0, 0)), stride=(2, 1))
    yield (7, 12, 4), conv(2, 4, 6, padding=((1, 1), (2, 2)), dilation=(2, 1))
    yield (3, 9, 4), conv(3, 4, 4, padding=((2, 2), (0, 1)))


@cache
def side_by_side() -> Graph:
    return beside_each_other(layers(), RNG)


def samples(graph: Graph) -> list[Array]:
    """Any values, and of both ends only: column by column, and at random."""
    found = []
    for each in graph.inputs:
        shape = each.type.shape
        columns = np.where(np.arange(shape[1])[None, :, None] // 2 % 2, 127, -128)
        found.append(
            np.stack(
                [
                    RNG.integers(-128, 128, shape),
                    np.broadcast_to(columns, shape),
                    np.where(RNG.random(shape) < 0.5, -128, 127),
                    np.full(shape, -128),
                    np.full(shape, 127),
                ]
            ).astype(np.int8)
        )
    return found


def kernels(graph: Graph, target: str | None = None, **options: dict[str, str]) -> list[str | None]:
    return [layer.kernel for layer in mnc.compile(graph, name="n", target=target, **options).report.layers]  # type: ignore[arg-type]


@pytest.fixture
def every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No layer is too small to be worth its constants, and no window too large for the stack."""
    monkeypatch.setattr(winograd, "ON_STACK", 100_000)
    monkeypatch.setattr(interface, "worthwhile", lambda gains, budget: Everything())


@pytest.mark.usefixtures("every_layer")
def test_every_layer_goes_so() -> None:
    assert set(kernels(side_by_side())) == {KERNEL}


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize("flags", [[], ["-DMNC_SMALL"], ["-DMNC_NO_INT64"]], ids=str)
def test_the_same_bits_here(flags: list[str], gcc: str, tmp_path: Path) -> None:
    assert_same_bits([side_by_side()], tmp_path, gcc, [*SANITIZED, *flags])


@pytest.mark.usefixtures("every_layer")
@pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None,
    reason="needs arm-none-eabi-gcc and qemu-system-arm",
)
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_the_same_bits_on(core: str) -> None:
    """One text for all of them: that of no target."""
    graph = side_by_side()
    xs, build = samples(graph), mnc.compile(graph, name="layers")
    got = run(get(core), build.files, Interface.of_graph(graph, "layers"), xs)
    for y, want in zip(got, predict(graph, xs), strict=True):
        np.testing.assert_array_equal(y.reshape(want.shape), want)


def chain(size: int, channels: Sequence[int]) -> Graph:
    """Convolutions of 3x3, one behind the other."""
    nodes = [
        Node((f"v{i}",), conv(3, *pair, padding=SAME), (f"v{i - 1}" if i else "x",))
        for i, pair in enumerate(pairwise(channels))
    ]
    image = Input("x", TensorType((size, size, channels[0]), DType.INT8, Quantisation((0.02,), -3)))
    return Graph("chain", (image,), tuple(nodes), (nodes[-1].outputs[0],))


def test_by_default_where_little_flash_saves_much() -> None:
    graph = chain(32, [4, 16, 16, 16, 4])
    assert [name == KERNEL for name in kernels(graph, "cortex-m4")] == [False, True, True, False]
    assert KERNEL not in kernels(chain(32, [32, 32, 32]), "cortex-m4")
    assert KERNEL not in kernels(chain(10, [16, 16]), "cortex-m4")


@pytest.mark.parametrize(
    ("target", "chosen"),
    [("cortex-m4", {"flash": "0"}), ("cortex-m4", {"code": "compact"}), ("cortex-m3", {}), ("cortex-m55", {})],
)
def test_no_larger_constants(target: str, chosen: dict[str, str]) -> None:
    assert KERNEL not in kernels(chain(32, [16, 16]), target, settings=chosen)


@settings(deadline=None, max_examples=25)
@given(
    size=st.integers(8, 20),
    channels=st.lists(st.sampled_from([4, 8, 16, 20]), min_size=2, max_size=5),
    budget=st.integers(0, 20_000),
)
def test_constants_grow_by_no_more_than_the_budget(size: int, channels: list[int], budget: int) -> None:
    graph = chain(size, channels)
    chosen = worthwhile(gains(graph), budget)
    sizes = [node.layer.weights.shape for node in graph.nodes if isinstance(node.layer, Conv2D) and node.name in chosen]
    assert sum(2 * 6 * 3 * shape[2] * shape[3] - 9 * shape[2] * shape[3] for shape in sizes) <= budget
    assert chosen <= worthwhile(gains(graph), 10**9)


@pytest.mark.parametrize("flash", ["-1", "1.5", "", "many", "12KB", "9999999999"])
def test_a_budget_is_a_number_of_bytes(flash: str) -> None:
    with pytest.raises(CompileError, match="option 'flash': is a number of bytes, such as 8192 or 8K"):
        mnc.compile(chain(8, [4, 4]), name="n", settings={"flash": flash})


@pytest.mark.usefixtures("every_layer")
def test_sums_that_could_leave_32_bits_go_another_way() -> None:
    """24 times 255 times the weights of a channel are 2^31: beside it a layer just below goes by tiles."""
    largest = 2**31 // (24 * 255 * 127)
    for inputs, fits in ((largest // 9 // 4 * 4, True), (largest // 9 // 4 * 4 + 4, False)):
        layer = conv(3, inputs, 4, padding=SAME)
        layer = replace(
            layer,
            weights=Constant(np.full((3, 3, inputs, 4), 127, np.int8), layer.weights.quant),
        )
        image = Input("x", TensorType((1, 8, inputs), DType.INT8, Quantisation((0.02,), -3)))
        graph = Graph("one", (image,), (Node(("y",), layer, ("x",)),), ("y",))
        assert (kernels(graph) == [KERNEL]) is fits
