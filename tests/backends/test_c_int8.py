"""Networks in int8: generated C gives what the reference gives, to the bit, whoever compiles it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, WARNINGS, Tool, build, checked_run
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from networks import batches, chain
from quantised_networks import ANY as INT8_AND_INT16
from quantised_networks import IMAGES, quantised, quantised_networks
from same_bits import BATCH, assert_same_bits

import mnc
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, Dense, Dequantize, Flatten, MaxPooling2D, Quantize, Softmax
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType

ANY = quantised_networks() | quantised_networks(IMAGES, max_layers=9)
MIXED = quantised_networks(mixed=True) | quantised_networks(IMAGES, mixed=True, max_layers=9)


@pytest.mark.parametrize("flags", [(), ("-DMNC_NO_INT64",)], ids=["int64", "no int64"])
@BATCH
@given(graphs=batches(ANY, 16))
def test_random_networks(
    graphs: list[Graph], flags: tuple[str, ...], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("int8"), gcc, [*SANITIZED, *flags])


@BATCH
@given(graphs=batches(MIXED, 16))
def test_random_networks_partly_in_float(
    graphs: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_same_bits(graphs, tmp_path_factory.mktemp("mixed"), gcc)


@pytest.mark.parametrize("dtype", INT8_AND_INT16)
@settings(BATCH, derandomize=True, database=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**16))
def test_a_softmax_of_columns_does_not_chase_its_input(
    seed: int, dtype: DType, gcc: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It reads the last row before it writes the first, and in this chain there is room just below its input."""
    rng = np.random.default_rng(seed)
    widths = (11, 8, 3, 7, 6)
    first, second, *rest = (Dense(Constant(rng.normal(size=each).astype(np.float32))) for each in pairwise(widths))
    drawn = chain((4, widths[0]), a=first, b=second, softmax=Softmax(0), c=rest[0], d=rest[1])
    assert_same_bits([quantised(drawn, seed, dtypes=[dtype])], tmp_path_factory.mktemp("columns"), gcc)


@cache
def steady_networks() -> tuple[Graph, ...]:
    """They are equal in every run."""
    graphs: list[Graph] = []

    @settings(BATCH, derandomize=True, database=None, phases=[Phase.generate])
    @given(batches(ANY, 8), batches(MIXED, 4), batches(quantised_networks(mixed=True, dtypes=INT8_AND_INT16), 4))
    def draw(some: list[Graph], others: list[Graph], wider: list[Graph]) -> None:
        graphs[:] = [*some, *others, *wider]

    draw()
    return tuple(graphs)


@pytest.mark.parametrize(
    "line",
    [
        "gcc -std=c89 -O2",
        "gcc -std=c89 -Os -DMNC_SMALL -DMNC_NO_INT64",
        "clang -std=c89 -O2",
        "clang -std=c99 -O1 -DMNC_NO_INT64",
        "g++ -x c++ -std=c++11 -O1",
    ],
)
def test_no_warning_and_the_same_bits(line: str, tool: Tool, tmp_path: Path) -> None:
    program, *flags = line.split()
    assert_same_bits(steady_networks(), tmp_path, tool(program), [*flags, *WARNINGS])


def test_tiny_c_compiler(tool: Tool, tmp_path: Path) -> None:
    assert_same_bits(steady_networks(), tmp_path, tool("tcc"), ["-Wall", "-Werror"])


# The interface

IN, OUT = Quantisation((0.25,), -3), Quantisation((1 / 256,), -128)


def classifier() -> Graph:
    """An image in int8 to probabilities in int8."""
    hidden = ElementType(DType.INT8, Quantisation((0.5,), 7))
    weights = Constant(np.arange(-9, 9, dtype=np.int8).reshape(3, 3, 1, 2), Quantisation((0.02, 0.03), 0, 3))
    nodes = (
        Node(("a",), Conv2D(weights, activation=Relu(), output=hidden), ("x",)),
        Node(("b",), Flatten(), ("a",)),
        Node(("y",), Softmax(output=ElementType(DType.INT8, OUT)), ("b",)),
    )
    return Graph("classifier", (Input("x", TensorType((4, 4, 1), DType.INT8, IN)),), nodes, ("y",))


CONVERTING = """\
#include <stdio.h>
#include "net.h"

int main(void)
{
    static const float real[NET_INPUT_SIZE] = {0.0F, 0.125F, -0.125F, 0.13F, 1e9F, -1e9F, 31.0F, -31.0F, 1.0F};
    static const STORED given[NET_OUTPUT_SIZE] = {GIVEN};
    STORED stored[NET_INPUT_SIZE];
    float scores[NET_OUTPUT_SIZE];
    int i;
    net_quantize_input(real, stored);
    net_dequantize_output(given, scores);
    printf("%.9g %d ", (double)NET_INPUT_SCALE, NET_INPUT_ZERO_POINT);
    printf("%.9g %d\\n", (double)NET_OUTPUT_SCALE, NET_OUTPUT_ZERO_POINT);
    for (i = 0; i < 9; ++i)
        printf("%d ", stored[i]);
    printf("\\n");
    for (i = 0; i < 4; ++i)
        printf("%.9g ", (double)scores[i]);
    printf("\\n");
    return 0;
}
"""
"""Converts real numbers to what the network takes, elements of the type STORED, and GIVEN ones to real numbers."""


def converting(stored: str, given: str) -> str:
    """`CONVERTING` for a type of elements."""
    return CONVERTING.replace("STORED", stored).replace("GIVEN", given)


@pytest.mark.parametrize("flags", [STRICT, ("-x", "c++", "-std=c++11", *WARNINGS)], ids=["C", "C++"])
def test_scales_and_helpers_at_the_interface(flags: Sequence[str], gcc: str, tmp_path: Path) -> None:
    built = mnc.compile(classifier(), name="net")
    program = build(tmp_path, gcc, [*flags, "-O1"], built.files, {"main.c": converting("int8_t", "-128, -127, 0, 127")})
    scales, stored, scores = checked_run([str(program)], tmp_path).splitlines()
    assert scales == f"0.25 -3 {1 / 256:.9g} -128"
    # halves away from zero; numbers beyond the range at its end
    assert stored.split() == ["-3", "-2", "-4", "-2", "127", "-128", "121", "-127", "1"]
    assert scores.split() == ["0", f"{1 / 256:.9g}", "0.5", f"{255 / 256:.9g}"]


def test_several_inputs_and_outputs_have_scales_of_their_own() -> None:
    graph = classifier()
    both = replace(
        graph,
        inputs=(*graph.inputs, Input("f", TensorType((2,)))),
        nodes=(*graph.nodes, Node(("q",), Quantize(output=ElementType(DType.INT8, IN)), ("f",))),
        outputs=("y", "q", "a"),
    )
    header = mnc.compile(both, name="net").files["net.h"]
    defined = {line.split()[1] for line in header.splitlines() if line.startswith("#define ")}
    kinds = {"INPUT_0", "INPUT_1", "OUTPUT_0", "OUTPUT_1", "OUTPUT_2"}
    assert {kind for kind in kinds if f"NET_{kind}_SCALE" in defined} == kinds - {"INPUT_1"}
    assert {kind for kind in kinds if f"NET_{kind}_ZERO_POINT" in defined} == kinds - {"INPUT_1"}
    for helper in ("quantize_input_0(", "dequantize_output_0(", "dequantize_output_1(", "dequantize_output_2("):
        assert f"void net_{helper}" in header
    assert "net_quantize_input_1" not in header


def test_float_at_the_interface_round_integers(gcc: str, tmp_path: Path) -> None:
    """Numbers of both kinds share the arena, which is a union; no scale is the caller's business."""
    graph = classifier()
    nodes = (
        Node(("pooled",), MaxPooling2D((2, 2), (1, 1), ((0, 1), (0, 1))), ("real",)),
        Node(("x",), Quantize(output=ElementType(DType.INT8, IN)), ("pooled",)),
        *graph.nodes,
        Node(("scores",), Dequantize(), ("y",)),
    )
    real = Graph("real", (Input("real", TensorType((4, 4, 1))),), nodes, ("scores",))
    built = mnc.compile(real, name="net")
    header = built.files["net.h"]
    assert "union {" in header
    assert "SCALE" not in header
    assert f"#define NET_RAM_SIZE {built.report.ram.total}\n" in header
    assert_same_bits([real], tmp_path, gcc, [*SANITIZED, *WARNINGS])
