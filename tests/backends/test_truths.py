"""Networks of TensorFlow Lite that compare and choose: generated C gives the interpreter's bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tflite_cases import single_operators
from tflite_files import File, Operator, Tensor, read
from tflite_truth_cases import GIVING_TRUTHS

from mnc.ir.types import Array
from mnc.verify import verify

pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro's interpreter is not installed")

SHAPE = (1, 5, 6)
ALL = (*sorted(GIVING_TRUTHS), "select_v2")


def value(type_: str, shape: tuple[int, ...] = SHAPE, data: Array | None = None) -> Tensor:
    """Of scale 1/16 round -3, or in float32."""
    if type_ == "FLOAT32":
        return Tensor(shape, data=None if data is None else data.astype(np.float32))
    stored = None if data is None else np.round(data * 16 - 3).astype(np.int8)
    return Tensor(shape, type_, [0.0625], [-3], data=stored)


def number(type_: str, x: float) -> Tensor:
    return value(type_, (1,), np.array([x]))


def truth(shape: tuple[int, ...] = SHAPE) -> Tensor:
    return Tensor(shape, "BOOL")


def above(type_: str) -> File:
    """The value itself where it is above a threshold, else another's."""
    tensors = [value(type_), value(type_), number(type_, 0.5), truth(), value(type_)]
    return File(tensors, [Operator("GREATER", [0, 2], [3]), Operator("SELECT_V2", [3, 0, 1], [4])], [0, 1], [4])


def gated(type_: str) -> File:
    """The value times a mask of its own."""
    mask = Tensor(SHAPE) if type_ == "FLOAT32" else Tensor.int8(SHAPE, 1 / 255, -128)
    tensors = [value(type_), number(type_, -0.25), truth(), Tensor(SHAPE), mask, value(type_)]
    operators = [
        Operator("GREATER_EQUAL", [0, 1], [2]),
        Operator("CAST", [2], [3]),
        Operator("QUANTIZE", [3], [4]),
        Operator("MUL", [0, 4], [5], {"FusedActivationFunction": 0}),
    ]
    if type_ == "FLOAT32":
        operators[2:] = [Operator("MUL", [0, 3], [5], {"FusedActivationFunction": 0})]
    return File(tensors, operators, [0], [5])


def clipped(type_: str) -> File:
    """The value within two bounds, and whether it was inside."""
    low, high = number(type_, -1.0), number(type_, 1.0)
    tensors = [value(type_), low, high, truth(), truth(), truth(), value(type_), value(type_)]
    operators = [
        Operator("LESS", [0, 1], [3]),
        Operator("GREATER", [0, 2], [4]),
        Operator("LOGICAL_OR", [3, 4], [5]),
        Operator("SELECT_V2", [3, 1, 0], [6]),
        Operator("SELECT_V2", [4, 2, 6], [7]),
    ]
    return File(tensors, operators, [0], [7, 5])


def signs(type_: str) -> File:
    """One of two constants, by a mask from outside and what is not above 0."""
    tensors = [value(type_), truth((1, 5, 1)), number(type_, 0.0), truth(), truth(), truth(), truth()]
    tensors += [number(type_, 2.0), number(type_, -2.0), value(type_)]
    operators = [
        Operator("LESS_EQUAL", [0, 2], [3]),
        Operator("LOGICAL_NOT", [3], [4]),
        Operator("LOGICAL_AND", [4, 1], [5]),
        Operator("SELECT_V2", [5, 7, 8], [9]),
    ]
    return File(tensors, operators, [0, 1], [9])


@pytest.mark.parametrize("type_", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("network", [above, gated, clipped, signs], ids=lambda each: each.__name__)
@pytest.mark.parametrize("target", ["host", "cortex-m4"])
def test_they_give_the_interpreters_bytes(network: Callable[[str], File], type_: str, target: str, gcc: str) -> None:
    if target != "host" and (shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None):
        pytest.skip("needs arm-none-eabi-gcc and qemu-system-arm")
    compared(network(type_), target)


@settings(max_examples=1, deadline=None, database=None, phases=[Phase.generate])
@given(data=st.data())
@pytest.mark.parametrize("name", ALL)
def test_drawn_ones_do(name: str, data: st.DataObject, gcc: str) -> None:
    file, _ = data.draw(single_operators(name, quantised=data.draw(st.booleans())))
    compared(file, "host")


def compared(file: File, target: str) -> None:
    """Every layer is the reference's, every output the interpreter's; inputs of true and false are 1 and 0."""
    graph = read(file).graph
    assert graph is not None
    rng = np.random.default_rng(0)
    inputs: list[Array] = []
    for index, given_ in zip(file.inputs, graph.inputs, strict=True):
        shape = (4, *given_.type.shape)
        if file.tensors[index].type == "BOOL":
            inputs.append(rng.integers(0, 2, shape).astype(np.int8))
        elif given_.type.quant is None:
            inputs.append(np.round(rng.normal(size=shape) * 4).astype(np.float32) / 4)
        else:
            inputs.append(rng.integers(-40, 40, shape).astype(np.int8))
    found = verify(graph, inputs=inputs, target=target, oracle=file.content())
    assert [layer.name for layer in found.layers if not layer.passed] == []
    assert [each.name for each in found.oracle if not each.passed] == []
    assert len(found.oracle) == len(graph.outputs)
