"""TFLite operators that keep a state: what is refused of them, and how the state is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor, read

from mnc.ir.layers import LSTM

STEPS, FEATURES, UNITS = 3, 2, 4
OPTIONS = {"FusedActivationFunction": 4, "CellClip": 10.0, "TimeMajor": False}
KERNEL, RECURRENT, BIAS = (
    Tensor.of(np.full(shape, 0.5, np.float32)) for shape in ((UNITS, FEATURES), (UNITS, UNITS), (UNITS,))
)
STATE = Tensor((1, UNITS), variable=True)


def lstm(inputs: Mapping[int, Tensor | None], **options: float) -> File:
    """A plain LSTM but for these inputs, None for one that is absent, and options."""
    plain = [Tensor((1, STEPS, FEATURES)), *[KERNEL] * 4, *[RECURRENT] * 4, *[None] * 3, *[BIAS] * 4, *[None] * 2]
    given = [inputs.get(i, each) for i, each in enumerate((*plain, STATE, STATE, *[None] * 4))]
    tensors = [each or Tensor((0,)) for each in given] + [Tensor((1, STEPS, UNITS))]
    places = [-1 if each is None else i for i, each in enumerate(given)]
    operator = Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", places, [len(given)], {**OPTIONS, **options})
    return File(tensors, [operator], [0], [len(given)])


@pytest.mark.parametrize(
    ("inputs", "options", "what"),
    [
        ({1: None}, {}, "its input gate is missing: it is coupled with the forget gate"),
        ({9: BIAS}, {}, "it has peepholes"),
        ({16: RECURRENT}, {}, "it has a projection"),
        ({21: BIAS}, {}, "it normalises its gates"),
        ({13: None}, {}, "each of its gates needs a bias of 4 values"),
        ({3: RECURRENT}, {}, "the weights of its gates must be 4x2, not 4x4"),
        ({6: KERNEL}, {}, "the weights of its gates must be 4x4, not 4x2"),
        ({18: replace(STATE, variable=False)}, {}, "its input 18, a state, is not a variable tensor"),
        ({19: None}, {}, "its input 19, a state, is not a variable tensor"),
        (
            {19: replace(STATE, data=np.ones((1, UNITS), np.float32))},
            {},
            "its state 'tensor19' has a value in the file",
        ),
        ({}, {"FusedActivationFunction": 1}, "its activation is not TANH"),
        ({}, {"TimeMajor": True}, "it reads a batch of 3 sequences"),
        ({0: Tensor((1, 1, STEPS, FEATURES))}, {}, "it needs a sequence of three axes, with the batch"),
        ({1: Tensor.of(np.ones((UNITS, FEATURES), np.int8), [0.1])}, {}, "are INT8 while the values are FLOAT32"),
    ],
)
def test_another_lstm_is_refused_by_name(
    inputs: Mapping[int, Tensor | None], options: Mapping[str, float], what: str
) -> None:
    reading = read(lstm(inputs, **options))
    assert reading.graph is None
    assert what in str(reading.problems[0])


@pytest.mark.parametrize(("stored", "clip"), [(10.0, 10.0), (0.0, None)])
def test_an_lstm_keeps_its_state_and_limits_its_cell(stored: float, clip: float | None) -> None:
    graph = read(lstm({}, CellClip=stored)).graph
    assert graph is not None
    layer = graph.nodes[0].layer
    assert isinstance(layer, LSTM)
    assert (layer.stateful, layer.cell_clip) == (True, clip)


FRAMES = replace(STATE, shape=(1, 12))


def svdf(state: Tensor = FRAMES, rank: int = 2, frames: int = 3, **changes: Tensor) -> File:
    """Two units of rank 2 that see three frames."""
    features, time = Tensor.of(np.ones((4, 5), np.float32)), Tensor.of(np.ones((4, frames), np.float32))
    tensors = [changes.get("x", Tensor((1, 5))), changes.get("features", features), time]
    tensors += [Tensor.of(np.zeros(2, np.float32)), state, Tensor((1, 2))]
    options = {"Rank": rank, "FusedActivationFunction": 0}
    return File(tensors, [Operator("SVDF", [0, 1, 2, 3, 4], [5], options)], [0], [5])


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (svdf(rank=3), "its 4 filters are not of rank 3"),
        (svdf(features=Tensor.of(np.ones((4, 4), np.float32))), "its weights 4x4 and 4x3 do not fit 1x5"),
        (svdf(state=Tensor((1, 12))), "its input 4, a state, is not a variable tensor"),
    ],
)
def test_another_svdf_is_refused_by_name(file: File, what: str) -> None:
    assert what in str(read(file).problems[0])


def test_the_frames_of_an_svdf_are_one_state() -> None:
    graph = read(svdf()).graph
    assert graph is not None
    assert [state.type.shape for state in graph.states] == [(2, 1, 4)]
    assert read(svdf(frames=1)).graph is not None
    x = np.zeros((4, 5), np.float32)
    x[0, 0] = 1.0  # seen in three runs
    np.testing.assert_array_equal(np.asarray(graph.predict(x)).reshape(4, 2)[:, 0], [2, 2, 2, 0])


KEPT = Tensor((1, 12), "INT16", [0.01], [0], variable=True)
TIME = Tensor.of(np.ones((4, 3), np.int16), [0.01])


def svdf_in_int8(fused: int = 0, **changes: Tensor) -> File:
    """As `svdf`, with frames of int16."""
    features = Tensor.of(np.ones((4, 5), np.int8), [0.1])
    bias = Tensor.of(np.zeros(2, np.int32), [0.0001])
    tensors = [Tensor.int8((1, 5)), changes.get("features", features), changes.get("time", TIME), bias]
    tensors += [changes.get("state", KEPT), Tensor.int8((1, 2), 0.1, -128 if fused == 3 else 0)]
    options = {"Rank": 2, "FusedActivationFunction": fused}
    return File(tensors, [Operator("SVDF", [0, 1, 2, 3, 4], [5], options)], [0], [5])


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (svdf_in_int8(1), "its fused activation would cut off numbers that its output can store"),
        (svdf_in_int8(2), "its fused activation would cut off numbers that its output can store"),
        (svdf_in_int8(3), "its fused activation would cut off numbers that its output can store"),
        (svdf_in_int8(time=Tensor.of(np.ones((4, 3), np.int8), [0.01])), "are INT8 while the values are"),
        (svdf_in_int8(state=replace(KEPT, type="INT8", zero_point=[3])), "not of int16 or int8 with the zero point 0"),
        (svdf_in_int8(state=replace(KEPT, type="FLOAT32", scale=[])), "not of int16 or int8 with the zero point 0"),
        (svdf_in_int8(time=replace(TIME, scale=[0.01] * 4)), "its weights have several scales"),
        (svdf(state=KEPT), "its state 'tensor4' is INT16 while the values are FLOAT32"),
    ],
)
def test_an_svdf_of_integers_that_the_interpreter_would_not_compute_as_said_is_refused(file: File, what: str) -> None:
    assert what in str(read(file).problems[0])
