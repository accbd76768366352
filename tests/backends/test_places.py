"""Values of int32: places along an axis, and numbers that have a scale, in generated C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from quantised_networks import wide_ends

import mnc
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import ArgMax, ArgMin, Identity, Quantize, Reshape
from mnc.ir.types import Array, DType, ElementType, Quantisation, TensorType

SHAPES = ((5,), (3, 4), (2, 3, 4), (2, 3, 4, 3))
ELEMENTS = {
    DType.FLOAT32: ElementType(DType.FLOAT32),
    DType.INT8: ElementType(DType.INT8, Quantisation((0.1,), 3)),
    DType.INT16: ElementType(DType.INT16, Quantisation((0.01,))),
}
INT32 = ElementType(DType.INT32, Quantisation((0.25,)))


def of(element: ElementType, shape: tuple[int, ...], *layers: Layer) -> Graph:
    """A network of these layers, one behind the other."""
    names = ("x", *(f"y{i}" for i in range(len(layers))))
    nodes = tuple(Node((names[i + 1],), layer, (names[i],)) for i, layer in enumerate(layers))
    return Graph("net", (Input("x", TensorType(shape, element.dtype, element.quant)),), nodes, (names[-1],))


def few_values(graph: Graph, samples: int = 4) -> Array:
    """Numbers that are often equal."""
    rng = np.random.default_rng(graph.inputs[0].type.elements)
    return rng.integers(-3, 4, (samples, *graph.inputs[0].type.shape)).astype(graph.inputs[0].type.dtype.numpy)


def plainly(layer: ArgMax | ArgMin, x: Array) -> Array:
    """Where the extreme lies in each vector, searched one element at a time."""
    vectors = np.moveaxis(x, layer.axis % (x.ndim - 1) + 1, -1)
    found = np.zeros(vectors.shape[:-1], np.int32)
    for place in np.ndindex(found.shape):
        own = vectors[place].tolist()
        found[place] = own.index(min(own) if isinstance(layer, ArgMin) else max(own))
    return found


def test_places_are_those_of_the_first_extreme(gcc: str, tmp_path: Path) -> None:
    forms = [(shape, kind(axis)) for shape in SHAPES for kind in (ArgMax, ArgMin) for axis in range(-1, len(shape))]
    layers = [(element, *form) for element in ELEMENTS.values() for form in forms]
    graphs = [of(*each) for each in layers]
    cases = []
    for i, graph in enumerate(graphs):
        build = mnc.compile(graph, name=f"n{i}")
        cases.append(Case(build.name, build.files, [few_values(graph)], [graph.types["y0"].elements], ["int32"]))
    for graph, (_, _, layer), (got,) in zip(graphs, layers, run_cases(cases, tmp_path, gcc, SANITIZED), strict=True):
        x = few_values(graph)
        expected = plainly(layer, x)
        np.testing.assert_array_equal(np.asarray(graph.predict(x)), expected)
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def test_numbers_of_int32_are_rescaled_as_the_reference_does(gcc: str, tmp_path: Path) -> None:
    graphs = wide_ends()
    cases, given = [], []
    for i, graph in enumerate(graphs):
        rng, of_input = np.random.default_rng(i), graph.inputs[0].type
        x = rng.integers(of_input.dtype.least, of_input.dtype.most + 1, (3, *of_input.shape))
        given.append(x.astype(of_input.dtype.numpy))
        build = mnc.compile(graph, name=f"n{i}")
        types = [build.graph.types[name] for name in build.graph.outputs]
        sizes, names = [each.elements for each in types], [each.dtype.value for each in types]
        cases.append(Case(build.name, build.files, [given[-1]], sizes, names))
    for graph, x, got in zip(graphs, given, run_cases(cases, tmp_path, gcc, SANITIZED), strict=True):
        expected = graph.predict(x)
        for own, wanted in zip(got, expected if isinstance(expected, list) else [expected], strict=True):
            np.testing.assert_array_equal(own.reshape(wanted.shape), wanted)


@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_places_are_given_out_twice_and_under_another_shape(backend: str, cc: str) -> None:
    graph = of(ELEMENTS[DType.FLOAT32], (3, 4), ArgMax(), Reshape((1, 3)), Identity())
    graph = Graph("net", graph.inputs, graph.nodes, ("y0", "y1", "y2", "y0"))
    x = few_values(graph)
    build = mnc.compile(graph, backend, "Net")
    y = build.predict(x)
    assert isinstance(y, list)
    assert {each.dtype for each in y} == {np.dtype(np.int32)}
    for each in y:
        np.testing.assert_array_equal(each.reshape(4, 3), plainly(ArgMax(), x))
    header = next(text for name, text in build.files.items() if name.endswith(".h"))
    assert "int32_t" in header


def test_numbers_with_a_scale_come_back_as_real_ones(cc: str) -> None:
    graph = of(ELEMENTS[DType.INT8], (8,), Quantize(output=INT32))
    x = np.linspace(-3.0, 3.0, 8, dtype=np.float32)[np.newaxis]
    for y in (graph.predict(x), mnc.compile(graph).predict(x)):
        np.testing.assert_allclose(np.asarray(y), x, atol=0.2)
    assert "void net_dequantize_output(const int32_t *stored, float *real)" in mnc.compile(graph).files["net.h"]


@pytest.mark.parametrize(
    ("graph", "what"),
    [
        (of(ELEMENTS[DType.FLOAT32], (3, 4), ArgMax(), ArgMin()), "no kernel for ArgMin on int32 values"),
        (of(INT32, (4,), Quantize(output=ELEMENTS[DType.INT8])), "inputs and states of int32 are not taken"),
        (
            of(ELEMENTS[DType.INT8], (4,), Quantize(output=ElementType(DType.INT32, Quantisation((1e-5,))))),
            "for scales so far apart",
        ),
    ],
)
def test_what_int32_is_not_for_is_refused_by_name(graph: Graph, what: str) -> None:
    with pytest.raises(CompileError, match=what):
        mnc.compile(graph)


def test_a_network_that_gives_places_is_not_quantised() -> None:
    graph = of(ELEMENTS[DType.FLOAT32], (6, 5), ArgMax())
    with pytest.raises(CompileError, match="gives places, which are no float32"):
        mnc.compile(graph, quantize="int8", calibration=np.zeros((4, 6, 5), np.float32))
