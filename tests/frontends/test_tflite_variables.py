"""Variables of TensorFlow Lite files: states of the network, with the initial values that CALL_ONCE assigns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor, read, register

from mnc.ir.graph import Graph
from mnc.ir.types import Array

INT8: dict[str, Any] = {"scale": [0.5], "zero_point": [-3]}


def graph_of(file: File) -> Graph:
    reading = read(file)
    assert reading.graph is not None, reading.problems
    return reading.graph


def fault(file: File) -> str:
    reading = read(file)
    assert reading.graph is None
    assert all(problem.hints or "it has" in problem.what for problem in reading.problems), reading.problems
    return "; ".join(f"{problem.where}: {problem.what}" for problem in reading.problems)


def windows(x: Array, before: Array) -> Array:
    """Every three frames in a row, with two that were there before the first."""
    frames = np.concatenate([before.reshape(2, 4), x.reshape(-1, 4)])
    return np.stack([frames[i : i + 3] for i in range(len(x))])


@pytest.mark.parametrize("type_", ["FLOAT32", "INT8", "INT16"])
def test_a_shift_register_is_a_state(type_: str) -> None:
    rng = np.random.default_rng(0)
    quantised: dict[str, Any] = {"FLOAT32": {}, "INT8": INT8, "INT16": {"scale": [0.5], "zero_point": [0]}}[type_]
    before, x = (rng.integers(-100, 100, (n, 4)).astype(type_.lower()) for n in (2, 5))
    graph = graph_of(register(type_, before[np.newaxis], **quantised))
    (state,) = graph.states
    assert state.name == "history"
    np.testing.assert_array_equal(state.beginning, before)
    got = graph.predict(x.reshape(5, 1, 4))
    np.testing.assert_array_equal(got, windows(x, before))


def test_equal_initial_values_are_one_number() -> None:
    (state,) = graph_of(register("INT8", np.full((1, 2, 4), -3, np.int8), **INT8)).states
    assert state.initial.shape == ()


def test_a_read_behind_an_assignment_gives_what_was_assigned() -> None:
    file = register()
    tensors = [*file.tensors, Tensor((1, 2, 4), name="again")]
    operators = [*file.operators, Operator("READ_VARIABLE", [1], [len(file.tensors)])]
    graph = graph_of(replace(file, tensors=tensors, operators=operators, outputs=[3, len(file.tensors)]))
    window, again = graph.predict(np.arange(12, dtype=np.float32).reshape(3, 1, 4))
    np.testing.assert_array_equal(window[:, 1:], again)


def test_a_variable_that_is_only_assigned_is_no_state() -> None:
    file = register()
    operators = [each for each in file.operators if each.kind not in ("READ_VARIABLE", "CONCATENATION", "SLICE")]
    tensors = [*file.tensors, Tensor((1, 1, 4), name="y")]
    operators[-1] = Operator("ASSIGN_VARIABLE", [1, 0], [])
    operators.append(Operator("RELU", [0], [len(file.tensors)]))
    assert not graph_of(replace(file, tensors=tensors, operators=operators, outputs=[len(file.tensors)])).states


def without(file: File, kind: str) -> File:
    return replace(file, operators=[each for each in file.operators if each.kind != kind])


def test_what_cannot_be_a_state_is_refused() -> None:
    file = register()
    assert "the variable 'history' has no value before the first run" in fault(without(file, "CALL_ONCE"))
    assert "no VAR_HANDLE before it names its variable" in fault(without(file, "VAR_HANDLE"))
    assert "the file has no subgraph 1 to call once" in fault(replace(file, once=()))
    (once,) = file.once
    relu = replace(once, tensors=[*once.tensors, Tensor((1, 2, 4))], operators=[Operator("RELU", [1], [2])])
    assert "its subgraph has the operator RELU" in fault(replace(file, once=[relu]))
    computed = replace(once, tensors=[once.tensors[0], Tensor((1, 2, 4), name="later")])
    assert "its subgraph assigns 'later', which is no constant" in fault(replace(file, once=[computed]))
    wide = replace(once, tensors=[once.tensors[0], Tensor.of(np.zeros((1, 3, 4), np.float32))])
    assert "as float32 2x4, but the variable is float32 3x4" in fault(replace(file, once=[wide]))
    assigned = [*file.operators[:-1], Operator("ASSIGN_VARIABLE", [1, 3], [])]
    assert "it assigns 'history' as float32 3x4, but the variable is" in fault(replace(file, operators=assigned))
    constant = [*file.operators[:-1], Operator("ASSIGN_VARIABLE", [1, 5], [])]
    assert "it assigns a constant to 'history' in each run" in fault(replace(file, operators=constant))


def test_another_scale_is_refused() -> None:
    file = register("INT8", **INT8)
    (once,) = file.once
    other = replace(once.tensors[1], scale=[0.25])
    assert "with another scale or zero point" in fault(
        replace(file, once=[replace(once, tensors=[once.tensors[0], other])])
    )
