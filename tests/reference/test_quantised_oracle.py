"""The TFLite frontend and the reference against TensorFlow Lite Micro's own interpreter.

Networks of a single operator are drawn, written to a file, read by the
frontend, and computed by both: the same int8 values to the bit, the same
float32 values up to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_cases import BETWEEN_TYPES, FLOAT_ONLY, NOT_INT16, OPERATORS, WITH_CONSTANT, changed_loops, single_operators
from tflite_files import File, Operator, Tensor
from tflite_moving_cases import NOT_IN_TFLM
from tflite_state_cases import KEPT
from tflite_truth_cases import NOT_CHOSEN_IN_TFLM

from mnc.frontends.tflite.file import parse
from mnc.frontends.tflite.loops import LOOP
from mnc.frontends.tflite.network import read_network
from mnc.frontends.tflite.operators import CONVERTERS
from mnc.ir.graph import Graph
from mnc.ir.types import Array

runtime = pytest.importorskip(
    "tflite_micro",
    reason="TensorFlow Lite Micro's interpreter is not installed; where it has a wheel, the extra `oracle` brings it",
).runtime

ARENA = 2**20


def read(content: bytes) -> Graph:
    reading = read_network(parse(content, "drawn.tflite"), "drawn")
    assert reading.graph is not None, "\n".join(map(str, reading.problems))
    return reading.graph


def interpret(content: bytes, inputs: list[Array], outputs: int = 1) -> list[Array]:
    """TensorFlow Lite Micro's outputs for one sample."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA)
    for index, x in enumerate(inputs):
        interpreter.set_input(x, index)
    interpreter.invoke()
    return [np.asarray(interpreter.get_output(i)) for i in range(outputs)]


def test_every_operator_that_is_read_is_drawn() -> None:
    assert {
        kind.lower() for kind in (*CONVERTERS, LOOP, "ZEROS_LIKE")
    } == OPERATORS.keys() - WITH_CONSTANT | NOT_IN_TFLM | NOT_CHOSEN_IN_TFLM


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - FLOAT_ONLY))
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_int8_is_the_same_to_the_bit(name: str, data: st.DataObject) -> None:
    y, expected = both(data.draw(single_operators(name, quantised=True)))
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - NOT_INT16))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_int16_is_the_same_to_the_bit(name: str, data: st.DataObject) -> None:
    y, expected = both(data.draw(single_operators(name, quantised=True, stored="INT16")))
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - BETWEEN_TYPES))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_float32_is_the_same_up_to_rounding(name: str, data: st.DataObject) -> None:
    y, expected = both(data.draw(single_operators(name, quantised=False)))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(drawn=changed_loops())
def test_a_loop_that_is_read_in_spite_of_a_change_computes_as_the_interpreter(drawn: Any) -> None:
    file, inputs = drawn
    reading = read_network(parse(file.content(), "changed.tflite"), "changed")
    if reading.graph is None:
        assert any("its loop is not that of a recurrent layer" in each.what for each in reading.problems)
        return
    y, expected = both((file, inputs))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        (name, stored)
        for name in sorted(KEPT)
        for stored in ("FLOAT32", "INT8", "INT16")
        if stored == "FLOAT32" or name not in (NOT_INT16 if stored == "INT16" else FLOAT_ONLY)
    ],
)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_state_is_carried_from_run_to_run_as_the_interpreter_carries_it(
    name: str, stored: str, data: st.DataObject
) -> None:
    file, (x,) = data.draw(single_operators(name, quantised=stored != "FLOAT32", stored=stored))
    content = file.content()
    runs = [x, -x, x // 2]
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA)
    expected = []
    for each in runs:
        interpreter.set_input(each, 0)
        interpreter.invoke()
        expected.append(np.asarray(interpreter.get_output(0)).ravel())
    y = read(content).predict(np.concatenate(runs))
    assert isinstance(y, np.ndarray)
    tolerance = 1e-5 if stored == "FLOAT32" else 0.0
    np.testing.assert_allclose(y.reshape(len(runs), -1), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("given", "made"), [("UINT8", "INT8"), ("INT8", "UINT8"), ("UINT8", "FLOAT32")])
@pytest.mark.parametrize("scale", [0.1, 0.0837])
def test_uint8_is_converted_as_the_interpreter_converts_it(given: str, made: str, scale: float) -> None:
    zeros = {"UINT8": 131, "INT8": 3}
    x, y = (
        Tensor((1, 256), type_, [each], [zeros[type_]]) if type_ in zeros else Tensor((1, 256), type_)
        for type_, each in ((given, 0.1), (made, scale))
    )
    operator = Operator("QUANTIZE" if made in zeros else "DEQUANTIZE", [0], [1])
    content = File([x, y], [operator], [0], [1]).content()
    stored = np.arange(256).astype(np.uint8)[np.newaxis]
    fed = stored if given == "UINT8" else stored.view(np.int8)
    (expected,) = interpret(content, [fed])
    got = read(content).predict(fed)
    assert isinstance(got, np.ndarray)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


FINE = Tensor((1, 64), "INT16", [1 / 65535], [-(2**15)])
"""The type besides int8 that TensorFlow Lite Micro's SOFTMAX may give, as its keyword example has it."""


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([Tensor.int8((1, 64), 0.1, 3), Tensor((1, 64), "INT32", [0.0031], [0])], ["QUANTIZE"]),
        ([Tensor((1, 64), "INT16", [0.1], [0]), Tensor((1, 64), "INT32", [0.0083], [0])], ["QUANTIZE"]),
        ([Tensor.int8((1, 64), 0.1, 3), FINE, Tensor((1, 64), "INT32", [2.0**-15], [0])], ["SOFTMAX", "QUANTIZE"]),
        ([Tensor.int8((1, 64), 0.02, 3), FINE, Tensor.int8((1, 64), 2.0**-13, -128)], ["SOFTMAX", "QUANTIZE"]),
        (
            [
                Tensor.int8((1, 64), 0.1, 3),
                Tensor((1, 64), "INT32", [0.03], [0]),
                Tensor((1, 64), "INT16", [0.04], [0]),
            ],
            ["QUANTIZE", "QUANTIZE"],
        ),
    ],
)
def test_int32_and_fine_shares_are_the_same_to_the_bit(values: list[Tensor], kinds: list[str]) -> None:
    operators = [
        Operator(kind, [i], [i + 1], {"Beta": 1.0} if kind == "SOFTMAX" else {}) for i, kind in enumerate(kinds)
    ]
    content = File(values, operators, [0], [len(kinds)]).content()
    graph, rng = read(content), np.random.default_rng(0)
    for _ in range(20):
        least, most = graph.inputs[0].type.dtype.least, graph.inputs[0].type.dtype.most
        x = rng.integers(least, most + 1, (1, 64)).astype(graph.inputs[0].type.dtype.numpy)
        (expected,) = interpret(content, [x])
        got = graph.predict(x)
        assert isinstance(got, np.ndarray)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("bias_scale", [1e-9, 0.00199, 0.00201, 0.1])
def test_a_bias_on_another_scale_is_refused_where_the_interpreter_refuses_it(bias_scale: float) -> None:
    tensors = [
        Tensor.int8((1, 3)),
        Tensor.of(np.ones((2, 3), np.int8), [0.01]),
        Tensor.of(np.array([1, 2], np.int32), [bias_scale]),
        Tensor.int8((1, 2), 0.05),
    ]
    operator = Operator("FULLY_CONNECTED", [0, 1, 2], [3], {"FusedActivationFunction": 0})
    content = File(tensors, [operator], [0], [3]).content()
    accepted = read_network(parse(content, "scales.tflite"), "scales").graph is not None
    assert accepted is interpretable(content) is (bias_scale < 0.002)


def test_concatenation_of_several_scales_is_refused_as_by_the_interpreter() -> None:
    tensors = [Tensor.int8((1, 2)), Tensor.int8((1, 2), 0.2), Tensor.int8((1, 4))]
    operator = Operator("CONCATENATION", [0, 1], [2], {"Axis": 1, "FusedActivationFunction": 0})
    content = File(tensors, [operator], [0, 1], [2]).content()
    assert not interpretable(content)
    assert read_network(parse(content, "scales.tflite"), "scales").graph is None


def interpretable(content: bytes) -> bool:
    """Whether the interpreter takes the file."""
    try:
        runtime.Interpreter.from_bytes(content, arena_size=ARENA)
    except RuntimeError:
        return False
    return True


def both(drawn: Any) -> tuple[Array, Array]:
    file, inputs = drawn
    content = file.content()
    graph = read(content)
    given = [
        x.reshape(1, *of.type.shape).astype(of.type.dtype.numpy) for x, of in zip(inputs, graph.inputs, strict=True)
    ]
    y = graph.predict(given)
    outputs = y if isinstance(y, list) else [y]
    expected = interpret(content, inputs, len(outputs))
    assert [each.size for each in outputs] == [each.size for each in expected]
    return np.concatenate([each.ravel() for each in outputs]), np.concatenate([each.ravel() for each in expected])


def of_one_convolution(scales: list[float], axis: int) -> tuple[File, list[Array]]:
    """A 1x1 convolution to two channels; the scales of its bias are said to belong to `axis`."""
    rng = np.random.default_rng(0)
    stored = rng.integers(-127, 128, (2, 1, 1, 3)).astype(np.int8) * (np.array(scales) > 0).reshape(2, 1, 1, 1)
    tensors = [
        Tensor.int8((1, 4, 4, 3)),
        Tensor.of(stored.astype(np.int8), scales),
        Tensor.of(np.array([300, 500], np.int32), [0.1 * scale for scale in scales], axis=axis),
        Tensor.int8((1, 4, 4, 2), 0.2, 7),
    ]
    options = {"Padding": 1, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    operator = Operator("CONV_2D", [0, 1, 2], [3], {**options, "FusedActivationFunction": 0})
    return File(tensors, [operator], [0], [3]), [rng.integers(-128, 128, (1, 4, 4, 3)).astype(np.int8)]


@pytest.mark.parametrize(("scales", "axis"), [([0.01, 0.02], 3), ([0.01, 0.0], 0)], ids=["other axis", "scale of 0"])
def test_what_converters_write_of_scales_is_read_as_the_interpreter_does(scales: list[float], axis: int) -> None:
    y, expected = both(of_one_convolution(scales, axis))
    np.testing.assert_array_equal(y, expected)
