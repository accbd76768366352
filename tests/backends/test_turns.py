"""Generated code whose layers make their rows in turns gives the bits of code that runs layer after layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, STRICT, Case, build, checked_run, run_cases
from hypothesis import given, settings
from networks import batches, networks, samples
from quantised_networks import quantised_networks, stored_samples

import mnc
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePooling,
    MaxPooling2D,
    Multiply,
    ZeroPadding2D,
)
from mnc.ir.types import Array
from mnc.verify import verify

SPATIAL = [
    *(Activation, Add, AveragePooling2D, Concatenate, Conv2D, DepthwiseConv2D, GlobalAveragePooling, MaxPooling2D),
    *(Multiply, ZeroPadding2D),
]
WAYS = [
    {"memory": memory, **taken}
    for memory, taken in product(("fast", "balanced", "least"), ({}, {"input": "owned"}, {"feed": "rows"}))
]


def in_every_way(graph: Graph, number: int, xs: list[Array]) -> list[Case]:
    """The network's code for each choice of memory and input that it allows."""
    cases = []
    for k, way in enumerate(WAYS):
        try:
            built = mnc.compile(graph, name=f"net{number}_{k}", **way)  # type: ignore[arg-type]
        except CompileError:
            assert way.get("feed") == "rows"
            continue
        outputs = [built.graph.types[name] for name in built.graph.outputs]
        types = [type_.dtype.value for type_ in outputs]
        cases.append(Case(built.name, built.files, xs, [type_.elements for type_ in outputs], types))
    spread = in_regions(graph, f"net{number}_r")
    return cases if spread is None else [*cases, replace(cases[0], name=spread.name, files=spread.files, regions=NAMES)]


NAMES = ("ram", "macs")
"""Words that stand in macros of the header, too."""


def in_regions(graph: Graph, name: str) -> Build | None:
    """The network's code with its arena in two memories, the first half as large as it all; None where it has none."""
    size = mnc.compile(graph, name=name).report.ram.arena
    try:
        built = mnc.compile(graph, name=name, region=dict(zip(NAMES, (max(size // 2, 1), 4 * size + 64), strict=True)))
    except CompileError:
        return None
    return built if built.emission.plan.region_names == NAMES else None


def assert_alike(graphs: list[tuple[Graph, list[Array]]], compiler: str, folder: Path) -> None:
    groups = [in_every_way(graph, i, xs) for i, (graph, xs) in enumerate(graphs)]
    results = iter(run_cases([case for group in groups for case in group], folder, compiler, SANITIZED))
    for group in groups:
        first, *others = [next(results) for _ in group]
        for got in others:
            for a, b in zip(first, got, strict=True):
                np.testing.assert_array_equal(a, b)


@settings(max_examples=4, deadline=None)
@given(drawn=batches(networks(layers=SPATIAL, max_layers=8), 2))
def test_random_networks_in_float(drawn: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_alike([(graph, samples(graph)) for graph in drawn], gcc, tmp_path_factory.mktemp("turns"))


@settings(max_examples=4, deadline=None)
@given(drawn=batches(quantised_networks(SPATIAL, max_layers=8), 2))
def test_random_networks_in_integers(drawn: list[Graph], gcc: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_alike([(graph, stored_samples(graph)) for graph in drawn], gcc, tmp_path_factory.mktemp("turns"))


MODELS = ("pico.keras2.h5", "pico.int8.tflite", "resnet_small.k2.h5")

PUSHED = """\
#include <stdio.h>
#include <string.h>
#include "net.h"

typedef TYPE element;
static element image[NET_INPUT_SIZE];
static RESULT by_run[NET_OUTPUT_SIZE], by_copy[NET_OUTPUT_SIZE], by_slot[NET_OUTPUT_SIZE];
static struct { unsigned char before[64]; net_t net; unsigned char after[64]; } at;

static void garble(void)
{
    memset(&at.net.arena, 0xA5, sizeof at.net.arena);
}

int main(void)
{
    unsigned state = 1;
    int i, y, last = 0;

    memset(&at, 0x5A, sizeof at);
    for (i = 0; i < NET_INPUT_SIZE; ++i) {
        state = state * 1664525u + 1013904223u;
        image[i] = (element)((int)(state >> 25) - 64);
    }
    net_init(&at.net);
    net_run(&at.net, image, by_run);
    garble();
    for (y = 0; y < ROWS; ++y) {
        if (last)
            return 2;
        last = net_push_row(&at.net, image + y * ROW, by_copy);
    }
    if (!last)
        return 3;
    garble();
    for (y = 0, last = 0; y < ROWS; ++y) {
        memcpy(net_row(&at.net), image + y * ROW, ROW * sizeof(element));
        last = net_push_row(&at.net, NULL, by_slot);
    }
    if (!last || memcmp(by_run, by_copy, sizeof by_run) || memcmp(by_run, by_slot, sizeof by_run))
        return 4;
    for (i = 0; i < 64; ++i)
        if (at.before[i] != 0x5A || at.after[i] != 0x5A)
            return 5;
    for (i = 0; i < NET_OUTPUT_SIZE; ++i)
        printf("%.9g\\n", (double)by_run[i]);
    return 0;
}
"""


def facts(graph: Graph) -> Mapping[str, Any]:
    x, y = graph.inputs[0].type, graph.types[graph.outputs[0]]
    return {"TYPE": x.dtype.c, "RESULT": y.dtype.c, "ROWS": x.shape[0], "ROW": x.elements // x.shape[0]}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("memory", ["fast", "least"])
def test_rows_are_handed_in_by_copy_or_in_place(
    model: str, memory: Any, fixtures: Path, gcc: str, tmp_path: Path
) -> None:
    """Garbage in the arena between two images changes nothing, and nothing is written beside the struct."""
    built = mnc.compile(mnc.load(fixtures / model), name="net", memory=memory, feed="rows")
    source = PUSHED
    for name, value in facts(built.graph).items():
        source = source.replace(name, str(value)) if name in ("TYPE", "RESULT") else source
    defines = [f"-D{name}={value}" for name, value in facts(built.graph).items() if name in ("ROW", "ROWS")]
    program = build(tmp_path, gcc, [*SANITIZED, *defines], built.files, {"main.c": source})
    checked_run([gcc, *STRICT, "-O2", "-c", "net.c"], tmp_path)
    printed = checked_run([str(program)], tmp_path)
    assert len(printed.split()) == built.graph.types[built.graph.outputs[0]].elements


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", [way for way in WAYS if way["memory"] != "balanced"], ids=str)
@pytest.mark.parametrize("backend", ["c", "cpp"])
def test_each_row_is_compared_with_the_reference(model: str, way: dict[str, Any], backend: str, fixtures: Path) -> None:
    """And the sequence of rows that the code makes with the plan's."""
    from mnc.backends.storage import Storage

    assert verify(mnc.load(fixtures / model), backend, storage=Storage(**way)).passed


def test_the_arena_of_an_owned_input_holds_it(fixtures: Path) -> None:
    graph = mnc.load(fixtures / "pico.keras2.h5")
    given = graph.inputs[0].type
    caller = mnc.compile(graph, memory="least").report.ram
    owned = mnc.compile(graph, memory="least", input="owned").report.ram
    fed = mnc.compile(graph, memory="least", feed="rows").report.ram
    assert (caller.input, owned.input) == (0, given.bytes)
    assert owned.total <= given.bytes + caller.total, "what the input leaves is used again"
    assert fed.total < caller.total + given.bytes // 8
    assert fed.stages[0].fed and not caller.stages[0].fed


def test_what_cannot_be_handed_in_row_by_row_is_refused_by_name(fixtures: Path) -> None:
    from networks import chain

    from mnc.ir.layers import Softmax

    with pytest.raises(CompileError, match="does not compute its output row by row"):
        mnc.compile(chain((6, 5, 2), a=Softmax(0)), feed="rows")
    with pytest.raises(CompileError, match="has no rows to hand in"):
        mnc.compile(chain((5,), a=Softmax(0)), feed="rows")
    with pytest.raises(CompileError, match="lie in the network's memory already"):
        mnc.compile(mnc.load(fixtures / "pico.keras2.h5"), input="owned", feed="rows")
    with pytest.raises(CompileError, match="is one of fast, balanced, least"):
        mnc.compile(mnc.load(fixtures / "pico.keras2.h5"), memory="small")  # type: ignore[arg-type]
