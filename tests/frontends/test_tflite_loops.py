"""Loops of Keras' recurrent layers, as TensorFlow's converter wrote them, and loops that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor, ints, read

from mnc.frontends import load
from mnc.frontends.tflite.loops.terms import OtherLoopError, State, Terms
from mnc.ir.activations import Tanh
from mnc.ir.layers import GRU, LSTM, Recurrent, SimpleRNN

KINDS: dict[str, list[type[Recurrent]]] = {
    "gated.k2": [GRU, GRU, GRU],
    "gated.k3": [GRU, GRU, GRU],
    "memory.k2": [LSTM, LSTM, LSTM, SimpleRNN],
    "memory.k3": [LSTM, LSTM, LSTM, SimpleRNN],
    "begun.k2": [GRU, SimpleRNN],
    "begun.k3": [GRU, SimpleRNN],
}


@pytest.mark.parametrize("name", KINDS)
def test_a_converted_recurrent_layer_gives_what_keras_gives(name: str, fixtures: Path) -> None:
    graph = load(fixtures / "loops" / f"{name}.tflite")
    layers = [type(node.layer) for node in graph.nodes if isinstance(node.layer, Recurrent)]
    assert sorted(layers, key=str) == sorted(KINDS[name], key=str)
    with np.load(fixtures / "loops" / f"{name}.golden.npz") as stored:
        xs = [stored[f"x{i}"] for i in range(len(graph.inputs))]
        ys = [stored[f"y{i}"] for i in range(len(graph.outputs))]
    for y, expected in zip(graph.predict(xs), ys, strict=True):
        np.testing.assert_allclose(y.ravel(), expected.ravel(), atol=1e-6)


STEPS, UNITS = 3, 2


def rows(change: Callable[[dict[str, Operator]], None] = lambda _: None, limit: int = STEPS) -> File:
    """A SimpleRNN of two units whose loop sets all rows, its operators by name, with something changed."""
    weights = Tensor.of(np.full((UNITS, UNITS), 0.5, np.float32))
    scalar, row = Tensor((), "INT32"), Tensor((1, UNITS))
    tensors = [scalar, Tensor((STEPS, 1, UNITS)), Tensor((STEPS, 1, UNITS)), row]  # the loop's variables
    tensors += [scalar, row, row, row, row, row, weights, Tensor.of(np.int32(1)), Tensor((1,), "INT32"), ints(1)]
    tensors += [ints(0, 0, 0), ints(-1, -1), ints(-1, -1, -1), ints(0, 0), Tensor((3,), "INT32"), Tensor((3,), "INT32")]
    tensors += [Tensor((1,), "INT32"), *[Tensor((STEPS, 1, UNITS))] * 3, Tensor((1, 1, UNITS)), Tensor.of(np.int32(0))]
    none = {"FusedActivationFunction": 0}
    named = {
        "count": Operator("ADD", [0, 11], [4], none),
        "step": Operator("GATHER", [1, 0], [5], {"Axis": 0}),
        "given": Operator("FULLY_CONNECTED", [5, 10, -1], [6], none),
        "kept": Operator("FULLY_CONNECTED", [3, 10, -1], [7], none),
        "sum": Operator("ADD", [6, 7], [8], none),
        "state": Operator("TANH", [8], [9]),
        "place": Operator("RESHAPE", [0, 13], [12]),
        "front": Operator("CONCATENATION", [12, 15], [18], {"Axis": 0}),
        "before": Operator("SLICE", [2, 14, 18], [21]),
        "next": Operator("RESHAPE", [4, 13], [20]),
        "behind": Operator("CONCATENATION", [20, 17], [19], {"Axis": 0}),
        "after": Operator("SLICE", [2, 19, 16], [22]),
        "row": Operator("EXPAND_DIMS", [9, 25], [24]),
        "rows": Operator("CONCATENATION", [21, 24, 22], [23], {"Axis": 0}),
    }
    change(named)
    body = File(tensors, list(named.values()), [0, 1, 2, 3], [4, 1, 23, 9])
    test = File(
        [*tensors[:4], Tensor.of(np.int32(limit)), Tensor((), "BOOL")], [Operator("LESS", [0, 4], [5])], range(4), [5]
    )
    zeros = (Tensor.of(np.int32(0)), Tensor.of(np.zeros((STEPS, 1, UNITS), np.float32)))
    first = [Tensor((1, STEPS, UNITS), name="x"), ints(STEPS, 1, UNITS), Tensor((STEPS, 1, UNITS)), *zeros]
    first += [Tensor.of(np.zeros((1, UNITS), np.float32)), *tensors[:4]]
    loop = Operator("WHILE", [3, 2, 4, 5], [6, 7, 8, 9], {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2})
    return File(first, [Operator("RESHAPE", [0, 1], [2]), loop], [0], [8], [test, body])


def test_a_loop_that_sets_all_rows_is_a_layer_that_gives_them() -> None:
    graph = read(rows()).graph
    assert graph is not None
    assert [node.layer.return_sequences for node in graph.nodes if isinstance(node.layer, SimpleRNN)] == [True]
    x = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]], np.float32)
    h, expected = np.zeros(2), []
    for step in x[0]:
        h = np.tanh(np.full(2, 0.5 * step.sum() + 0.5 * h.sum()))
        expected.append(h)
    np.testing.assert_allclose(np.asarray(graph.predict(x)).reshape(STEPS, UNITS), expected, rtol=1e-6)


def put(name: str, **fields: Any) -> Callable[[dict[str, Operator]], None]:
    def change(named: dict[str, Operator]) -> None:
        named[name] = replace(named[name], **fields)

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (put("state", kind="SIN"), "it has the operator SIN"),
        (put("sum", kind="MUL"), "its states do not change as those of an LSTM, a GRU or a SimpleRNN do"),
        (put("step", inputs=[1, 11]), "its GATHER does not read the step of the iteration"),
        (put("step", inputs=[1, 4]), "its GATHER does not read the step of the iteration"),
        (put("row", inputs=[6, 25]), "one of its variables changes in another way"),
        (put("behind", inputs=[12, 17]), "its CONCATENATION does not set one row and leave the others"),
        (put("count", kind="SUB"), "its SUB does not read a step or a state"),
        (put("given", inputs=[5, 3, -1]), "its FULLY_CONNECTED has an operand that is not known"),
    ],
)
def test_a_loop_of_something_else_is_refused_by_name(change: Callable[[dict[str, Operator]], None], what: str) -> None:
    (problem,) = read(rows(change)).problems
    assert problem.what.startswith("its loop is not that of a recurrent layer: ")
    assert what in problem.what
    assert "compile the Keras model" in problem.hints[0]


@pytest.mark.parametrize("limit", [STEPS - 1, STEPS + 1])
def test_a_loop_that_leaves_steps_out_is_refused(limit: int) -> None:
    (problem,) = read(rows(limit=limit)).problems
    assert problem.what.endswith(f"it runs {limit} times over {STEPS} steps")


def test_a_loop_whose_subgraphs_are_missing_is_refused() -> None:
    (problem,) = read(replace(rows(), once=[])).problems
    assert problem.what == "its subgraphs are not in the file"


def test_a_loop_that_begins_elsewhere_than_at_zero_is_refused() -> None:
    file = rows()
    tensors = [*file.tensors]
    tensors[5] = Tensor.of(np.ones((1, UNITS), np.float32))
    (problem,) = read(replace(file, tensors=tensors)).problems
    assert problem.what.endswith("its states begin with constants other than zero")


def test_a_loop_that_multiplies_by_one_constant_again_and_again_takes_no_more_memory_than_it_may() -> None:
    terms, weights = Terms(), np.zeros((1024, 1024))
    x = terms.vector(State(0), (1, 1024))
    for _ in range(16):
        terms.matrix(x, weights)
    with pytest.raises(OtherLoopError, match="its matrices have more than 16,777,216 elements"):
        terms.matrix(x, weights)


def test_a_loop_of_functions_of_functions_takes_no_more_time_than_it_may() -> None:
    terms = Terms()
    x = terms.matrix(terms.vector(State(0), (1, 4)), np.ones((4, 4)))
    for _ in range(30):  # 2^30 vectors to take a part of
        x = terms.product(terms.applied(Tanh(), x), x)
    with pytest.raises(OtherLoopError, match="functions and products"):
        terms.part(x, slice(0, 2), (1, 2))
