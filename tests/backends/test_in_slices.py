"""A run in slices (`-X step=N`): the outputs of a run in one piece, in slices as small as they were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import SANITIZED, WARNINGS, Case, Tool, checked_run, run_cases, write
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import batches, chain, networks, samples
from quantised_networks import quantised_networks, stored_samples
from same_bits import BATCH, case_of
from stateful import stateful

import mnc
from mnc.compiler import Build
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense, Flatten, GlobalMaxPooling
from mnc.ir.types import Constant
from mnc.program import Memory, Slices, up_to

WIDEST = 4
"""Bytes to which the position is filled up."""


def in_slices(graph: Graph, name: str, limit: int, **options: Any) -> Build:
    """The network in slices of at most `limit` operations, but for those of layers that it names."""
    build = mnc.compile(graph, name=name, settings={"step": str(limit)}, **options)
    slices = Slices(build.emission.program, build.emission.plan.stages)
    assert limit == 1 or max(slices.sizes) <= max(limit, *slices.oversized.values(), 0)
    return build


DRAWN = (
    networks(max_layers=7)
    | quantised_networks(max_layers=7)
    | st.builds(stateful, networks(max_layers=5), st.integers(0, 99))
)


def test_slices_give_the_bits_of_a_run(cc: str, tmp_path: Path) -> None:
    @settings(BATCH)
    @given(drawn=batches(DRAWN, 8), limits=st.permutations([1, 10, 50, 100, 200, 300, 500, 1000]))
    def run(drawn: list[Graph], limits: list[int]) -> None:
        cases: list[Case] = []
        for i, (graph, limit) in enumerate(zip(drawn, limits, strict=True)):
            memory: Memory = "fast" if i % 2 else "least"
            plain = mnc.compile(graph, name=f"p{i}", memory=memory)
            build = in_slices(graph, f"s{i}", limit, memory=memory)
            x = stored_samples(graph)
            cases += [case_of(plain, x), replace(case_of(build, x), sliced=True)]
            program, plan = build.emission.program, build.emission.plan
            slices = Slices(program, plan.stages)
            position = up_to(2 * slices.position, WIDEST)
            sums = sum(program.steps[k].arena_scratch for k in slices.cut)  # what a reduction keeps between slices
            assert build.report.ram.total <= plain.report.ram.total + position + sums + WIDEST, limit
        got = run_cases(cases, tmp_path, cc, SANITIZED)
        for whole, sliced in zip(got[::2], got[1::2], strict=True):
            for want, found in zip(whole, sliced, strict=True):
                np.testing.assert_array_equal(found.view(np.uint8), want.view(np.uint8))

    run()


C = """
#include <stdio.h>
#include <string.h>
#include "net.h"
static net_t a, b;
static TYPE x[2][NET_INPUT_SIZE], want[2][NET_OUTPUT_SIZE], y[2][NET_OUTPUT_SIZE];
static void same(int which, const char *when)
{
    puts(memcmp(y[which], want[which], sizeof y[which]) == 0 ? "same" : when);
    memset(y, 0, sizeof y);
}
static int steps(net_t *net, int which, int most)
{
    int n = 1;
    while (net_step(net, x[which], y[which]) != 0 && n < most)
        ++n;
    return n;
}
int main(void)
{
    int i, more;
    for (i = 0; i < 2 * NET_INPUT_SIZE; ++i)
        x[i / NET_INPUT_SIZE][i % NET_INPUT_SIZE] = (TYPE)(i * 37 % 101 - 50);
    memset(&a, 0xFF, sizeof a);
    memset(&b, 0xFF, sizeof b);
    net_init(&a);
    net_init(&b);
    net_run(&a, x[0], want[0]);
    net_run(&a, x[1], want[1]);
    do {
        more = net_step(&a, x[0], y[0]);
        more += net_step(&b, x[1], y[1]);
    } while (more != 0);
    puts(memcmp(y, want, sizeof y) == 0 ? "same" : "side by side");
    printf("%d\\n", steps(&a, 0, 2 * NET_STEPS) == NET_STEPS);
    same(0, "again");
    steps(&a, 0, NET_STEPS / 2);
    net_run(&a, x[1], y[1]);
    same(1, "run in between");
    steps(&a, 0, NET_STEPS / 2);
    net_init(&a);
    steps(&a, 1, NET_STEPS);
    same(1, "init in between");
    TEST
    return 0;
}
"""
CPP = """
#include <cstdio>
#include <cstring>
#include "Net.h"
static Net a, b;
static TYPE x[2][Net::numInputs], want[2][Net::numOutputs];
static void same(const Net &net, int which, const char *when)
{
    std::puts(std::memcmp(net.outputs, want[which], sizeof want[which]) == 0 ? "same" : when);
}
static int steps(Net &net, int which, int most)
{
    int n = 1;
    while (net.step(x[which]) && n < most)
        ++n;
    return n;
}
int main()
{
    constexpr int all = static_cast<int>(Net::kSteps);
    for (int i = 0; i < 2 * Net::numInputs; ++i)
        x[i / Net::numInputs][i % Net::numInputs] = static_cast<TYPE>(i * 37 % 101 - 50);
    for (int i = 0; i < 2; ++i) {
        a.predict(x[i]);
        std::memcpy(want[i], a.outputs, sizeof want[i]);
    }
    for (bool more = true; more;) {
        more = a.step(x[0]);
        b.step(x[1]);
    }
    puts(std::memcmp(b.outputs, want[1], sizeof want[1]) == 0 ? "same" : "side by side");
    std::printf("%d\\n", steps(a, 0, 2 * all) == all);
    same(a, 0, "again");
    steps(a, 0, all / 2);
    a.predict(x[1]);
    same(a, 1, "predict in between");
    steps(a, 0, all / 2);
    a.reset();
    steps(a, 1, all);
    same(a, 1, "reset in between");
    TEST
}
"""
TESTS = {
    "c": 'printf("%d\\n", net_selftest(&a, SELFTEST));',
    "cpp": 'std::printf("%d\\n", a.selftest(SELFTEST));',
}
EVERYTHING = {"profile": "1", "selftest": "1"}


@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize(
    ("model", "limit", "settings", "options"),
    [
        ("pico.keras2.h5", 1, EVERYTHING, {"memory": "least"}),
        ("pico.int8.tflite", 2000, EVERYTHING, {"input": "owned"}),
    ],
    ids=["float", "owned"],
)
def test_runs_in_slices_side_by_side_and_given_up(
    model: str,
    limit: int,
    settings: Mapping[str, str],
    options: Mapping[str, Any],
    language: str,
    fixtures: Path,
    tool: Tool,
    tmp_path: Path,
) -> None:
    """Also with hooks round layers, a self-test, and inputs in the network's memory; without a warning."""
    backend, name = ("c", "net") if language == "c" else ("cpp", "Net")
    build = mnc.compile(mnc.load(fixtures / model), backend, name, settings={**settings, "step": str(limit)}, **options)
    operands = ["x[0]"] * (options.get("input") != "owned") + ["y[0]"] * (language == "c")
    test = TESTS[language].replace("SELFTEST", ", ".join(operands)) if settings else ""
    program, compiler = (C, ("gcc", "-std=c89")) if language == "c" else (CPP, ("g++", "-std=c++11"))
    main = program.replace("TYPE", build.graph.inputs[0].type.dtype.c).replace("TEST", test)
    write({**build.files, f"main.{language}": main}, tmp_path)
    sources = [each for each in (*build.files, f"main.{language}") if each.endswith(f".{language}")]
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    checked_run([tool(compiler[0]), *compiler[1:], *WARNINGS, *flags, *sources, "-o", "program", "-lm"], tmp_path)
    told = checked_run(["./program"], tmp_path).split("\n")[:-1]
    assert told == ["same", "1", "same", "same", "same", *(["0"] if settings else [])]


def test_slices_on_a_core(fixtures: Path, qemu_arm: str, tool: Tool) -> None:
    """Every layer, cut or in turns, is the reference's to the bit in the emulator."""
    tool("arm-none-eabi-gcc")
    graph = mnc.load(fixtures / "pico.int8.tflite")
    build = mnc.compile(graph, name="net", target="cortex-m4", settings={"step": "2000"})
    assert Slices(build.emission.program, build.emission.plan.stages).cut
    assert build.verify(on="cortex-m4").passed


def test_a_dense_layer_is_cut_by_its_outputs_and_what_cannot_be_is_named() -> None:
    wide = Dense(Constant(np.ones((64, 32), np.float32)))
    graph = chain((4, 16), flat=Flatten(), wide=wide, narrow=Dense(Constant(np.ones((32, 2), np.float32))))
    build = mnc.compile(graph, settings={"step": "1000"})
    slices = build.report.slices
    assert slices is not None and slices.largest <= 1000 and not slices.beyond
    assert "cannot be cut" not in build.files["chain.h"]
    build = mnc.compile(graph, settings={"step": "300"})
    slices = build.report.slices
    assert slices is not None
    (large,) = slices.beyond
    assert (large.layer, large.operations, slices.largest) == ("wide", 896, 896)
    assert "wide: 896 operations, 596 too many" in build.files["chain.h"]
    assert "STEP_MACS 896" in build.files["chain.h"]
    assert "'wide' 596" in build.report.warnings[-1]


@pytest.mark.parametrize("value", ["-1", "", "1k", "0x10", "\u0661", "9999999999"])
def test_a_limit_is_a_number(value: str, fixtures: Path) -> None:
    with pytest.raises(CompileError, match="is a number of multiply-accumulate operations"):
        mnc.compile(mnc.load(fixtures / "pico.keras2.h5"), settings={"step": value})


def test_rows_that_are_handed_in_are_refused(fixtures: Path) -> None:
    with pytest.raises(CompileError, match="does some of its work with each row already"):
        mnc.compile(mnc.load(fixtures / "pico.keras2.h5"), settings={"step": "1"}, feed="rows")


def test_a_reduction_is_cut_between_its_rows(cc: str, tmp_path: Path) -> None:
    """It alone, without layers that take turns: its sums stay in the arena from slice to slice."""
    graph = chain((3, 2, 7), reduced=GlobalMaxPooling())
    build = mnc.compile(graph, name="net", settings={"step": "14"})
    assert Slices(build.emission.program, build.emission.plan.stages).cut == {0}
    assert "STEPS 3" in build.files["net.h"]
    x = samples(graph)
    ((got,),) = run_cases([replace(case_of(build, x), sliced=True)], tmp_path, cc)
    np.testing.assert_array_equal(got, x[0].max(axis=(1, 2)))
