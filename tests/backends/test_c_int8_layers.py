"""Every int8 kernel of the C backends, under sanitizers, against the reference: the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from hypothesis import given
from hypothesis import strategies as st
from layer_kinds import KINDS, OF_PLACES, Draw, inputs_of
from networks import batches, single_layers
from quantised_networks import quantised
from same_bits import BATCH, assert_same_bits

from mnc.backends import get, program_of, refusals
from mnc.backends.select.quantised.table import INT8
from mnc.backends.select.values import VIEWS
from mnc.ir.activations import Relu, Sigmoid
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Dense,
    Dequantize,
    Flatten,
    GlobalAveragePooling,
    Identity,
    Maximum,
    Merge,
    Minimum,
    PReLU,
    Quantize,
    ResizeBilinear,
    Softmax,
    Subtract,
)
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, Shape, TensorType

LAYERS = sorted((kind for kind in INT8 if kind in KINDS), key=lambda kind: kind.__name__)
C = get("c")


@st.composite
def merges(draw: Draw, kind: type[Merge]) -> Graph:
    """A merge of operands that broadcast; maxima and minima of up to three."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    inputs: list[Input] = []
    for _ in range(draw(st.integers(2, 3)) if kind in (Maximum, Minimum) else kind.least):
        cut = draw(st.integers(0, len(shape) - 1)) if draw(st.booleans()) else 0
        own = tuple(draw(st.sampled_from([n, n, 1])) for n in shape[cut:])
        inputs.append(Input(f"x{len(inputs)}", TensorType(own)))
    names = tuple(each.name for each in inputs)
    return Graph("merge", tuple(inputs), (Node(("v0",), kind(), names),), ("v0",))


@st.composite
def int8_layers(draw: Draw, kind: type[Layer]) -> Graph:
    """A network of one layer of this kind in int8."""
    drawn = draw(merges(kind) if issubclass(kind, Merge) and draw(st.booleans()) else single_layers(kind))
    return quantised(drawn, draw(st.integers(0, 2**16)))


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
@BATCH
@given(data=st.data())
def test_a_layer_gives_the_same_bits(
    kind: type[Layer], data: st.DataObject, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs = data.draw(batches(int8_layers(kind), 8))
    assert_same_bits(graphs, tmp_path_factory.mktemp("int8"), gcc)


@pytest.mark.parametrize("flag", ["-DMNC_NO_INT64", "-DMNC_SMALL"])
@BATCH
@given(graphs=batches(st.sampled_from(LAYERS).flatmap(int8_layers), 32))
def test_layers_as_compiled_for_other_cores(
    graphs: Sequence[Graph], flag: str, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("int8"), gcc, [*SANITIZED, flag])


def test_every_kind_with_a_kernel_is_drawn() -> None:
    assert set(INT8) - set(LAYERS) == {Dequantize, Quantize, *OF_PLACES}


def test_scales_are_changed_by_the_quantise_layer(gcc: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    graphs = []
    for i in range(8):
        a, b = (Quantisation((float(s),), int(rng.integers(-128, 128))) for s in 0.02 * 2 ** rng.uniform(-2, 2, 2))
        nodes = [
            Node(("a",), Quantize(output=ElementType(DType.INT8, a)), ("x",)),
            Node(("b",), Quantize(output=ElementType(DType.INT8, b if i else a)), ("a",)),
            Node(("y",), Dequantize(), ("b",)),
        ]
        graphs.append(Graph("rescale", (Input("x", TensorType((4, 5))),), tuple(nodes), ("y",)))
    assert_same_bits(graphs, tmp_path, gcc)


def test_what_overflows_saturates(gcc: str, tmp_path: Path) -> None:
    """An output scale so small that shifts to the left leave 32 bits."""
    fine = Quantisation((2.0**-24,), 5)
    given = Quantisation((2.0**5,), -3)
    weights = Constant(np.arange(-12, 12, dtype=np.int8).reshape(8, 3), Quantisation((1.0,)))
    graphs = [
        Graph(
            "saturating",
            (Input("x", TensorType((8,))),),
            (
                Node(("a",), Quantize(output=ElementType(DType.INT8, given)), ("x",)),
                Node(("b",), layer, ("a",) * inputs_of(layer)[0]),
                Node(("y",), Dequantize(), ("b",)),
            ),
            ("y",),
        )
        for layer in (
            Dense(weights, output=ElementType(DType.INT8, fine)),
            Subtract(output=ElementType(DType.INT8, fine)),
            Add(output=ElementType(DType.INT8, fine)),
            Quantize(output=ElementType(DType.INT8, fine)),
        )
    ]
    assert_same_bits(graphs, tmp_path, gcc)


def test_quantising_takes_any_number(gcc: str, tmp_path: Path) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.5, -0.5, 1.5, 254.5, 0.0], np.float32)
    quant = Quantisation((1.0,), 3)
    nodes = (
        Node(("a",), Quantize(output=ElementType(DType.INT8, quant)), ("x",)),
        Node(("y",), Dequantize(), ("a",)),
    )
    graph = Graph("numbers", (Input("x", TensorType((10,))),), nodes, ("y",))
    case = Case("n0", C.emit(program_of(C, graph), "n0").files, [values.reshape(1, 10)], [10])
    ((got,),) = run_cases([case], tmp_path, gcc, [*SANITIZED, "-fsanitize=float-cast-overflow"])
    assert got[0].tolist() == [-131, 124, -131, 124, -131, 1, -1, 2, 124, 0]


INT8_VALUE = Quantisation((0.1,), 3)


def refusal(layer: Layer, *shapes: Shape, quant: Quantisation | None = INT8_VALUE, dtype: DType = DType.INT8) -> str:
    """Why the backend does not take a layer on such inputs; nothing where it does."""
    inputs = tuple(Input(f"x{i}", TensorType(shape, dtype, quant)) for i, shape in enumerate(shapes or [(4, 4, 2)]))
    graph = Graph("refused", inputs, (Node(("y",), layer, tuple(i.name for i in inputs)),), ("y",))
    return "".join(refusals(C, graph).values())


OUT = ElementType(DType.INT8, Quantisation((0.2,), -7))
ROUND_0 = Quantisation((0.01,))


def int8_dense(**changes: Any) -> Dense:
    return replace(Dense(Constant(np.ones((2, 3), np.int8), ROUND_0), output=OUT), **changes)


def weights(array: Array, quant: Quantisation | None = ROUND_0) -> Constant:
    return Constant(array, quant)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (int8_dense(activation=Sigmoid()), "Dense has no int8 kernel with Sigmoid fused"),
        (int8_dense(activation=Relu(None, 0.1)), "Dense has no int8 kernel with Relu fused"),
        (int8_dense(activation=Relu(1e38)), "Dense has no int8 kernel for a clamp at 1e+38 on the output's scale"),
        (int8_dense(output=None), "Dense has no int8 kernel for an output without a scale"),
        (int8_dense(output=ElementType(DType.INT16, ROUND_0)), "Dense has no int16 kernel from int8 for more"),
        (int8_dense(output=ElementType(DType.INT8)), "Dense has no int8 kernel for an output without a scale"),
        (int8_dense(weights=weights(np.ones((2, 3), np.float32))), "Dense has no int8 kernel for weights that"),
        (int8_dense(weights=weights(np.ones((2, 3), np.int8), None)), "Dense has no int8 kernel for weights that"),
        (
            int8_dense(weights=weights(np.ones((2, 3), np.int8), Quantisation((1.0, 2.0), 0, 0))),
            "Dense has no int8 kernel for 2 scales of 3 channels",
        ),
        (
            int8_dense(weights=weights(np.ones((2, 3), np.int8), Quantisation((1e30,)))),
            "Dense has no int8 kernel for weights of such scales",
        ),
        (int8_dense(bias=Constant(np.zeros(3, np.float32))), "Dense has no int8 kernel for a bias that is not int32"),
        (
            int8_dense(bias=Constant(np.full(3, 2**31 - 100, np.int32))),
            "Dense has no int8 kernel for sums beyond 32 bits",
        ),
        (
            int8_dense(output=ElementType(DType.INT8, Quantisation((1e-15,)))),
            "Dense has no int8 kernel for scales so far apart",
        ),
        (AveragePooling2D(count_padding=True), "AveragePooling2D has no int8 kernel that counts the padding"),
        (
            AveragePooling2D(output=ElementType(DType.INT8, Quantisation((0.1, 0.1), 0, 2))),
            "AveragePooling2D has no int8 kernel for an output with several scales",
        ),
        (
            Identity(output=ElementType(DType.INT8, Quantisation((0.1,), 128))),
            "Identity has no int8 kernel for an output with the zero point 128",
        ),
        (
            Identity(output=ElementType(DType.INT8, Quantisation((1e-30,)))),
            "Identity has no int8 kernel for an output of scale 1e-30",
        ),
        (
            Activation(Relu(None, 1e20), output=OUT),
            "Activation has no int8 kernel for scales so far apart",
        ),
        (Flatten(output=OUT), "Flatten keeps the scale and the element type"),
        (PReLU(weights(np.ones((1, 1, 2), np.float32), None), output=OUT), "PReLU has no int8 kernel for float32 as"),
        (ResizeBilinear((5000, 2), output=None), "ResizeBilinear has no int8 kernel from 4 rows to 5000"),
    ],
)
def test_what_has_no_kernel_is_named(layer: Layer, reason: str) -> None:
    assert refusal(layer).startswith(reason)


def test_sums_of_three_are_named() -> None:
    reason = "Add has no int8 kernel for 3 operands; combine them two by two"
    assert refusal(Add(output=OUT), (2,), (2,), (2,)) == reason


def test_other_operands_are_named() -> None:
    assert refusal(Softmax(output=OUT), (5,), quant=Quantisation((1e-9,))).endswith("for an input of scale 1e-09")
    assert "int8 as output" in refusal(Identity(output=OUT), (5,), quant=ROUND_0, dtype=DType.INT16)
    assert "float32 as input" in refusal(Identity(output=OUT), (5,), dtype=DType.FLOAT32, quant=None)
    assert refusal(Identity(), (5,), quant=None) == "Identity has no kernel for int8 without a scale"
    assert "8,388,608" in refusal(GlobalAveragePooling(output=OUT), (3000, 3000, 1))
    assert "8,388,608" in refusal(AveragePooling2D((3000, 3000)), (3000, 3000, 1))


def test_views_keep_what_they_are_given() -> None:
    for kind in VIEWS:
        assert kind not in INT8
