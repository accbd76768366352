"""Integer kernels where an `int` has 16 bits: no arithmetic on values overflows, and AVR gives the reference's bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import test_c_int8_cortex_m
from generated_c import Tool
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from int_widths import faults
from networks import Batch, batches, chain, folding
from quantised_networks import (
    ANY,
    INT16_KINDS,
    between_int8_and_int16,
    in_integers,
    quantised_networks,
    unsigned_ends,
    wide_ends,
)
from same_bits import BATCH
from test_c_int8_layers import LAYERS as INT8_LAYERS
from test_c_int8_layers import int8_layers
from test_c_int16 import LAYERS as INT16_LAYERS
from test_c_int16 import int16_layers

from mnc import targets
from mnc.backends.interface import Emission
from mnc.backends.library import headers, standard
from mnc.backends.storage import USUAL, Storage
from mnc.compiler import prepare
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Activation, Conv2D, Conv2DTranspose, DepthwiseConv2D, ResizeNearest, ZeroPadding2D
from mnc.ir.types import Constant, DType, ElementType, Quantisation
from mnc.reference.run import feed
from mnc.samples import random_inputs
from mnc.verify import compared

INT8_LAYER = st.sampled_from(INT8_LAYERS).flatmap(int8_layers)
INT16_LAYER = st.sampled_from(INT16_LAYERS).flatmap(int16_layers)
NETWORK = quantised_networks(mixed=True, dtypes=ANY) | quantised_networks(INT16_KINDS, dtypes=ANY[1:])

# The text of the kernels


def with_headers(text: str) -> str:
    """C functions that a compiler without a C library takes."""
    own = [header for header in headers(text) if header != "<math.h>"]
    return "".join(f"#include {header}\n" for header in own) + text


def test_no_arithmetic_on_values_can_leave_16_bits(tool: Tool, tmp_path: Path) -> None:
    library = standard()
    functions = [name for name, item in library.items.items() if item.parameters is not None]
    text = "\n\n".join(item.text for item in library.closure(functions))
    assert faults(with_headers(text), tool("clang"), tmp_path) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("int total = 0; int i; for (i = 0; i < n; ++i) total += x[i]; return total;", "total += x[i]"),
        ("int total = x[0] + x[1]; return (int32_t)n + total * value;", "total * value"),
        ("return zero * (x[0] + x[1] + x[2]);", "zero * (x[0] + x[1] + x[2])"),
        ("return (int32_t)(y[0] * x[0]);", "y[0] * x[0]"),
        ("return x[0] * x[1] + x[2] * x[3];", "x[0] * x[1] + x[2] * x[3]"),
        ("int32_t sum = 0; sum += y[0] - y[1]; return sum;", "y[0] - y[1]"),
        ("return x[0] << 9;", "x[0] << 9"),
        ("return x[0] * n;", "x[0] * n"),
        ("int16_t z = (int16_t)-y[0]; return z;", "-y[0]"),
        ("return x[(n * count + 1) / value];", "(n * count + 1) / value"),
        ("int z = x[0]; while (count) z += 200; return z;", "z += 200"),
    ],
)
def test_an_overflow_is_found(body: str, fault: str, tool: Tool, tmp_path: Path) -> None:
    head = "int32_t f(const int8_t *x, const int16_t *y, int n, int count, int value, int zero)"
    assert faults(with_headers(f"{head}\n{{ {body} }}\n"), tool("clang"), tmp_path) == [f"f, line 3: {fault}"]


@pytest.mark.parametrize(
    "body",
    [
        "int32_t sum = 0; int i; for (i = 0; i < n; ++i) sum += x[i] * x[n - i]; return sum;",
        "int32_t sum = 0; int i; for (i = 0; i < n; i += 2) sum += x[i + 1]; return sum;",
        "return (int32_t)y[0] * y[1] + x[n * count + n];",
        "int largest = x[0]; largest = x[1] > largest ? x[1] : largest; return largest - x[2];",
        "return x[(int)(((int32_t)n * count + 1) / value)] << 8;",
    ],
)
def test_what_fits_is_no_overflow(body: str, tool: Tool, tmp_path: Path) -> None:
    head = "int32_t f(const int8_t *x, const int16_t *y, int n, int count, int value, int zero)"
    assert faults(with_headers(f"{head}\n{{ {body} }}\n"), tool("clang"), tmp_path) == []


# On AVR, in the emulator


@pytest.fixture
def avr(tool: Tool) -> None:
    """The target AVR, where its tools build and run code."""
    for program in ("avr-gcc", "simavr"):
        tool(program)


ROOM = 3000
"""Bytes of inputs, outputs and constants each that one image has room for."""


def side_by_side(graphs: Sequence[Graph]) -> Graph:
    """All the networks as one."""
    inputs: list[Input] = []
    nodes: list[Node] = []
    outputs: list[str] = []
    for i, graph in enumerate(graphs):
        inputs += [replace(each, name=f"n{i}_{each.name}") for each in graph.inputs]
        for node in graph.nodes:
            names = (tuple(f"n{i}_{name}" for name in each) for each in (node.outputs, node.inputs))
            nodes.append(Node(next(names), node.layer, next(names)))
        outputs += [f"n{i}_{name}" for name in graph.outputs]
    return Graph("layers", tuple(inputs), tuple(nodes), tuple(outputs))


def size(graph: Graph) -> int:
    """Bytes of a network's inputs, outputs and largest value, or of its constants where they are more."""
    ends = sum(each.type.bytes for each in graph.inputs) + sum(graph.types[name].bytes for name in graph.outputs)
    constants = sum(c.bytes for node in graph.nodes for c in node.layer.constants.values())
    return max(ends + max(type_.bytes for type_ in graph.types.values()), constants)


def images(graphs: Sequence[Graph]) -> list[Graph]:
    """The networks, as many in one as there is room for."""
    made: list[list[Graph]] = [[]]
    for graph in graphs:
        if sum(map(size, made[-1])) + size(graph) > ROOM:
            made.append([])
        made[-1].append(graph)
    return [side_by_side(each) for each in made]


@dataclass(frozen=True)
class Way:
    """Code for AVR by name, or for any core and built for it."""

    target: str | None = "avr"
    storage: Storage = USUAL

    def emission(self, graph: Graph) -> Emission:
        _, program, backend = prepare(graph, "c", self.target, storage=self.storage)
        return backend.emit(program, "n", trace=True)

    def kernels(self, graph: Graph) -> set[str]:
        """The functions of the library that a network's code needs."""
        text = "".join(self.emission(graph).files.values())
        return {name for name in standard().items if f" {name}(" in text}

    def assert_same_bits(self, graph: Graph) -> None:
        inputs = list(feed(graph, random_inputs(graph)).values())
        layers, _ = compared(self.emission(graph), "n", inputs, targets.get("avr"))
        assert [(layer.name, layer.op) for layer in layers if layer.max_abs_error > 0] == []


OF_NAMED_CORES = (
    "conv2d_two",
    "two_products",
    "conv2d_dot",
    "dots_of_pairs",
    "pairs_of_fours",
    "conv2d_winograd",
    "tiles",
    "tile_products",
)
"""Kernels that only code for certain cores of 32 bits takes."""
ON_AVR = Way()
WAYS = (ON_AVR, Way(None), Way(None, Storage(memory="least")))
"""Kernels in their usual form, then those of convolutions for any core, then those that add up row by row."""


@BATCH
@given(graphs=batches(INT8_LAYER | INT16_LAYER, 8))
def test_random_layers_on_avr(graphs: Sequence[Graph], avr: None) -> None:
    for graph in images([graph for graph in graphs if size(graph) <= ROOM]):
        ON_AVR.assert_same_bits(graph)


TOGETHER = 10
"""Kinds of layers of which hypothesis draws one network each at once."""


def integer_kernels() -> dict[Way, list[Graph]]:
    """Layers and networks, always the same ones, that together call every integer kernel."""
    steady = settings(
        BATCH,
        max_examples=16,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    convolved = test_c_int8_cortex_m.each_alone()
    filters = Constant(np.linspace(-1, 1, 90, dtype=np.float32).reshape(3, 3, 5, 2))
    alone = (
        chain((3, 4, 2), resized=ResizeNearest((6, 8))),
        chain((3, 4, 2), spread=Conv2DTranspose(filters, stride=(2, 2))),
        chain((3, 4, 2), padded=ZeroPadding2D(((1, 0), (2, 1)))),
    )
    folded = [in_integers(graph, 0, dtypes=[dtype]) for graph in folding() for dtype in ANY]
    drawn = [
        *convolved,
        *folded,
        unsigned_ends(convolved[0]),
        between_int8_and_int16(),
        *wide_ends(),
        *(in_integers(graph, 0, dtypes=[dtype]) for graph in alone for dtype in ANY),
    ]

    def add(graphs: Sequence[Graph]) -> None:
        drawn.extend(graph for graph in graphs if size(graph) <= ROOM)

    kinds = [*map(int8_layers, INT8_LAYERS), *map(int16_layers, INT16_LAYERS)]
    for begin in range(0, len(kinds), TOGETHER):
        settings(steady, max_examples=5)(given(st.tuples(*kinds[begin : begin + TOGETHER]))(add))()

    @steady
    @given(batches(int16_layers(Conv2D) | int16_layers(Activation), 6), batches(NETWORK, 3))
    def draw(more: Batch, networks: Batch) -> None:
        add([*more, *networks])

    draw()
    seen: set[str] = set()
    chosen: dict[Way, list[Graph]] = {way: [] for way in WAYS}
    for way, candidates in zip(WAYS, (drawn, convolved, folded), strict=True):
        for graph in sorted(candidates, key=size):
            if fresh := way.kernels(graph) - seen:
                seen |= fresh
                chosen[way].append(graph)
    every = {n for n, item in standard().items.items() if item.parameters is not None and n.endswith(("_s8", "_s16"))}
    of_the_caller = {f"mnc_quantize_features_{e}" for e in ("s8", "s16")}  # they convert floats, in float32
    of_the_caller |= {f"mnc_top_{e}" for e in ("s8", "s16")}  # they compare values and compute none
    helium = {name for name in every if "_mve_" in name}
    of_the_test = {name for name in every if re.match(r"mnc_(crc|noise|sums)_", name)}  # test_selftest runs it on AVR
    named = {f"mnc_{name}_s8" for name in OF_NAMED_CORES}
    assert not seen & named
    assert sorted(every - seen - of_the_caller - helium - of_the_test - named) == []
    return chosen


def test_every_integer_kernel_on_avr(avr: None) -> None:
    for way, graphs in integer_kernels().items():
        for graph in images(graphs):
            way.assert_same_bits(graph)


def test_large_zero_points_and_weights_round_the_image_on_avr(avr: None) -> None:
    """The padding of a row holds 3 x 3 x 8 times 127 times -128."""
    given = Quantisation((0.02,), -128)
    filters: dict[str, Conv2D | DepthwiseConv2D] = {
        "conv": Conv2D(Constant(np.full((3, 3, 8, 5), 127, np.int8), Quantisation((0.01,)))),
        "depthwise": DepthwiseConv2D(Constant(np.full((3, 3, 8, 1), -128, np.int8), Quantisation((0.01,)))),
        "larger": DepthwiseConv2D(Constant(np.full((5, 5, 8, 1), 127, np.int8), Quantisation((0.01,)))),
    }
    graphs = []
    for name, layer in filters.items():
        edge = layer.weights.shape[0] // 2
        output = ElementType(DType.INT8, Quantisation((4.0,), 3))
        padded = replace(layer, padding=((edge, edge), (edge, edge)), output=output)
        graph = chain((4, 5, 8), **{name: padded})
        graphs.append(
            replace(graph, inputs=(Input("x", replace(graph.inputs[0].type, dtype=DType.INT8, quant=given)),))
        )
    ON_AVR.assert_same_bits(side_by_side(graphs))


def test_images_that_are_stretched_far_on_avr(avr: None) -> None:
    """The place of a pixel times the input's width takes more than 16 bits."""
    given = Quantisation((0.02,), 5)
    graph = chain((1, 181, 1), wide=ResizeNearest((1, 200)))
    ON_AVR.assert_same_bits(
        replace(graph, inputs=(Input("x", replace(graph.inputs[0].type, dtype=DType.INT8, quant=given)),))
    )
