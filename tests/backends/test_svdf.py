"""SVDF in integers: the layers that it becomes, between int8 and int16, in generated C."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from tflite_cases import OPERATORS
from tflite_drawing import Case as Drawn
from tflite_files import read

import mnc
from mnc.errors import CompileError
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType


@dataclass
class Seeded(Drawn):
    """A file in the making, drawn by its generator alone."""

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))


def drawn(seed: int) -> Graph:
    """A network of one SVDF."""
    graph = read(OPERATORS["svdf"](Seeded(lambda _: None, True, np.random.default_rng(seed)))).graph
    assert graph is not None
    return graph


def test_generated_code_gives_the_reference_bytes_from_run_to_run(gcc: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    graphs = [drawn(seed) for seed in range(24)]
    assert {each.dtype.value for graph in graphs for each in graph.types.values()} == {"int8", "int16"}
    given = [rng.integers(-128, 128, (6, *graph.inputs[0].type.shape)).astype(np.int8) for graph in graphs]
    cases = []
    for i, (graph, x) in enumerate(zip(graphs, given, strict=True)):
        sizes = [graph.types[name].elements for name in graph.outputs]
        build = mnc.compile(graph, name=f"n{i}")
        cases.append(Case(build.name, build.files, [x], sizes, ["int8"] * len(sizes)))
    for graph, x, got in zip(graphs, given, run_cases(cases, tmp_path, gcc, SANITIZED), strict=True):
        y = np.asarray(graph.predict(x))
        np.testing.assert_array_equal(got[0].reshape(y.shape), y)


def test_the_frames_are_kept_once() -> None:
    graph = next(g for g in map(drawn, range(9)) if g.states and g.states[0].type.dtype is DType.INT16)
    state = graph.states[0].type
    frame = state.bytes // state.shape[0]
    assert mnc.compile(graph).report.ram.state == state.bytes + frame


INT16 = ElementType(DType.INT16, Quantisation((2.0**-10,)))
INT8 = ElementType(DType.INT8, Quantisation((0.1,), 3))
SCALE = Quantisation((0.01,))


def of(layer: Layer, given: ElementType, *shape: int) -> Graph:
    x = Input("x", TensorType(shape, given.dtype, given.quant))
    return Graph("net", (x,), (Node(("y",), layer, ("x",)),), ("y",))


def weights(dtype: type[np.integer[Any]], *shape: int) -> Constant:
    return Constant(np.ones(shape, dtype), SCALE)


BIAS = Constant(np.zeros(2, np.int32))
WINDOW = Conv2D(weights(np.int16, 3, 1, 2, 2), BIAS, groups=2, output=INT8)


@pytest.mark.parametrize(
    ("graph", "what"),
    [
        (of(Dense(weights(np.int8, 3, 2), output=INT16), INT8, 4, 3), "from int8 for more than one vector"),
        (
            of(Dense(Constant(np.ones((3, 2), np.int8), Quantisation((0.1, 0.2), axis=1)), output=INT16), INT8, 3),
            "from int8 for weights of several scales",
        ),
        (of(replace(WINDOW, padding=((1, 1), (0, 0))), INT16, 1, 1, 4), "more than one sum over each group"),
        (of(WINDOW, INT16, 4, 1, 4), "more than one sum over each group"),
        (of(replace(WINDOW, bias=None), INT16, 3, 1, 4), "for a bias that is not int32"),
        (of(replace(WINDOW, output=INT16), INT16, 3, 1, 4), "for int16 as output"),
        (of(WINDOW, INT8, 3, 1, 4), "for weights that are not int8"),
    ],
)
def test_other_layers_between_int8_and_int16_are_refused_by_name(graph: Graph, what: str) -> None:
    with pytest.raises(CompileError, match=what):
        mnc.compile(graph)


def test_a_layer_without_state_is_compiled() -> None:
    assert mnc.compile(of(WINDOW, INT16, 3, 1, 4)).report.ram.state == 0
