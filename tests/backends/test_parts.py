"""Parts of a row (`-X step=N`): kernels that are called for ranges of their outputs give the bits of one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generated_c import SANITIZED, Case, run_cases
from networks import chain
from quantised_networks import stored_samples
from same_bits import case_of
from stand_in import STAND_IN, core

import mnc
from mnc.backends.library import standard
from mnc.backends.select.axes import CUTS
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import (
    GRU,
    LSTM,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    FloorDivide,
    GlobalAveragePooling,
    LogSoftmax,
    MatMul,
    Permute,
    Softmax,
)
from mnc.ir.types import Constant, TensorType
from mnc.program import Slices

RANDOM = np.random.default_rng(5)


def numbers(*shape: int) -> Constant:
    """Weights of no pattern."""
    return Constant(RANDOM.normal(size=shape).astype(np.float32))


def image() -> Graph:
    """Convolutions whose channels fill no block, and dense layers of a number of outputs that is prime."""
    return chain(
        (4, 5, 3),
        wide=Conv2D(numbers(3, 3, 3, 11), numbers(11), padding=((1, 1), (1, 1))),
        single=DepthwiseConv2D(numbers(3, 3, 11, 1), numbers(11), padding=((1, 1), (1, 1))),
        point=Conv2D(numbers(1, 1, 11, 19), numbers(19)),
        back=Conv2DTranspose(numbers(2, 2, 9, 19), numbers(9), stride=(2, 2)),
        flat=Flatten(),
        hidden=Dense(numbers(8 * 10 * 9, 37), numbers(37)),
        narrow=Dense(numbers(37, 23), numbers(23)),
        scores=Softmax(),
    )


def sequence(layer: type[LSTM] | type[GRU]) -> Graph:
    """A recurrent layer of whose steps each is several slices."""
    gates = 4 if layer is LSTM else 3
    bias = numbers(gates * 10) if layer is LSTM else numbers(2, gates * 10)
    recurrent = layer(numbers(5, gates * 10), numbers(10, gates * 10), bias, return_sequences=True)
    return chain((6, 5), recurrent=recurrent, mean=GlobalAveragePooling(), scores=Dense(numbers(10, 7)))


def likeness() -> Graph:
    """Products of a matrix with itself turned, rounded down to halves, and as logarithms of shares."""
    nodes = (
        Node(("turned",), Permute((1, 0)), ("x",)),
        Node(("products",), MatMul(), ("x", "turned")),
        Node(("halves",), FloorDivide(operand=Constant(np.full((), 0.5, np.float32))), ("products",)),
        Node(("y",), LogSoftmax(), ("products",)),
    )
    return Graph("likeness", (Input("x", TensorType((7, 5))),), nodes, ("y", "halves"))


KINDS: dict[str, tuple[Graph, str | None, dict[str | None, int]]] = {
    "float": (image(), None, {None: 40, "host": 700, "cortex-m55": 700}),
    "int8": (image(), "int8", {"cortex-m4": 500, "cortex-m55": 500, "esp32": 500}),
    "int16": (image(), "int16x8", {None: 900}),
    "products of int8": (likeness(), "int8", {None: 9}),
    "products of int16": (likeness(), "int16x8", {None: 9}),
    "LSTM": (sequence(LSTM), None, {"cortex-m4": 60}),
    "GRU": (sequence(GRU), "int8", {"cortex-m4": 60}),
}
"""A network, how it becomes one of integers, and limits by target."""


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_of_outputs_give_the_bits_of_the_whole(kind: str, cc: str, tmp_path: Path) -> None:
    cases: list[Case] = []
    graph, how, limits = KINDS[kind]
    if how is not None:
        seen = RANDOM.normal(size=(4, *graph.inputs[0].type.shape)).astype(np.float32)
        graph = mnc.compile(graph, quantize=how, calibration=seen, allow_loss=True).graph
    for i, (target, limit) in enumerate(limits.items()):
        made = [
            mnc.compile(graph, name=f"{name}{i}", target=target, settings=settings)
            for name, settings in (("p", {}), ("s", {"step": str(limit)}))
        ]
        slices = Slices(made[1].emission.program, made[1].emission.plan.stages)
        assert any(step.ranges for step in slices.program.steps)
        assert max(slices.sizes) <= max(limit, *slices.oversized.values(), 0)
        x = stored_samples(made[0].graph)
        cases += [case_of(made[0], x), replace(case_of(made[1], x), sliced=True)]
    got = run_cases(cases, tmp_path, cc, SANITIZED)
    for whole, sliced in zip(got[::2], got[1::2], strict=True):
        for want, found in zip(whole, sliced, strict=True):
            np.testing.assert_array_equal(found.view(np.uint8), want.view(np.uint8))


@pytest.mark.parametrize("form", ["plain", "dsp"])
def test_dense_layers_of_cmsis_nn_are_cut_by_their_outputs(form: str, gcc: str, tmp_path: Path) -> None:
    target = {"plain": "cortex-m0plus", "dsp": "cortex-m4"}[form]
    graph = chain((24,), wide=Dense(numbers(24, 37), numbers(37)), narrow=Dense(numbers(37, 11)))
    graph = mnc.compile(graph, quantize="int8", calibration=RANDOM.normal(size=(4, 24)), allow_loss=True).graph
    plain = mnc.compile(graph, name="p", target=target)
    build = mnc.compile(graph, "cmsis-nn", "s", target, settings={"step": "100"})
    slices = Slices(build.emission.program, build.emission.plan.stages)
    assert {call.kernel for step in slices.program.steps for call in step.all_calls} == {"arm_fully_connected_s8"}
    assert max(slices.sizes) <= 100
    x = stored_samples(graph)
    cases = [case_of(plain, x), replace(case_of(build, x), sliced=True)]
    ((want,), (got,)) = run_cases(cases, tmp_path, gcc, ("-std=c89", "-O2", core(form)), library=STAND_IN)
    np.testing.assert_array_equal(got, want)


def test_the_loops_are_those_of_kernels() -> None:
    """A kernel that is renamed, or loses a parameter, is noticed here."""
    library = standard()
    for kernel, cut in CUTS.items():
        names = {parameter.name for parameter in library.parameters(kernel)}
        for axis in cut.axes:
            assert {axis.size, *axis.moves, *axis.blocks, *axis.within} <= names, (kernel, axis.size)
