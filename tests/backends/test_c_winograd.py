"""float32 convolutions by Winograd's F(4, 3): where they are asked for, and their rounding, as the report tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Case, build, run_cases
from networks import Everything

import mnc
from mnc.backends import interface
from mnc.backends.select.winograd import FILTERS, INPUTS, KERNEL, OUTPUTS, SCALE, rounding
from mnc.errors import CompileError
from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D
from mnc.ir.types import Array, Constant, TensorType
from mnc.reference import predict
from mnc.targets import Interface, get
from mnc.targets.measure import run

RNG = np.random.default_rng(43)
ASKED: Mapping[str, str] = {"winograd": "1"}
SAME = ((1, 1), (1, 1))


def conv(height: int, inputs: int, outputs: int, function: Function | None = None, **attributes: Any) -> Conv2D:
    weights = Constant(RNG.normal(size=(height, 3, inputs, outputs)).astype(np.float32))
    bias = Constant(RNG.normal(size=outputs).astype(np.float32)) if outputs % 2 else None
    return Conv2D(weights, bias, activation=function, **attributes)


def layers() -> Iterator[tuple[tuple[int, int, int], Conv2D]]:
    """Shapes of images, and layers: blocks that overlap either way, borders on all sides, any height of the kernel."""
    for width in (4, 9, 21):
        yield (3, width, 2), conv(3, 2, 5, Relu(), padding=SAME)
    for channels, outputs in ((1, 1), (3, 7), (20, 6)):
        yield (4, 18, channels), conv(3, channels, outputs, Relu(6.0), padding=SAME)
    # y5, just before, has no gap in the arena, and a window too large for the stack
    yield (1, 16, 8), conv(1, 8, 4, padding=((0, 0), (1, 1)))
    yield (9, 12, 4), conv(5, 4, 4, padding=((2, 2), (0, 0)), stride=(2, 1))
    yield (7, 12, 4), conv(2, 4, 6, Relu(None, 0.1), padding=((1, 1), (2, 2)), dilation=(2, 1))
    yield (3, 9, 4), conv(3, 4, 4, padding=((2, 2), (0, 1)))


def beside(each: Iterator[tuple[tuple[int, int, int], Conv2D]]) -> Graph:
    pairs = list(each)
    inputs = tuple(Input(f"x{i}", TensorType(shape)) for i, (shape, _) in enumerate(pairs))
    nodes = tuple(Node((f"y{i}",), layer, (f"x{i}",)) for i, (_, layer) in enumerate(pairs))
    return Graph("layers", inputs, nodes, tuple(node.name for node in nodes))


@cache
def side_by_side() -> Graph:
    return beside(layers())


def chain(size: int, *channels: int) -> Graph:
    nodes = tuple(
        Node((f"v{i + 1}",), conv(3, channels[i], channels[i + 1], padding=SAME), (f"v{i}",))
        for i in range(len(channels) - 1)
    )
    image = Input("v0", TensorType((size, size, channels[0])))
    return Graph("chain", (image,), nodes, (nodes[-1].name,))


def samples(graph: Graph) -> list[Array]:
    return [RNG.normal(size=(3, *each.type.shape)).astype(np.float32) for each in graph.inputs]


def assert_near(graph: Graph, got: Sequence[Array], wanted: Sequence[Array]) -> None:
    """Within ten times the rounding of noise, of the layer's largest output."""
    for node, y, want in zip(graph.nodes, got, wanted, strict=True):
        assert isinstance(node.layer, Conv2D)
        limit = 10 * max(rounding(node.layer), 1e-7) * max(float(np.abs(want).max()), 1.0)
        np.testing.assert_allclose(y.reshape(want.shape), want, rtol=0, atol=limit, err_msg=node.name)


def kernels(graph: Graph, target: str | None, **settings: str) -> list[str]:
    return [layer.kernel for layer in mnc.compile(graph, name="n", target=target, settings=settings).report.layers]


@pytest.fixture
def every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No layer is too small to be worth its constants."""
    monkeypatch.setattr(interface, "worthwhile", lambda gains, budget: Everything())


def test_the_transforms_convolve() -> None:
    taps, columns = RNG.integers(-100, 100, (3, 50)), RNG.integers(-100, 100, (6, 50))
    want = [sum(taps[j] * columns[i + j] for j in range(3)) for i in range(4)]
    assert (OUTPUTS @ ((FILTERS @ taps) * (INPUTS @ columns)) == SCALE * np.stack(want)).all()


@pytest.mark.usefixtures("every_layer")
@pytest.mark.parametrize("flags", [[], ["-DMNC_SMALL"]], ids=str)
def test_layers_compute_their_definition(flags: list[str], gcc: str, tmp_path: Path) -> None:
    graph = side_by_side()
    xs = samples(graph)
    made = mnc.compile(graph, name="n", settings=ASKED)
    assert [layer.name for layer in made.report.layers if layer.kernel != KERNEL] == ["y5"]
    case = Case("n", made.files, xs, [graph.types[output].elements for output in graph.outputs])
    (got,) = run_cases([case], tmp_path, gcc, (*SANITIZED, *flags))
    assert_near(graph, got, [*predict(graph, xs)])


@pytest.mark.usefixtures("every_layer")
def test_on_an_fpu_of_arm(arm_gcc: str, qemu_arm: str) -> None:
    graph = side_by_side()
    xs, made = samples(graph), mnc.compile(graph, name="layers", target="cortex-m4", settings=ASKED)
    got = run(get("cortex-m4"), made.files, Interface.of_graph(graph, "layers"), xs)
    assert_near(graph, got, [*predict(graph, xs)])


@pytest.mark.usefixtures("every_layer")
def test_no_compiler_warns(gcc: str, tmp_path: Path) -> None:
    files = {"m.c": "int main(void) { return 0; }\n"}
    build(tmp_path, gcc, (*STRICT, "-O2"), mnc.compile(side_by_side(), name="n", settings=ASKED).files, files)


def test_only_where_it_is_asked_for_and_worth_its_constants() -> None:
    graph = chain(32, 4, 16, 16, 4)
    assert KERNEL not in kernels(graph, "cortex-m4")
    assert [kernel == KERNEL for kernel in kernels(graph, "cortex-m4", **ASKED)] == [False, True, False]
    assert KERNEL not in kernels(graph, "cortex-m4", **ASKED, flash="0")
    assert [kernel == KERNEL for kernel in kernels(graph, "cortex-m4", **ASKED, flash="900K")] == [True, True, False]


def test_the_report_tells_the_rounding() -> None:
    graph = chain(32, 16, 16)
    layer = graph.nodes[0].layer
    assert isinstance(layer, Conv2D)
    build = mnc.compile(graph, name="n", target="cortex-m4", settings=ASKED)
    assert build.report.layers[0].reason == f"results move by {rounding(layer):.0e} of the largest"
    assert 1e-8 < rounding(layer) < 1e-5


@pytest.mark.parametrize(
    ("target", "other", "fault"),
    [("host", {}, "no kernel for the vectors of host"), (None, {"code": "compact"}, "large code and constants")],
)
def test_where_it_cannot_be(target: str | None, other: dict[str, str], fault: str) -> None:
    with pytest.raises(CompileError, match=f"option 'winograd': .*{fault}"):
        mnc.compile(chain(8, 4, 4), name="n", target=target, settings={**ASKED, **other})
