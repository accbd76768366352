"""A few random networks, the same ones in every run, that together call every kernel of the library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from generated_c import Case
from hypothesis import HealthCheck, given, settings
from layer_kinds import FUNCTIONS, KINDS, functions
from networks import chain, folding, networks, samples, single_layers

import mnc
from mnc.backends.library import standard
from mnc.backends.select.table import FLOAT32
from mnc.backends.select.values import VIEWS
from mnc.compiler import Build
from mnc.ir.activations import Abs, Function
from mnc.ir.graph import Graph
from mnc.ir.layers import Activation, BatchNormalization, SeparableConv2D
from mnc.ir.types import Array
from mnc.reference import evaluate

LOWERED = (BatchNormalization, SeparableConv2D)
"""Kinds that passes turn into others."""
SUPPORTED = [kind for kind in KINDS if kind in FLOAT32 or kind in VIEWS or kind in LOWERED]
"""Networks that the C backends compile."""
ELSEWHERE = re.compile(r"_lanes_|_winograd_|^mnc_(crc|noise|sums|tiles|arg_extreme)_")
"""Kernels of one target or option, and of whole numbers as outputs: `test_lanes.py`, `test_selftest.py`,
`test_c_winograd.py` and `test_places.py` have their tests."""


@dataclass(frozen=True)
class Exhibit:
    """A network, compiled, with samples and the reference's outputs for them."""

    build: Build
    case: Case
    expected: Sequence[Array]
    """For each output (samples, elements)."""
    tolerance: float
    """The error that rounding may bring, by the largest value anywhere in the network."""

    def error(self, got: Sequence[Array]) -> float:
        """The largest difference from the reference, in tolerances: at most 1 where all is well."""
        return max(
            float((np.abs(y - want) / (self.tolerance + 1e-5 * np.abs(want))).max())
            for y, want in zip(got, self.expected, strict=True)
        )


def exhibit(graph: Graph, name: str) -> Exhibit:
    build = mnc.compile(graph, name=name, memory="least", settings={"top": "1"})
    case = Case(name, build.files, samples(graph), [graph.types[output].elements for output in graph.outputs])
    values = evaluate(graph, case.inputs)
    largest = max(float(np.abs(value).max()) for value in values.values())
    expected = [values[output].reshape(len(case.inputs[0]), -1) for output in graph.outputs]
    return Exhibit(build, case, expected, 2e-6 * max(1.0, largest))


@cache
def gallery() -> tuple[Exhibit, ...]:
    """Networks picked, largest first, while they call kernels that none before them calls."""
    drawn = sorted(_drawn(), key=lambda graph: -len(graph.nodes))
    seen: set[str] = set()
    chosen: list[Exhibit] = []
    for graph in drawn:
        build = mnc.compile(graph, name="n", memory="least", settings={"top": "1"})
        kernels = called(build)
        if kernels - seen:
            seen |= kernels
            chosen.append(exhibit(graph, f"n{len(chosen)}"))
    return tuple(chosen)


def called(build: Build) -> set[str]:
    """The functions of the library in a build's text."""
    names = re.findall(r" (\w+)(?=\()", "".join(build.files.values()))
    return standard().items.keys() & names


def unseen_kernels() -> set[str]:
    """The float32 functions of the library that nothing in the gallery needs."""
    library = standard()
    kernels = {kernel for each in gallery() for kernel in called(each.build)}
    needed = {name for item in library.closure(kernels) for name in item.names}
    return {name for name in library.items if name.endswith("_f32") and not ELSEWHERE.search(name)} - needed


def _drawn() -> list[Graph]:
    graphs: list[Graph] = []
    steady = settings(
        derandomize=True, database=None, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck)
    )

    @steady
    @given(networks(layers=SUPPORTED, max_layers=10))
    def draw_large(graph: Graph) -> None:
        graphs.append(graph)

    draw_large()
    for kind in SUPPORTED:

        @settings(steady, max_examples=15)
        @given(single_layers(kind))
        def draw_small(graph: Graph) -> None:
            graphs.append(graph)

        draw_small()
    for function in FUNCTIONS:

        @settings(steady, max_examples=3)
        @given(functions([function]))
        def draw_function(function: Function) -> None:
            graphs.append(chain((5, 4), positive=Activation(Abs()), y=Activation(function)))

        draw_function()
    return [*graphs, *folding()]
