"""Small TFLite files of every kind that is refused: each says why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tflite_files import File, Operator, Tensor, ints, read

from mnc.ir.types import Array

FLOAT = Tensor((1, 4, 4, 3), name="x")
RESULT = Tensor((1, 4, 4, 3), name="y")


def one(kind: str, *tensors: Tensor, **options: float) -> File:
    """An operator that reads all tensors but the last and gives that; those without data are inputs."""
    last = len(tensors) - 1
    given = [i for i in range(last) if tensors[i].data is None]
    return File(tensors, [Operator(kind, list(range(last)), [last], options)], given, [last])


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


def looked_up(table: Tensor, rows: Tensor) -> File:
    """One place in a table."""
    operators = [Operator("CAST", [0], [1]), Operator("EMBEDDING_LOOKUP", [1, 2], [3])]
    return File([Tensor((1, 1)), Tensor((1,), "INT32"), table, rows], operators, [0], [3])


TRUTH = Tensor((1, 3), "BOOL")
CONV = {"StrideH": 1, "StrideW": 1}
KERNEL = Tensor.of(np.ones((3, 1, 1, 3), np.float32))

REFUSED: dict[str, tuple[Callable[[], File], str]] = {
    "an unknown operator": (lambda: one("ATAN2", FLOAT, FLOAT, RESULT), "the operator ATAN2 is not supported"),
    "a custom operator": (lambda: one("MyOp", FLOAT, RESULT), "the operator CUSTOM 'MyOp' is not supported"),
    "a recurrent operator": (
        lambda: one("UNIDIRECTIONAL_SEQUENCE_RNN", FLOAT, RESULT),
        "compile the Keras model (.h5 or .keras) instead, whose recurrent layers are read, and computed in float32",
    ),
    "several samples": (lambda: one("RELU", Tensor((4, 3)), Tensor((4, 3))), "its shape 4x3 has no batch axis of 1"),
    "an open axis": (
        lambda: one("RELU", Tensor((1, 1, 3), signature=[-1, -1, 3]), Tensor((1, 1, 3))),
        "input 'tensor0': it has no fixed shape: (?, 3)\nhint: give it one: --input-shape 'tensor0'=100,3",
    ),
    "a function that int16 has not": (
        lambda: one("ELU", Tensor((1, 3), "INT16", [0.1], [0]), Tensor((1, 3), "INT16", [0.1], [0])),
        "operator 0, ELU 'tensor1': it is not supported in int16, nor by TensorFlow Lite Micro",
    ),
    "a comparison in int16": (
        lambda: one("LESS", *[Tensor((1, 3), "INT16", [0.1], [0])] * 2, TRUTH),
        "operator 0, LESS 'tensor2': it is not supported in int16, nor by TensorFlow Lite Micro",
    ),
    "a comparison of two types": (
        lambda: one("LESS", Tensor((1, 3)), Tensor.int8((1, 3)), TRUTH),
        "it compares FLOAT32 with INT8, which TensorFlow Lite Micro does not",
    ),
    "numbers as truths": (
        lambda: one("LOGICAL_AND", TRUTH, Tensor((1, 3)), TRUTH),
        "it is for BOOL values only, not for BOOL, FLOAT32, BOOL",
    ),
    "truths as numbers": (lambda: one("ADD", TRUTH, TRUTH, TRUTH), "it is not supported on BOOL values"),
    "truths seen as numbers": (
        lambda: one("RESHAPE", TRUTH, ints(3), Tensor.int8((3,), 1.0)),
        "it makes INT8 of BOOL",
    ),
    "a choice by numbers": (
        lambda: one("SELECT_V2", *[Tensor((1, 3))] * 4),
        "it makes FLOAT32 of FLOAT32, FLOAT32, FLOAT32, which TensorFlow Lite Micro does not",
    ),
    "a choice of two scales": (
        lambda: one("SELECT_V2", TRUTH, Tensor.int8((1, 3)), Tensor.int8((1, 3), 0.2), Tensor.int8((1, 3))),
        "its input and its output have different scales",
    ),
    "truths on a scale": (
        lambda: one("CAST", TRUTH, Tensor.int8((1, 3))),
        "it makes INT8 of BOOL, on another scale than 1",
    ),
    "an int8 that is cast": (
        lambda: one("CAST", Tensor.int8((1, 3)), Tensor((1, 3))),
        "it is not read from INT8 to FLOAT32",
    ),
    "a table round another number": (
        lambda: looked_up(Tensor.of(np.ones((5, 2), np.int8), [0.1], [3]), Tensor((1, 2))),
        "its table has the zero point 3; it must be 0 where it gives FLOAT32",
    ),
    "a table on another scale": (
        lambda: looked_up(Tensor.of(np.ones((5, 2), np.int8), [0.1]), Tensor.int8((1, 2), 0.2)),
        "its table and its output have different scales",
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
    "uint8 within the network": (
        lambda: one("RELU", Tensor((1, 3), "UINT8", [0.1], [0]), Tensor((1, 3), "UINT8", [0.1], [0])),
        "it is not supported on uint8 values, nor by TensorFlow Lite Micro",
    ),
    "uint8 without a scale": (
        lambda: one("QUANTIZE", Tensor((1, 3), "UINT8"), Tensor.int8((1, 3))),
        "the uint8 tensor 'tensor0' has no scale",
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
        "the fused activation TANH is not supported; NONE, RELU, RELU6 and RELU_N1_TO_1 are",
    ),
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
    "two ways of sampling": (
        lambda: one(
            "RESIZE_BILINEAR", FLOAT, ints(8, 8), Tensor((1, 8, 8, 3)), AlignCorners=True, HalfPixelCenters=True
        ),
        "align_corners and half_pixel_centers exclude each other",
    ),
    "a stride of nothing": (
        lambda: one("STRIDED_SLICE", Tensor((1, 3)), ints(0, 2), ints(1, -4), ints(1, 0), Tensor((1, 3))),
        "a stride is 0",
    ),
    "an empty slice": (
        lambda: one("STRIDED_SLICE", Tensor((1, 3)), ints(0, 2), ints(1, 1), ints(1, 1), Tensor((1, 3))),
        "nothing of 1x3 is left",
    ),
    "parts of other sizes": (
        lambda: one("SPLIT_V", Tensor((1, 3)), ints(2), ints(1), Tensor((1, 2))),
        "1 parts of 2 do not make up the 3 of axis 0",
    ),
    "a place beyond the axis": (
        lambda: one("GATHER", Tensor((1, 3)), ints(3), Tensor((1, 1)), Axis=1),
        "its indices must be whole numbers from 0 to 2",
    ),
    "a mirror that is too small": (
        lambda: one("MIRROR_PAD", Tensor((1, 3)), Tensor.of(np.array([[0, 0], [3, 0]], np.int32)), Tensor((1, 6))),
        "it pads axis 1 by 3, more than a mirror of its 3 elements",
    ),
    "blocks that do not fit": (
        lambda: one("SPACE_TO_DEPTH", FLOAT, Tensor((1, 1, 1, 27)), BlockSize=3),
        "4x4 pixels are no whole blocks of 3",
    ),
    "axes that do not exist": (lambda: one("MEAN", FLOAT, ints(4), Tensor((1, 4, 4))), "axis 4 is not among those"),
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
