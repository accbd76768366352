"""Trained TFLite models with golden outputs, and small files of every kind that is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from goldens import golden, of_tflite_micro, trained_tflite
from tflite_files import File, Operator, Tensor, ints, read

from mnc.errors import CompileError
from mnc.frontends import check, load
from mnc.frontends.tflite.file import parse
from mnc.frontends.tflite.network import read_network
from mnc.ir.graph import Graph
from mnc.ir.layers import Flatten, Reshape
from mnc.ir.types import Array, Quantisation

HYBRID = "kws_ref_model_float32.tflite"
"""Float32 values, int8 weights."""
UNSTEADY = {"ad01_fp32.tflite": 2e-4}
"""Its layers enlarge differences: float32 sums in another order differ by as much of the largest output."""


def predict(graph: Graph, x: Array) -> Array:
    y = graph.predict(x)
    assert isinstance(y, np.ndarray)
    return y


def test_int8_models_give_every_byte_of_tensorflow_lite_micro(models: Path) -> None:
    known = of_tflite_micro(models)
    assert len(known) == 11
    for file, (x, expected) in known.items():
        assert (predict(load(file), x).reshape(expected.shape) != expected).sum() == 0, file.name


def test_float_models_give_what_tflite_and_keras_gave(models: Path) -> None:
    compared = 0
    for file in trained_tflite(models):
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
    (problem,) = check(models / "mlperf_tiny" / HYBRID)
    assert problem.where == "CONV_2D, 5 times, first at operator 0"
    assert "are INT8 while the values are FLOAT32" in problem.what
    assert "representative data set" in problem.hints[0]


# Small files.


def network(file: File) -> Graph:
    reading = read(file)
    assert reading.graph is not None, reading.problems
    return reading.graph


def steps(count: int, batch: int | None = None) -> File:
    """A convolution along `count` steps, as converters write it; with a `batch` (-1: open) the steps are open, too."""

    def signed(*sizes: int) -> tuple[int, ...]:
        return () if batch is None else (batch, *sizes)

    kernel = Tensor.of(np.arange(18, dtype=np.float32).reshape(3, 1, 3, 2))
    return File(
        [
            Tensor((1, count, 2), signature=signed(-1, 2)),
            ints(1),
            Tensor((1, 1, count, 2), signature=signed(1, -1, 2)),
            kernel,
            Tensor((1, 1, max(count - 2, 1), 3), signature=signed(1, -1, 3)),
            Tensor((1, max(count - 2, 1), 3), signature=signed(-1, 3)),
        ],
        [
            Operator("EXPAND_DIMS", [0, 1], [2]),
            Operator("CONV_2D", [2, 3], [4], {"Padding": 1, "StrideW": 1, "StrideH": 1}),
            Operator("SQUEEZE", [4], [5], {"SqueezeDims": [1]}),
        ],
        [0],
        [5],
    )


@pytest.mark.parametrize("batch", [1, -1])
def test_open_axes_take_a_shape(batch: int) -> None:
    model = parse(steps(1, batch).content(), "small.tflite")
    refused = read_network(model, "small").problems
    assert [problem.what for problem in refused] == ["it has no fixed shape: (?, 2)"]
    graph = read_network(model, "small", {"tensor0": (7, 2)}).graph
    fixed = read(steps(7)).graph
    assert graph is not None and fixed is not None
    assert [graph.types[name].shape for name in graph.outputs] == [(5, 3)]
    x = np.random.default_rng(0).normal(size=(2, 7, 2)).astype(np.float32)
    np.testing.assert_array_equal(graph.predict(x), fixed.predict(x))


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


def test_a_size_that_is_gathered_from_a_shape_is_folded() -> None:
    tensors = [
        Tensor((1, 2, 3, 1), signature=[-1, 2, 3, 1]),
        Tensor((4,), "INT32"),
        ints(2, 1),
        Tensor((2,), "INT32"),
        Tensor((1, 3, 2, 1), signature=[-1, 3, 2, 1]),
    ]
    operators = [
        Operator("SHAPE", [0], [1]),
        Operator("GATHER", [1, 2], [3], {"Axis": 0}),
        Operator("RESIZE_NEAREST_NEIGHBOR", [0, 3], [4], {"HalfPixelCenters": True}),
    ]
    graph = network(File(tensors, operators, [0], [4]))
    assert graph.types[graph.outputs[0]].shape == (3, 2, 1)


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


def test_everything_is_refused_at_once_and_check_agrees_with_load(tmp_path: Path) -> None:
    tensors = [Tensor((1, 2), name=name) for name in "abcde"]
    operators = [
        Operator("ATAN2", [0], [1]),
        Operator("SOFTMAX", [1], [2], {"Beta": 3.0}),
        Operator("RELU", [2], [3]),
        Operator("RANK", [3], [4]),
    ]
    file = tmp_path / "several.tflite"
    file.write_bytes(File(tensors, operators, [0], [4]).content())
    problems = check(file)
    assert [problem.where for problem in problems] == [
        "operator 0, ATAN2 'b'",
        "operator 1, SOFTMAX 'c'",
        "operator 3, RANK 'e'",
    ]
    assert all(problem.hints for problem in problems if "operator ATAN2" in problem.what)
    with pytest.raises(CompileError) as caught:
        load(file)
    assert caught.value.problems == problems


def test_what_is_refused_often_is_told_once_and_what_follows_from_it_is_not() -> None:
    tensors = [Tensor((1, 4), name="x"), *(Tensor((1, n)) for n in (4, 4, 9)), ints(1, 2), Tensor((1, 2))]
    operators = [
        Operator("RNN", [0], [1]),
        Operator("RELU", [1], [2]),
        Operator("ATAN2", [0], [3]),
        Operator("SPLIT_V", [3, 4, 4], [5]),  # its axis is two numbers, whatever it reads
        Operator("MUL", [3, 2], [6]),  # of 9 and of 4 elements, as the file declares what is refused
        Operator("ATAN2", [0], [7]),
        Operator("RNN", [0], [8]),
    ]
    tensors += [Tensor((1, 4)), Tensor((1, 4)), Tensor((1, 4))]
    problems = read(File(tensors, operators, [0], [5])).problems
    assert [(each.where, each.what) for each in problems] == [
        (
            "RNN, 2 times, first at operator 0",
            "the operator RNN is not supported",
        ),
        ("ATAN2, 2 times, first at operator 2", "the operator ATAN2 is not supported"),
        ("operator 3, SPLIT_V 'tensor5'", "its axis must be one number"),
    ]
    assert all(each.hints for each in problems[:2])


def test_a_common_shape_is_known_before_the_network_runs() -> None:
    shapes = Operator("BROADCAST_ARGS", [1, 2], [3])
    tensors = [Tensor((1, 3, 1)), ints(1, 3, 1), ints(4), Tensor((3,), "INT32"), Tensor((1, 3, 4))]
    graph = read(File(tensors, [shapes, Operator("BROADCAST_TO", [0, 3], [4])], [0], [4])).graph
    assert graph is not None
    x = np.arange(3, dtype=np.float32).reshape(1, 3, 1)
    np.testing.assert_array_equal(graph.predict(x), np.broadcast_to(x, (1, 3, 4)))
