"""Trained TFLite models with golden outputs, and small files of every kind that is read or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from goldens import golden
from tflite_files import File, Operator, Tensor

from mnc.errors import CompileError
from mnc.frontends import check, load
from mnc.frontends.frontend import Reading
from mnc.frontends.tflite.file import parse
from mnc.frontends.tflite.network import read_network
from mnc.frontends.tflite.operators import CONVERTERS
from mnc.ir.graph import Graph
from mnc.ir.layers import Flatten, Reshape
from mnc.ir.types import Array, Quantisation

HYBRID = "kws_ref_model_float32.tflite"
"""Float32 values, int8 weights."""
UNSTEADY = {"ad01_fp32.tflite": 2e-4}
"""Its layers enlarge differences: float32 sums in another order differ by as much of the largest output."""


def trained(models: Path) -> list[Path]:
    return sorted(models.glob("*/*.tflite"))


def predict(graph: Graph, x: Array) -> Array:
    y = graph.predict(x)
    assert isinstance(y, np.ndarray)
    return y


def test_int8_models_give_every_byte_of_tensorflow_lite_micro(models: Path) -> None:
    compared = 0
    for file in trained(models):
        stored = file.with_name(f"{file.name}.golden.npz")
        if stored.exists():
            with np.load(stored) as data:
                if "y_tflm" in data:
                    expected = data["y_tflm"]
                    y = predict(load(file), data["x"])
                    assert (y.reshape(expected.shape) != expected).sum() == 0, file.name
                    compared += 1
    assert compared == 11


def test_float_models_give_what_tflite_and_keras_gave(models: Path) -> None:
    compared = 0
    for file in trained(models):
        if ".int8." in file.name or file.name == HYBRID:
            continue
        stored = file.with_name(f"{file.name}.golden.npz")
        if stored.exists():
            with np.load(stored) as data:
                if "y" not in data:
                    continue
                x, expected = data["x"], data["y"]
        else:
            (x,), (expected,) = golden(file)
        y = predict(load(file), x)
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(y.reshape(expected.shape) - expected).max() <= UNSTEADY.get(file.name, 1e-5) * scale, file.name
        compared += 1
    assert compared == 9


def test_the_copied_model_is_read_with_its_scales(fixtures: Path) -> None:
    file = fixtures / "pico.int8.tflite"
    graph = load(file)
    assert graph.name == "pico.int8"
    assert [given.type.shape for given in graph.inputs] == [(96, 96, 1)]
    assert graph.types[graph.outputs[0]].quant == Quantisation((1 / 256,), -128)
    with np.load(fixtures / "pico.int8.tflite.golden.npz") as data:
        np.testing.assert_array_equal(predict(graph, data["x"]), data["y_tflm"])


def test_weights_of_int8_under_values_of_float32_are_refused(models: Path) -> None:
    problems = check(models / "mlperf_tiny" / HYBRID)
    assert len(problems) == 5
    assert all("are INT8 while the values are FLOAT32" in problem.what for problem in problems)
    assert "representative data set" in problems[0].hints[0]


# Small files.


def read(file: File) -> Reading:
    return read_network(parse(file.content(), "small.tflite"), "small")


def network(file: File) -> Graph:
    reading = read(file)
    assert reading.graph is not None, reading.problems
    return reading.graph


def ints(*numbers: int) -> Tensor:
    return Tensor.of(np.array(numbers, np.int32))


FLOAT = Tensor((1, 4, 4, 3), name="x")
RESULT = Tensor((1, 4, 4, 3), name="y")


def one(kind: str, *tensors: Tensor, **options: float) -> File:
    """An operator that reads all tensors but the last and gives that; those without data are inputs."""
    last = len(tensors) - 1
    given = [i for i in range(last) if tensors[i].data is None]
    return File(tensors, [Operator(kind, list(range(last)), [last], options)], given, [last])


def test_a_flatten_of_an_open_batch_is_folded() -> None:
    open_batch = [-1, 2, 3, 4]
    tensors = [
        Tensor((1, 2, 3, 4), signature=open_batch),
        Tensor((4,), "INT32"),
        ints(0),
        ints(1),
        ints(1),
        Tensor((), "INT32"),
        Tensor.of(np.array(-1, np.int32)),
        Tensor((2,), "INT32"),
        Tensor((1, 1), signature=[-1, -1]),
    ]
    operators = [
        Operator("SHAPE", [0], [1]),
        Operator("STRIDED_SLICE", [1, 2, 3, 4], [5], {"ShrinkAxisMask": 1}),
        Operator("PACK", [5, 6], [7], {"ValuesCount": 2}),
        Operator("RESHAPE", [0, 7], [8]),
    ]
    graph = network(File(tensors, operators, [0], [8]))
    assert [type(node.layer) for node in graph.nodes] == [Reshape]
    assert graph.types[graph.outputs[0]].shape == (24,)


def test_arithmetic_on_shapes_is_folded() -> None:
    # The size of an upsampled image: SHAPE, STRIDED_SLICE 1:3, times 2.
    tensors = [
        Tensor((1, 2, 3, 1), signature=[-1, 2, 3, 1]),
        Tensor((4,), "INT32"),
        ints(1),
        ints(3),
        ints(1),
        Tensor((2,), "INT32"),
        ints(2, 2),
        Tensor((2,), "INT32"),
        Tensor((1, 4, 6, 1), signature=[-1, 4, 6, 1]),
    ]
    operators = [
        Operator("SHAPE", [0], [1]),
        Operator("STRIDED_SLICE", [1, 2, 3, 4], [5]),
        Operator("MUL", [5, 6], [7]),
        Operator("RESIZE_NEAREST_NEIGHBOR", [0, 7], [8], {"HalfPixelCenters": True}),
    ]
    graph = network(File(tensors, operators, [0], [8]))
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    np.testing.assert_array_equal(predict(graph, x), x.repeat(2, 1).repeat(2, 2))


def test_weights_stored_in_float16_are_read() -> None:
    weights = np.array([[0.5, -2.0, 3.0]], np.float16)
    tensors = [Tensor((1, 3)), Tensor.of(weights), Tensor((1, 3), name="weights"), Tensor((1, 1))]
    operators = [Operator("DEQUANTIZE", [1], [2]), Operator("FULLY_CONNECTED", [0, 2], [3])]
    graph = network(File(tensors, operators, [0], [3]))
    np.testing.assert_array_equal(predict(graph, np.array([[1, 1, 2]], np.float32)), [[4.5]])


def test_several_inputs_and_outputs_keep_their_order() -> None:
    tensors = [Tensor((1, 2), name="a"), Tensor((1, 2), name="b"), Tensor((1, 2), name="sum"), Tensor((1, 2))]
    operators = [Operator("ADD", [1, 0], [2]), Operator("SUB", [1, 0], [3])]
    graph = network(File(tensors, operators, [1, 0], [3, 2]))
    assert [given.name for given in graph.inputs] == ["b", "a"]
    difference, total = graph.predict([np.array([[5.0, 6.0]]), np.array([[1.0, 2.0]])])
    np.testing.assert_array_equal(difference, [[4, 4]])
    np.testing.assert_array_equal(total, [[6, 8]])


def test_a_value_may_be_given_out_as_it_came() -> None:
    graph = network(File([Tensor((1, 2), name="x")], [], [0], [0]))
    assert graph.outputs == ("x",)


def test_names_that_are_alike_are_told_apart() -> None:
    tensors = [Tensor((1, 2), name="same"), Tensor((1, 2), name="same"), Tensor((1, 2), name="same;other")]
    graph = network(File(tensors, [Operator("RELU", [0], [1]), Operator("TANH", [1], [2])], [0], [2]))
    assert list(graph.types) == ["same", "same__2", "same__3"]


def test_a_batch_other_than_one_inside_is_an_axis_like_others() -> None:
    tensors = [Tensor((1, 6)), ints(2, 3), Tensor((2, 3)), Tensor.of(np.eye(3, dtype=np.float32)), Tensor((2, 3))]
    operators = [Operator("RESHAPE", [0, 1], [2]), Operator("FULLY_CONNECTED", [2, 3], [4])]
    graph = network(File(tensors, operators, [0], [4]))
    assert graph.types[graph.outputs[0]].shape == (2, 3)
    assert not any(isinstance(node.layer, Flatten) for node in graph.nodes)


def dense16(bias: Array) -> File:
    """A dense layer of int16 with this bias."""
    x, y = (Tensor((1, n), "INT16", [0.1], [0]) for n in (3, 2))
    weights = Tensor.of(np.ones((2, 3), np.int8), [0.01])
    operator = Operator("FULLY_CONNECTED", [0, 1, 2], [3], {"FusedActivationFunction": 0})
    return File([x, weights, Tensor.of(bias, [0.001]), y], [operator], [0], [3])


def dense(bias_scale: float) -> File:
    """A dense layer of int8 whose products have the scale 0.001, a fiftieth of its output's."""
    weights = Tensor.of(np.ones((2, 3), np.int8), [0.01])
    bias = Tensor.of(np.array([1, 2], np.int32), [bias_scale])
    return one("FULLY_CONNECTED", Tensor.int8((1, 3)), weights, bias, Tensor.int8((1, 2), 0.05))


CONV = {"StrideH": 1, "StrideW": 1}
KERNEL = Tensor.of(np.ones((3, 1, 1, 3), np.float32))

REFUSED: dict[str, tuple[Callable[[], File], str]] = {
    "an unknown operator": (lambda: one("ATAN2", FLOAT, FLOAT, RESULT), "the operator ATAN2 is not supported"),
    "a custom operator": (lambda: one("MyOp", FLOAT, RESULT), "the operator CUSTOM 'MyOp' is not supported"),
    "a recurrent operator": (
        lambda: one("UNIDIRECTIONAL_SEQUENCE_LSTM", FLOAT, RESULT),
        "compile the Keras model instead: its recurrent layers are read, and computed in float32",
    ),
    "an operator with memory": (
        lambda: one("SVDF", FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, RESULT),
        "the operator SVDF is not supported",
    ),
    "several samples": (lambda: one("RELU", Tensor((4, 3)), Tensor((4, 3))), "its shape 4x3 has no batch axis of 1"),
    "an open axis": (
        lambda: one("RELU", Tensor((1, 1, 3), signature=[-1, -1, 3]), Tensor((1, 1, 3))),
        "axes other than the batch are left open",
    ),
    "a function that int16 has not": (
        lambda: one("ELU", Tensor((1, 3), "INT16", [0.1], [0]), Tensor((1, 3), "INT16", [0.1], [0])),
        "operator 0, ELU 'tensor1': it is not supported in int16",
    ),
    "a bias beyond the sums of int16": (
        lambda: dense16(np.array([0, -(2**63)])),
        "its bias 'tensor2' has values that do not fit the 48 bits of a sum",
    ),
    "a bias of floats round int16": (
        lambda: dense16(np.zeros(2, np.float32)),
        "a bias of type FLOAT32 is not supported where values are INT16",
    ),
    "a bias on another scale": (
        lambda: dense(0.0021),
        "operator 0, FULLY_CONNECTED 'tensor3': its bias 'tensor2' has the scale 0.0021, its products have 0.001",
    ),
    "concatenation of several scales": (
        lambda: one("CONCATENATION", Tensor.int8((1, 2)), Tensor.int8((1, 2), 0.2), Tensor.int8((1, 4)), Axis=1),
        "its input and its output have different scales",
    ),
    "int16 round another number": (
        lambda: one("RELU", Tensor((1, 3), "INT16", [0.1], [2]), Tensor((1, 3), "INT16", [0.1], [0])),
        "the int16 tensor 'tensor0' has the zero point 2",
    ),
    "uint8": (
        lambda: one("QUANTIZE", Tensor((1, 3), "UINT8", [0.1], [0]), Tensor.int8((1, 3))),
        "values of type UINT8 are not supported",
    ),
    "int8 without a scale": (lambda: one("RELU", Tensor((1, 3), "INT8"), Tensor.int8((1, 3))), "has no scale"),
    "a scale of 0": (
        lambda: one("RELU", Tensor.int8((1, 3), 0.0), Tensor.int8((1, 3))),
        "a scale must be positive and finite",
    ),
    "a zero point beyond int8": (
        lambda: one("RELU", Tensor.int8((1, 3), 0.1, 200), Tensor.int8((1, 3))),
        "has the zero point 200",
    ),
    "a fused tanh": (
        lambda: one("ADD", FLOAT, FLOAT, RESULT, FusedActivationFunction=4),
        "the fused activation TANH is not supported; NONE, RELU and RELU6 are",
    ),
    "a fused clamp to 1": (lambda: one("ADD", FLOAT, FLOAT, RESULT, FusedActivationFunction=2), "RELU_N1_TO_1"),
    "beta": (lambda: one("SOFTMAX", Tensor((1, 3)), Tensor((1, 3)), Beta=2.0), "beta = 2 is not supported"),
    "a stride of 0": (lambda: one("CONV_2D", FLOAT, KERNEL, RESULT), "stride (0, 0) and dilation (1, 1)"),
    "weights from the network": (
        lambda: one("CONV_2D", FLOAT, Tensor((1, 1, 1, 3)), RESULT, **CONV),
        "its weights is not known before the network runs",
    ),
    "other channels": (
        lambda: one("CONV_2D", Tensor((1, 4, 4, 2)), KERNEL, RESULT, **CONV),
        "its weights read 3 channels, the input has 2",
    ),
    "another result": (
        lambda: one("CONV_2D", FLOAT, KERNEL, Tensor((1, 5, 4, 3)), **CONV),
        "the file says that it gives 1x5x4x3, but it works out as 1x4x4x3",
    ),
    "weights with a zero point": (
        lambda: one(
            "FULLY_CONNECTED", Tensor.int8((1, 2)), Tensor.of(np.ones((1, 2), np.int8), [0.1], [3]), Tensor.int8((1, 1))
        ),
        "have a zero point other than 0",
    ),
    "shuffled weights": (
        lambda: one("FULLY_CONNECTED", Tensor((1, 3)), KERNEL, Tensor((1, 1)), WeightsFormat=1),
        "shuffled weights are not supported",
    ),
    "a softmax on another scale": (
        lambda: one("SOFTMAX", Tensor.int8((1, 3)), Tensor.int8((1, 3)), Beta=1.0),
        "its int8 output must have the scale 0.00390625 and the zero point -128",
    ),
    "pooling that changes the scale": (
        lambda: one(
            "MAX_POOL_2D",
            Tensor.int8((1, 2, 2, 1)),
            Tensor.int8((1, 2, 2, 1), 0.2),
            FilterHeight=1,
            FilterWidth=1,
            **CONV,
        ),
        "its input and its output have different scales",
    ),
    "a constant operand in int8": (
        lambda: one("ADD", Tensor.int8((1, 2)), Tensor.of(np.ones(2, np.int8), [0.1]), Tensor.int8((1, 2))),
        "one of its operands is a constant, which is supported in float32 only",
    ),
    "a constant that enlarges": (
        lambda: one("MUL", Tensor((1, 1, 3)), Tensor.of(np.ones((4, 3), np.float32)), Tensor((1, 4, 3))),
        "its constant 4x3 does not fit 1x1x3",
    ),
    "padding with ones": (
        lambda: one(
            "PADV2",
            Tensor((1, 3)),
            Tensor.of(np.array([[0, 0], [1, 1]], np.int32)),
            Tensor.of(np.array([1.0], np.float32)),
            Tensor((1, 5)),
        ),
        "its padding value 1 is not supported; it must be 0",
    ),
    "padding the batch": (
        lambda: one("PAD", Tensor((1, 3)), Tensor.of(np.array([[1, 0], [0, 0]], np.int32)), Tensor((2, 3))),
        "it pads the batch axis",
    ),
    "aligned corners": (
        lambda: one("RESIZE_BILINEAR", FLOAT, ints(8, 8), Tensor((1, 8, 8, 3)), AlignCorners=True),
        "align_corners = True, half_pixel_centers = False is not supported",
    ),
    "pixels by their corners": (
        lambda: one("RESIZE_NEAREST_NEIGHBOR", FLOAT, ints(2, 2), Tensor((1, 2, 2, 3))),
        "align_corners = False, half_pixel_centers = False is not supported",
    ),
    "a negative stride": (
        lambda: one("STRIDED_SLICE", Tensor((1, 3)), ints(0, 2), ints(1, -4), ints(1, -1), Tensor((1, 3))),
        "negative strides are not supported",
    ),
    "an ellipsis": (
        lambda: one(
            "STRIDED_SLICE", Tensor((1, 3)), ints(0, 0), ints(1, 3), ints(1, 1), Tensor((1, 3)), EllipsisMask=1
        ),
        "ellipses, new axes and offsets are not supported",
    ),
    "axes that do not exist": (lambda: one("MEAN", FLOAT, ints(4), Tensor((1, 4, 4))), "axis 4 is not among those"),
    "the mean over the batch": (lambda: one("MEAN", FLOAT, ints(0), RESULT), "axis 0 is not among those"),
    "an order of other axes": (lambda: one("TRANSPOSE", Tensor((1, 2)), ints(0, 0), Tensor((1, 2))), "must name each"),
    "a reshape to fewer": (lambda: one("RESHAPE", Tensor((1, 4)), ints(1, 3), Tensor((1, 3))), "has 4 elements"),
    "types that differ": (lambda: one("RELU", Tensor.int8((1, 3)), Tensor((1, 3))), "it makes FLOAT32 of INT8"),
    "something from nowhere": (
        lambda: File([Tensor((1, 2)), Tensor((1, 2)), Tensor((1, 2))], [Operator("ADD", [0, 1], [2])], [0], [2]),
        "it reads 'tensor1', which no operator before it gives",
    ),
    "a result given twice": (
        lambda: File([Tensor((1, 2)), Tensor((1, 2))], [Operator("RELU", [0], [1])] * 2, [0], [1]),
        "it gives a tensor that is already there",
    ),
    "a constant output": (
        lambda: File([Tensor((1, 2)), Tensor.of(np.ones((1, 2), np.float32))], [], [0], [0, 1]),
        "it does not depend on the network's inputs",
    ),
    "scales too far apart for hard swish": (
        lambda: one("HARD_SWISH", Tensor.int8((1, 3), 100.0), Tensor.int8((1, 3), 0.01)),
        "its scales are too far apart for TFLite's 16-bit arithmetic: 100 of its input, 0.01 of its output",
    ),
    "hard swish of next to nothing": (
        lambda: one("HARD_SWISH", Tensor.int8((1, 3), 1e-12), Tensor.int8((1, 3))),
        "too far apart",
    ),
    "a scale beyond float32's arithmetic": (
        lambda: one("ELU", Tensor.int8((1, 3)), Tensor.int8((1, 3), 1e-40)),
        "has a scale beyond",
    ),
    "a window beyond all images": (
        lambda: one("MAX_POOL_2D", FLOAT, RESULT, FilterHeight=2**30, FilterWidth=1, **CONV),
        "its windows reach 536,870,912 rows or columns beyond the image",
    ),
    "a stride beyond all images": (
        lambda: one("TRANSPOSE_CONV", ints(1, 4, 4, 3), KERNEL, FLOAT, RESULT, StrideH=2**28, StrideW=1),
        "at stride (268435456, 1) does not give 1x4x4x3",
    ),
    "an infinite scale": (
        lambda: one("RELU", Tensor.int8((1, 3), float("inf")), Tensor.int8((1, 3))),
        "positive and finite",
    ),
    "a scale that is no number": (
        lambda: one("RELU", Tensor.int8((1, 3), float("nan")), Tensor.int8((1, 3))),
        "positive and finite",
    ),
    "weights that are no numbers": (
        lambda: one("CONV_2D", FLOAT, Tensor.of(np.full((3, 1, 1, 3), np.nan, np.float32)), RESULT, **CONV),
        "holds values that are not finite",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(case: str) -> None:
    make, expected = REFUSED[case]
    reading = read(make())
    assert reading.graph is None
    assert expected in "\n".join(str(problem) for problem in reading.problems)


def test_the_page_lists_the_operators_that_are_read(root: Path) -> None:
    _, _, listed = (root / "docs" / "tflite.md").read_text(encoding="utf-8").partition("## Operators\n")
    names, _, _ = listed.partition("What computes shapes")
    assert re.findall(r"`([A-Z_0-9]+)`", names) == sorted(CONVERTERS)


def test_everything_is_refused_at_once_and_check_agrees_with_load(tmp_path: Path) -> None:
    tensors = [Tensor((1, 2), name=name) for name in "abcde"]
    operators = [
        Operator("COS", [0], [1]),
        Operator("SOFTMAX", [1], [2], {"Beta": 3.0}),
        Operator("RELU", [2], [3]),
        Operator("CUMSUM", [3], [4]),
    ]
    file = tmp_path / "several.tflite"
    file.write_bytes(File(tensors, operators, [0], [4]).content())
    problems = check(file)
    assert [problem.where for problem in problems] == [
        "operator 0, COS 'b'",
        "operator 1, SOFTMAX 'c'",
        "operator 3, CUMSUM 'e'",
    ]
    assert all(problem.hints for problem in problems if "operator COS" in problem.what)
    with pytest.raises(CompileError) as caught:
        load(file)
    assert caught.value.problems == problems
