"""Budgets as contracts: refusals that name the culprits and the changes that were tried, with true figures."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc import remedies
from mnc.budget import Budget, Tried, over_budget
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Conv2D, Dense, Flatten, GlobalAveragePooling
from mnc.ir.types import Constant, TensorType
from mnc.plan.memory_map import Box, MemoryMap, Moment
from mnc.report import Flash, LayerReport, Ram, Report
from mnc.samples import random_inputs


def layer(name: str, weights: int = 120, macs: int = 1) -> LayerReport:
    return LayerReport(name, "conv2d", (1, 100, 1), "float32", macs, weights, "k")


REPORT = Report(
    "n", "c", None, "float32", 1000, 2, Ram(800, 800, 0, 800, True), Flash(480, 500), ("n.c", "n.h"),
    (layer("a"), layer("b", 50, 900), layer("c"), layer("out", 0, 99)),
)  # fmt: skip
MEMORY = MemoryMap(
    1000,
    0,
    800,
    tuple(Moment((name,)) for name in "abcd"),
    (Box("a", "value", 0, 400, 0, 1), Box("b", "value", 0, 400, 1, 2), Box("c", "value", 400, 396, 2, 3)),
)


def test_a_budget_names_what_takes_the_most() -> None:
    assert over_budget(REPORT, MEMORY, Budget(800, 500, 0, 1000)) == ()
    assert Budget(800, 500, 0, 1000).allows(REPORT), "a stack that nobody measured is not limited"
    ram, flash, macs = over_budget(REPORT, MEMORY, Budget(700, 100, None, 999))
    assert ram.what == "needs 800 bytes of RAM, 100 more than the budget of 700"
    held = "'b' (400 bytes), 'c' (396 bytes)"
    assert ram.hints == (f"at the peak, step 2 (layer 'c'), the arena holds {held}",)
    together = replace(MEMORY, moments=(*MEMORY.moments[:2], Moment(("c", "e", "f")), *MEMORY.moments[3:]))
    assert over_budget(REPORT, together, Budget(700))[0].hints == (
        f"at the peak, step 2 (layers 'c' to 'f', 3 in turns), the arena holds {held}",
    )
    assert (
        flash.what == "needs 500 bytes of flash for constants alone, code not counted, 400 more than the budget of 100"
    )
    assert flash.hints == ("the largest weights are those of 'a' (120 bytes), 'c' (120 bytes), 'b' (50 bytes)",)
    assert macs.what == "needs 1,000 multiply-accumulate operations, 1 more than the budget of 999"
    assert macs.hints[0].startswith("most are those of 'b' (900 MACs), 'out' (99 MACs), 'a' (1 MACs), 1 more")


def test_what_was_measured_counts() -> None:
    measured = replace(
        REPORT, ram=replace(REPORT.ram, measured=900), flash=replace(REPORT.flash, code=4000, total=4510), stack=300
    )
    ram, flash, stack = over_budget(measured, MEMORY, Budget(899, 4509, 299))
    assert ram.what == "needs 900 bytes of RAM, 1 more than the budget of 899"
    assert flash.what == "needs 4,510 bytes of flash for code and constants, 1 more than the budget of 4,509"
    assert stack.what == "needs 300 bytes of stack, 1 more than the budget of 299"


def test_only_what_takes_less_is_told_and_whether_it_fits() -> None:
    def takes(ram: int) -> Report:
        return replace(REPORT, ram=replace(REPORT.ram, total=ram))

    tried = (Tried("one", takes(750)), Tried("two", takes(700)), Tried("three", takes(800)))
    (problem,) = over_budget(REPORT, MEMORY, Budget(ram=700), tried)
    assert problem.hints[1:] == (
        "tried one: 750 bytes of RAM, still 50 too many",
        "tried two: 700 bytes of RAM, which fits",
    )


def constant(*shape: int) -> Constant:
    return Constant(np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) / 8)


def image_network(*, flat: bool = False) -> Graph:
    """Two convolutions of an image of 16x16, and a dense layer on their mean, or on all of it."""
    last = (Node(("p",), Flatten(), ("b",)), Node(("y",), Dense(constant(16 * 16 * 8, 3)), ("p",)))
    if not flat:
        last = (Node(("p",), GlobalAveragePooling(), ("b",)), Node(("y",), Dense(constant(8, 3)), ("p",)))
    nodes = (
        Node(("a",), Conv2D(constant(3, 3, 3, 24), padding=((1, 1), (1, 1)), activation=Relu()), ("x",)),
        Node(("b",), Conv2D(constant(3, 3, 24, 8), padding=((1, 1), (1, 1)), activation=Relu()), ("a",)),
        *last,
    )
    return Graph("net", (Input("x", TensorType((16, 16, 3))),), nodes, ("y",))


def refusal(graph: Graph, **arguments: int | str) -> tuple[str, ...]:
    with pytest.raises(CompileError) as caught:
        mnc.compile(graph, **{"memory": "fast", **arguments})  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    return problem.hints


def told(hints: tuple[str, ...], change: str) -> int:
    """The figure that a refusal gives for a change."""
    (figure,) = (found[1] for hint in hints if (found := re.match(rf"tried {re.escape(change)}: ([\d,]+) ", hint)))
    return int(figure.replace(",", ""))


def test_each_figure_of_a_refusal_is_what_the_change_gives() -> None:
    graph = image_network()
    hints = refusal(graph, max_ram=1000)
    integers = mnc.compile(graph, quantize="int8", calibration=random_inputs(graph), allow_loss=True, memory="fast")
    assert told(hints, "--quantize int8") == integers.report.ram.total
    smaller = Graph("net", (Input("x", TensorType((8, 8, 3))),), graph.nodes, graph.outputs)
    assert told(hints, "an input of 8x8x3") == mnc.compile(smaller, memory="fast").report.ram.total
    turns = mnc.compile(graph, memory="least").report.ram.total
    assert told(hints, "--memory least") == turns
    all_ = mnc.compile(
        smaller, quantize="int8", calibration=random_inputs(smaller), allow_loss=True, memory="least"
    ).report.ram.total
    assert told(hints, "--memory least and --quantize int8 and an input of 8x8x3") == all_
    assert all_ < min(integers.report.ram.total, mnc.compile(smaller, memory="fast").report.ram.total, turns)


def test_all_changes_together_are_tried_only_where_none_is_enough() -> None:
    graph = image_network()
    enough = mnc.compile(graph, memory="least").report.ram.total
    hints = refusal(graph, max_ram=enough)
    assert any(hint.startswith("tried --memory least:") and hint.endswith("which fits") for hint in hints)
    assert not any(" and an input" in hint for hint in hints)


def test_an_input_that_the_layers_do_not_take_is_not_told() -> None:
    assert not any("an input of" in hint for hint in refusal(image_network(flat=True), max_ram=1000))
    assert remedies.smaller_input(remedies.Request(image_network(flat=True))) is None


def test_a_remedy_is_for_requests_that_lack_it() -> None:
    graph = image_network()
    request = remedies.Request(graph, "cmsis-nn", settings={"ram": "least"})
    assert remedies.overlapping_rows(request) is None
    changed = remedies.own_kernels(request)
    assert changed is not None
    assert (changed.request.backend, changed.request.settings) == ("c", {}), "backend c has no such option"
    assert remedies.own_kernels(changed.request) is None
    quantised = remedies.integers(request)
    assert quantised is not None
    assert remedies.integers(quantised.request) is None
    again = remedies.smaller_input(quantised.request)
    assert again is not None
    assert again.request.scheme is not None
    assert isinstance(again.request.scheme.calibration, list)
    assert again.request.scheme.calibration[0].shape[1:] == (8, 8, 3)
    together = remedies.together(request, remedies.REMEDIES)
    assert (
        together.words == "-X code=compact and --memory least and --backend c and --quantize int8 and an input of 8x8x3"
    )


def test_arithmetic_is_limited() -> None:
    graph = image_network()
    macs = mnc.compile(graph).report.macs
    assert mnc.compile(graph, max_macs=macs).report.macs == macs
    hints = refusal(graph, max_macs=macs - 1)
    assert hints[0].startswith("most are those of 'b' (")
    assert told(hints, "an input of 8x8x3") < macs / 3


def test_a_stack_that_nobody_measures_is_no_contract() -> None:
    with pytest.raises(CompileError, match="the stack was not measured: no target is named"):
        mnc.compile(image_network(), max_stack=1000)


def needs_arm() -> None:
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_with_a_target_code_and_stack_are_measured_and_limited() -> None:
    needs_arm()
    from mnc.backends.storage import Storage
    from mnc.bench import bench

    graph = image_network()
    found = mnc.compile(graph, target="cortex-m4", name="net", measure=True, memory="fast").report
    cost = bench(graph, "net", "c", "cortex-m4", storage=Storage("fast"))
    assert (found.flash.code, found.flash.total, found.stack) == (cost.code, cost.flash, cost.stack)
    assert (found.ram.measured, found.ram.total) == (cost.ram, cost.ram)
    assert (found.compiler, found.instructions) == (cost.compiler, cost.instructions)
    assert found.unmeasured is None
    total, stack = found.flash.total, found.stack
    assert total is not None
    assert stack is not None
    assert mnc.compile(graph, target="cortex-m4", max_flash=total, max_stack=stack, memory="fast").report.stack == stack
    hints = refusal(graph, target="cortex-m4", max_flash=total - 1)
    integers = mnc.compile(
        graph,
        target="cortex-m4",
        name="net",
        measure=True,
        quantize="int8",
        calibration=random_inputs(graph),
        allow_loss=True,
        memory="fast",
    )
    assert told(hints, "--quantize int8") == integers.report.flash.total
    refusal(graph, target="cortex-m4", max_stack=stack - 1)


def test_compact_code_is_tried_where_code_is_measured(fixtures: Path) -> None:
    needs_arm()
    graph = mnc.load(fixtures / "pico.int8.tflite")
    compact = mnc.compile(
        graph, target="cortex-m4", settings={"code": "compact"}, measure=True, memory="fast"
    ).report.flash.total
    assert told(refusal(graph, target="cortex-m4", max_flash=5000), "-X code=compact") == compact


def test_without_a_compiler_the_report_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    report = mnc.compile(image_network(), target="cortex-m33", measure=True).report
    assert (report.flash.code, report.flash.total, report.stack, report.compiler) == (None, None, None, None)
    assert report.unmeasured is not None
    assert "arm-none-eabi-gcc" in report.unmeasured
    with pytest.raises(CompileError, match=r"the stack was not measured: .*arm-none-eabi-gcc"):
        mnc.compile(image_network(), target="cortex-m33", max_stack=10_000)


def test_constants_that_an_avr_reads_among_its_code_are_no_code() -> None:
    for program in ("avr-gcc", "simavr"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    report = mnc.compile(image_network(), target="avr", measure=True, memory="fast").report
    assert report.unmeasured == "target avr: the network does not fit into its memory"
    small = Graph("net", (Input("x", TensorType((8,))),), (Node(("y",), Dense(constant(8, 3)), ("x",)),), ("y",))
    report = mnc.compile(small, target="avr", measure=True).report
    assert report.flash.code is not None
    assert report.flash.total == report.flash.code + report.flash.total_constants
    assert report.stack
