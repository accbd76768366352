"""Warnings about a quantised network: by which samples, from which level on, and why it lost its signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.errors import CompileError
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import BatchNormalization, Dense, Embedding, Flatten, Softmax
from mnc.ir.types import Array, Constant, TensorType
from mnc.passes import optimise
from mnc.quantise import Quantised, Scheme
from mnc.quantise.doubts import doubts
from mnc.quantise.holdout import split
from mnc.quantise.judge import LITTLE, NEXT_TO_NOTHING, judged
from mnc.quantise.quality import decibels
from mnc.verify import beyond_range, verify
from mnc.zoo import networks
from mnc.zoo.costs import lively

RNG = np.random.default_rng(7)
WEIGHTS = RNG.normal(0.0, 0.5, (6, 8)).astype(np.float32)
SAMPLES = RNG.uniform(-1.0, 1.0, (200, 6)).astype(np.float32)


def dense(weights: Array, size: int = 6) -> Graph:
    return Graph("net", (Input("x", TensorType((size,))),), (Node(("y",), Dense(Constant(weights)), ("x",)),), ("y",))


def judge(graph: Graph, samples: Array, **scheme: object) -> Quantised:
    return judged(optimise(graph), Scheme(samples, **scheme), lambda graph: {})  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("count", [1, 7, 8, 50, 1000])
def test_held_back_samples_are_others_than_those_that_calibrate(count: int) -> None:
    parts = split(count)
    if count < 8:
        assert parts.held_back == 0
        assert parts.fitting.tolist() == parts.judging.tolist() == list(range(count))
        return
    assert parts.held_back == len(parts.judging) == count // 4
    assert sorted([*parts.fitting, *parts.judging]) == list(range(count))


def test_classes_that_take_turns_are_all_held_back() -> None:
    for classes in range(2, 9):
        assert set(split(200).judging % classes) == set(range(classes))


def test_figures_are_those_of_samples_that_set_no_range() -> None:
    """Only those held back reach ten times as far: no range covers them, and the figure shows it."""
    held = split(len(SAMPLES)).judging
    spread = SAMPLES.copy()
    spread[held] *= 10.0
    found = judge(dense(WEIGHTS), spread, allow_loss=True)
    assert found.held_back == 50
    assert found.noise["y"] < 6.0
    assert "values reach " in found.warnings[0]
    assert judge(dense(WEIGHTS), SAMPLES).noise["y"] > 30.0


def test_what_is_compiled_is_calibrated_on_all() -> None:
    held = split(len(SAMPLES)).judging
    spread = SAMPLES.copy()
    spread[held[0]] = 1.5
    (given,) = judge(dense(WEIGHTS), spread, ranges="minmax").graph.inputs
    assert given.type.quant is not None
    assert given.type.quant.scale[0] * 255.0 > 2.45


def unlike() -> tuple[Graph, Array]:
    scale = np.array([1e4, 1e4, 1e4, 1.0, 1.0, 1.0], np.float32)
    return dense((WEIGHTS / scale[:, np.newaxis]) * (scale[:, np.newaxis] < 10)), SAMPLES * scale


def outliers() -> tuple[Graph, Array]:
    samples = np.concatenate([SAMPLES] * 20)
    samples[:: len(samples) // 3, 0] = 2000.0
    return dense(WEIGHTS), samples


def off_centre() -> tuple[Graph, Array]:
    """A dense layer whose bias takes the centre away, where no normalisation is to be seen."""
    layer = Dense(Constant(WEIGHTS), Constant(-1000.0 * WEIGHTS.sum(axis=0)))
    return Graph("net", (Input("x", TensorType((6,))),), (Node(("y",), layer, ("x",)),), ("y",)), SAMPLES + 1000.0


@pytest.mark.parametrize(
    ("case", "cause", "way"),
    [
        (unlike, "channels reach from .* and share one scale", "scale all features alike"),
        (outliers, "outliers stretch the range to", "--ranges percentile"),
        (off_centre, "values vary by .* round 999", "subtract the mean"),
    ],
)
def test_next_to_no_signal_is_refused_with_its_cause(case: object, cause: str, way: str) -> None:
    graph, samples = case()  # type: ignore[operator]  # one of those above
    with pytest.raises(CompileError, match=cause) as fault:
        mnc.compile(graph, quantize="int8", calibration=samples)
    assert "argument 'quantize': too little of the signal is left to be of use: 'y' keeps" in str(fault.value)
    assert way in str(fault.value)
    assert "`--allow-loss` compiles it as it is" in str(fault.value)
    build = mnc.compile(graph, quantize="int8", calibration=samples, allow_loss=True)
    assert any("'y' keeps " in warning and way in warning for warning in build.report.warnings)
    assert build.report.quantisation is not None
    ratio = build.report.quantisation.sqnr["y"]
    assert ratio is not None
    assert ratio < NEXT_TO_NOTHING


def test_differences_of_nearly_equal_values_are_told() -> None:
    """Two outputs that are nearly one another's copy, then their difference: their rounding weighs more than it."""
    near = np.stack([np.full(6, 0.5), np.full(6, 0.5)], axis=1).astype(np.float32)
    near[:, 1] += 0.01 * WEIGHTS[:, 0]
    nodes = (
        Node(("a",), Dense(Constant(near), activation=Relu()), ("x",)),
        Node(("y",), Dense(Constant(np.array([[1.0], [-1.0]], np.float32))), ("a",)),
    )
    graph = Graph("net", (Input("x", TensorType((6,))),), nodes, ("y",))
    found = judge(graph, np.abs(SAMPLES), allow_loss=True)
    (warning,) = found.warnings
    assert "small differences of its inputs" in warning or "weights lose too much" in warning
    assert "first lost is" in warning or "'y' keeps" in warning


def test_numbers_of_rows_that_are_rounded_are_told() -> None:
    table = Embedding(Constant(np.random.default_rng(5).normal(size=(300, 4)).astype(np.float32)))
    nodes = (Node(("v",), table, ("x",)), Node(("y",), Flatten(), ("v",)))
    graph = Graph("net", (Input("x", TensorType((8,))),), nodes, ("y",))
    samples = np.random.default_rng(6).integers(0, 300, (64, 8)).astype(np.float32)
    with pytest.raises(CompileError, match=r"by 'x', whose numbers are stored in steps of 1\.1") as fault:
        judge(graph, samples, io="int8")
    assert "`--io float`" in str(fault.value)


def test_little_signal_is_warned_of() -> None:
    """At 16 dB, between both levels."""
    scale = np.array([20.0, 1.0, 1.0, 1.0, 1.0, 1.0], np.float32)
    samples, weights = SAMPLES * scale, WEIGHTS.copy()
    weights[0] = 0.0
    for factor in (1.0, 2.0, 4.0, 8.0):
        samples[:, 0] *= factor
        found = judge(dense(weights), samples, allow_loss=True)
        told = [warning for warning in found.warnings if "keeps" in warning]
        assert bool(told) is (found.noise["y"] < LITTLE)
        if NEXT_TO_NOTHING < found.noise["y"] < LITTLE:
            return
    raise AssertionError("no factor led between the levels")


def test_few_samples_are_said_to_be_few() -> None:
    assert judge(dense(WEIGHTS), SAMPLES[:5]).warnings == (
        "calibration: 5 samples are few, and the network is judged by the same ones; give some dozens",
    )
    assert judge(dense(WEIGHTS), SAMPLES[:20]).warnings == (
        "calibration: 20 samples are few, and 5 of them are held back to judge by; give some dozens",
    )
    assert judge(dense(WEIGHTS), SAMPLES[:32]).warnings == ()


def test_layers_that_stay_float_are_named_with_their_share() -> None:
    nodes = (
        Node(("a",), Dense(Constant(WEIGHTS)), ("x",)),
        Node(("y",), Dense(Constant(RNG.normal(0.0, 0.5, (8, 6)).astype(np.float32))), ("a",)),
    )
    graph = Graph("net", (Input("x", TensorType((6,))),), nodes, ("y",))
    found = judged(
        graph,
        Scheme(SAMPLES),
        lambda graph: {"y": "no kernel"} if graph.types["y"].quant else {},
    )
    if graph.types["a"].dtype is not found.graph.types["a"].dtype:
        assert found.warnings[-1] == "1 of 2 layers compute in float32, 50% of the MACs: 'y'"
    else:
        assert "100% of the MACs" in found.warnings[-1]


def test_an_integer_network_that_takes_more_than_the_float_one_is_told() -> None:
    nodes = (Node(("y",), Softmax(), ("x",)),)
    graph = Graph("net", (Input("x", TensorType((6,))),), nodes, ("y",))
    warnings = mnc.compile(graph, quantize="int8", calibration=SAMPLES).report.warnings
    assert any("takes more flash for constants than in float32" in warning for warning in warnings)
    assert not mnc.compile(dense(WEIGHTS), quantize="int8", calibration=SAMPLES).report.warnings


@pytest.mark.usefixtures("arm_gcc", "qemu_arm")
def test_an_integer_network_that_is_slower_than_the_float_one_is_told(root: Path, tool: Callable[[str], str]) -> None:
    """The digits' layers of few channels are so on an ESP32, which has an FPU, and are not on a Cortex-M4."""
    for program in ("clang-22", "xtensa-lx106-elf-gcc", "qemu-system-xtensa"):
        tool(program)
    digits = mnc.load(root / "examples" / "digits" / "nano.h5")
    images = np.random.default_rng(5).uniform(size=(24, *digits.inputs[0].type.shape)).astype(np.float32)
    for target, slower in (("esp32", True), ("cortex-m4", False)):
        report = mnc.compile(digits, target=target, quantize="int8", calibration=images, measure=True).report
        told = [warning for warning in report.warnings if "more instructions than in float32" in warning]
        assert bool(told) is slower
        assert not told or f"float32: {report.instructions:,}, not " in told[0]


def normalised() -> Graph:
    mean, variance = Constant(np.full(6, 2.0, np.float32)), Constant(np.full(6, 4.0, np.float32))
    nodes = (
        Node(("n",), BatchNormalization(mean, variance), ("x",)),
        Node(("y",), Dense(Constant(WEIGHTS)), ("n",)),
    )
    return Graph("net", (Input("x", TensorType((6,))),), nodes, ("y",))


def test_the_normalisation_knows_what_was_trained_on() -> None:
    samples = RNG.normal(2.0, 2.0, (40, 6)).astype(np.float32)
    assert doubts(normalised(), [samples]) == ()
    (large,) = doubts(normalised(), [samples * 255.0])
    assert "in front of 'n' these are " in large
    (small,) = doubts(normalised(), [samples / 255.0])
    assert "of a deviation only" in small
    stored = np.round(np.abs(samples) * 20.0)
    assert "whole numbers" not in "".join(doubts(normalised(), [stored])), "the normalisation is the better witness"
    assert "whole numbers" in "".join(doubts(dense(WEIGHTS), [stored]))


def test_code_is_compared_with_the_float_network(cc: str) -> None:
    graph, scheme = dense(WEIGHTS), Scheme(SAMPLES)
    verification = verify(graph, scheme=scheme, inputs=[SAMPLES[:30]])
    assert verification.passed
    (found,) = verification.against_float
    expected, (got,) = graph.predict(SAMPLES[:30]), verification.outputs
    error = np.abs(got - expected)
    assert found.max_abs_error == pytest.approx(error.max())
    assert error[found.worst] == error.max()
    assert found.rmse == pytest.approx(np.sqrt(np.mean(error**2)))
    assert found.correlation == pytest.approx(np.corrcoef(np.ravel(expected), got.ravel())[0, 1])
    assert found.sqnr == pytest.approx(10.0 * np.log10(np.sum(np.square(expected)) / np.sum(error**2)), abs=1e-3)
    assert found.agreement is None, "it gives numbers"
    assert verify(graph, inputs=[SAMPLES[:3]]).against_float == ()
    softmax = replace(graph, nodes=(*graph.nodes, Node(("p",), Softmax(), ("y",))), outputs=("p",))
    (found,) = verify(softmax, scheme=scheme, inputs=[SAMPLES[:30]]).against_float
    assert found.agreement is not None
    assert found.agreement > 0.8


def test_inputs_beyond_what_was_calibrated_are_told() -> None:
    quantised = judge(dense(WEIGHTS), SAMPLES).graph
    assert beyond_range(quantised, [SAMPLES]) == ()
    (told,) = beyond_range(quantised, [SAMPLES * 3.0])
    assert told.startswith("input 'x': 6")
    assert beyond_range(quantised, [np.full((3, 6), 127, np.int8)]) == (), "stored numbers are in range"
    with_float_ends = judge(dense(WEIGHTS), SAMPLES, io="float").graph
    assert beyond_range(with_float_ends, [SAMPLES]) == ()
    assert beyond_range(with_float_ends, [SAMPLES * 3.0]) == (told,)


@pytest.mark.parametrize("name", ["pico", "nano"])
def test_no_network_of_the_zoo_is_refused(name: str) -> None:
    graph = lively(networks.graph(name, {"height": 32, "width": 32}))
    x = RNG.random((40, *graph.inputs[0].type.shape), dtype=np.float32)
    assert judge(graph, x).graph.inputs[0].type.quant is not None


def test_an_error_beyond_all_numbers_leaves_nothing_of_the_signal() -> None:
    assert decibels(np.array([1e-155]), np.array([1e10])) == float("-inf")
