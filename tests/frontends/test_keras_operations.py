"""Operations among the layers of functional models, as Keras 2 and 3 write them; what Keras makes of them is golden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from goldens import golden
from keras_files import refusal, save_h5, save_zip

from mnc.frontends import load
from mnc.frontends.keras.operations import KERAS_2, OPERATIONS
from mnc.ir.layers import BatchNormalization
from mnc.ir.types import Array

X = np.random.default_rng(5).normal(size=(3, 4, 6)).astype(np.float32)
GRID = np.arange(24.0).reshape(4, 6).tolist()


def with_operation(layer: dict[str, Any], shape: tuple[int, ...] = (4, 6)) -> dict[str, Any]:
    """A model of one operation, called `op`, that reads `x`."""
    given = {"name": "x", "batch_shape": [None, *shape]}
    layers = [{"class_name": "InputLayer", "name": "x", "config": given, "inbound_nodes": []}, layer]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["op", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}


def keras_2(function: str, arguments: Mapping[str, Any], first: Any = None) -> dict[str, Any]:
    item = ["x", 0, 0] if first is None else ["_CONSTANT_VALUE", -1, first]
    class_name = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": class_name, "name": "op", "config": config, "inbound_nodes": [[*item, arguments]]}


def keras_3(name: str, config: Mapping[str, Any], *more: Any) -> dict[str, Any]:
    x = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
    call = {"args": [x, *more], "kwargs": {}}
    entry = {"module": "keras.src.ops.numpy", "class_name": name, "registered_name": name, "name": "op"}
    return {**entry, "config": {"name": "op", **config}, "inbound_nodes": [call]}


X_AGAIN = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}


def bounds(start: int | None, stop: int | None, step: int | None = None) -> dict[str, int | None]:
    return {"start": start, "stop": stop, "step": step}


OF_KERAS_2: dict[str, tuple[dict[str, Any], Array]] = {
    "x - number": (keras_2("math.subtract", {"y": 127.5, "name": None}), X - 127.5),
    "number - x": (keras_2("math.subtract", {"y": ["x", 0, 0]}, 2.0), 2 - X),
    "x / row": (keras_2("math.truediv", {"y": [1.0, 2.0, 4.0, 8.0, 1.0, 2.0]}), X / [1, 2, 4, 8, 1, 2]),
    "x * grid": (keras_2("math.multiply", {"y": GRID}), X * np.array(GRID)),
    "power": (keras_2("math.pow", {"y": 2}), X**2),
    "clip": (keras_2("clip_by_value", {"clip_value_min": 0, "clip_value_max": 1}), X.clip(0, 1)),
    "slice": (keras_2("__operators__.getitem", {"slice_spec": [bounds(None, None), bounds(1, 3)]}), X[:, 1:3]),
    "ellipsis": (keras_2("__operators__.getitem", {"slice_spec": [{"class_name": "__ellipsis__"}, -1]}), X[..., -1]),
    "mean": (keras_2("math.reduce_mean", {"axis": [1], "keepdims": True}), X.mean(1, keepdims=True)),
    "argument by name": (keras_2("math.reduce_max", {"axis": -1}), X.max(-1)),
    "transposition": (keras_2("transpose", {"perm": [0, 2, 1]}), X.transpose(0, 2, 1)),
    "reshape": (keras_2("reshape", {"shape": [-1, 2, 12]}), X.reshape(3, 2, 12)),
    "gather": (keras_2("compat.v1.gather", {"indices": [3, 0], "axis": 1}), X[:, [3, 0]]),
    "split in sizes": (keras_2("split", {"num_or_size_splits": [2, -1], "axis": 2}), X[..., :2]),
    "split in parts": (keras_2("split", {"num_or_size_splits": 3, "axis": 2}), X[..., :2]),
    "length 1": (
        keras_2("math.l2_normalize", {"axis": -1}),
        X / np.sqrt((X.astype(np.float64) ** 2).sum(-1, keepdims=True)),
    ),
    "product": (keras_2("linalg.matmul", {"b": ["x", 0, 0], "transpose_b": True}), X @ X.transpose(0, 2, 1)),
    "padding": (keras_2("pad", {"paddings": [[0, 0], [1, 0], [0, 2]]}), np.pad(X, [(0, 0), (1, 0), (0, 2)])),
    "squeeze": (keras_2("expand_dims", {"axis": -1}), X[..., None]),
    "silu": (keras_2("nn.silu", {"beta": 1.0}), X / (1 + np.exp(-X))),
}


@pytest.mark.parametrize("name", OF_KERAS_2)
def test_operations_of_keras_2(tmp_path: Path, name: str) -> None:
    layer, expected = OF_KERAS_2[name]
    y = load(save_h5(tmp_path / "m.h5", with_operation(layer), {})).predict(X)
    assert not isinstance(y, list)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


BOX = {"offset_height": 1, "offset_width": 2}
IMAGE = np.random.default_rng(6).normal(size=(2, 4, 6, 8)).astype(np.float32)


def test_depth_to_space_and_back(tmp_path: Path) -> None:
    deep = keras_2("nn.depth_to_space", {"block_size": 2, "data_format": "NHWC"})
    y = load(save_h5(tmp_path / "m.h5", with_operation(deep, (4, 6, 8)), {})).predict(IMAGE)
    assert not isinstance(y, list)
    for i, j, c in np.ndindex(8, 12, 2):
        np.testing.assert_array_equal(y[:, i, j, c], IMAGE[:, i // 2, j // 2, i % 2 * 4 + j % 2 * 2 + c])
    flat = keras_2("nn.space_to_depth", {"block_size": 2})
    again = load(save_h5(tmp_path / "m.h5", with_operation(flat, (8, 12, 2)), {})).predict(y)
    np.testing.assert_array_equal(again, IMAGE)


C = IMAGE[..., :3]
CALL = {"padding": "VALID", "strides": 1, "rate": None, "use_cudnn_on_gpu": True}
PATCHES = {"sizes": [1, 2, 3, 1], "strides": [1, 2, 3, 1], "rates": [1] * 4, "padding": "SAME"}
WINDOW = {"padding": "VALID", "window_shape": [1, 2], "pooling_type": "MAX", "strides": None}
EYE = np.eye(3)[None, None].tolist()
NEAR = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]])
MEAN = C.mean((1, 2), keepdims=True)
ALL = C.reshape(2, -1).astype(np.float64)
OF_IMAGES: dict[str, tuple[dict[str, Any], Array]] = {
    "flip_left_right": (keras_2("image.flip_left_right", {}), C[:, :, ::-1]),
    "flip_up_down": (keras_2("image.flip_up_down", {}), C[:, ::-1]),
    "central_crop": (keras_2("image.central_crop", {"central_fraction": 0.5}), C[:, 1:3, 1:5]),
    "crop": (
        keras_2("image.crop_to_bounding_box", dict(BOX, target_height=2, target_width=3)),
        C[:, 1:3, 2:5],
    ),
    "pad": (
        keras_2("image.pad_to_bounding_box", dict(BOX, target_height=5, target_width=9)),
        np.pad(C, [(0, 0), (1, 0), (2, 1), (0, 0)]),
    ),
    "crop and pad": (
        keras_2("image.resize_with_crop_or_pad", {"target_height": 7, "target_width": 3}),
        np.pad(C[:, :, 1:4], [(0, 0), (1, 2), (0, 0), (0, 0)]),
    ),
    "grey": (keras_2("image.rgb_to_grayscale", {}), C @ np.array([[0.2989], [0.587], [0.114]])),
    "brighter": (keras_2("image.adjust_brightness", {"delta": 0.25}), C + 0.25),
    "contrast": (keras_2("image.adjust_contrast", {"contrast_factor": 2}), (C - MEAN) * 2 + MEAN),
    "standard": (
        keras_2("image.per_image_standardization", {}),
        ((ALL - ALL.mean(1, keepdims=True)) / ALL.std(1, keepdims=True)).reshape(C.shape),
    ),
    "nearest": (keras_2("image.resize", {"size": [8, 12], "method": "nearest"}), C.repeat(2, 1).repeat(2, 2)),
    "largest": (
        keras_2("nn.max_pool2d", {"ksize": [1, 2, 2, 1], "strides": 2, "padding": "VALID"}),
        C.reshape(2, 2, 2, 3, 2, 3).max((2, 4)),
    ),
    "mean": (
        keras_2("nn.avg_pool2d", {"ksize": 2, "strides": [2, 2], "padding": "SAME"}),
        C.reshape(2, 2, 2, 3, 2, 3).mean((2, 4)),
    ),
    "filters": (
        keras_2("compat.v1.nn.conv2d", dict(CALL, filter=EYE, strides=2)),
        C[:, ::2, ::2],
    ),
    "filters with a border": (
        keras_2("compat.v1.nn.conv2d", dict(CALL, filter=EYE, padding=[[0, 0], [1, 0], [0, 2], [0, 0]])),
        np.pad(C, [(0, 0), (1, 0), (0, 2), (0, 0)]),
    ),
    "filters of each channel": (
        keras_2("compat.v1.nn.depthwise_conv2d", dict(CALL, filter=[[[[1.0], [2.0], [3.0]]]], strides=[1, 2, 2, 1])),
        C[:, ::2, ::2] * np.array([1, 2, 3]),
    ),
    "largest of windows": (
        keras_2("compat.v1.nn.pool", WINDOW),
        np.maximum(C[:, :, 1:], C[:, :, :-1]),
    ),
    "neighbours": (
        keras_2("nn.local_response_normalization", {"depth_radius": 1, "alpha": 0.5, "beta": 0.75}),
        C / (1 + 0.5 * (C**2 @ NEAR)) ** 0.75,
    ),
    "both signs": (keras_2("compat.v1.nn.crelu", {}), np.concatenate([C.clip(0), (-C).clip(0)], -1)),
    "a quarter": (keras_2("image.rot90", {"k": 3}), np.rot90(C, 3, (1, 2))),
    "rows as columns": (keras_2("image.transpose", {}), C.transpose(0, 2, 1, 3)),
    "fitted in": (
        keras_2("image.resize_with_pad", {"target_height": 4, "target_width": 9}),
        np.pad(C, [(0, 0), (0, 0), (1, 2), (0, 0)]),
    ),
    "patches": (
        keras_2(
            "image.extract_patches",
            PATCHES,
        ),
        C.reshape(2, 2, 2, 2, 3, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 2, 18),
    ),
    "repeated": (keras_2("broadcast_to", {"shape": [1, 4, 6, 3]}), C),
    "a sum of products": (keras_2("tensordot", {"b": GRID[:3], "axes": 1}), np.tensordot(C, GRID[:3], 1)),
    "lengths": (keras_2("math.reduce_euclidean_norm", {"axis": -1}), np.linalg.norm(C.astype(np.float64), axis=-1)),
    "a band": (keras_2("linalg.band_part", {"num_lower": 1, "num_upper": 0}), np.tril(np.triu(C, -1))),
    "a diagonal": (keras_2("linalg.diag_part", {}), C.diagonal(0, 2, 3)),
    "short vectors": (
        keras_2("clip_by_norm", {"clip_norm": 1.5, "axes": [-1]}),
        C * np.minimum(1.0, 1.5 / np.linalg.norm(C.astype(np.float64), axis=-1, keepdims=True)),
    ),
    "another hue": (keras_2("image.adjust_hue", {"delta": 1 / 3}), np.roll(C, 1, -1)),
    "bias": (keras_2("nn.bias_add", {"bias": [1.0, 2.0, 3.0]}), C + np.array([1, 2, 3])),
    "flat": (keras_2("keras.backend.batch_flatten", {}), C.reshape(2, -1)),
    "turned": (keras_2("compat.v1.transpose", {"perm": [0, 3, 1, 2], "conjugate": False}), C.transpose(0, 3, 1, 2)),
    "place": (keras_2("math.argmax", {"axis": -1}), C.argmax(-1)),
    "smallest": (keras_2("math.argmin", {"axis": 1}), C.argmin(1)),
    "sums behind": (keras_2("math.cumsum", {"axis": 2, "reverse": True}), C[:, :, ::-1].cumsum(2)[:, :, ::-1]),
    "sums before": (keras_2("math.cumsum", {"axis": 1, "exclusive": True}), C.cumsum(1) - C),
}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_operations_of_keras_2_on_images(tmp_path: Path, name: str) -> None:
    layer, expected = OF_IMAGES[name]
    y = load(save_h5(tmp_path / "m.h5", with_operation(layer, (4, 6, 3)), {})).predict(C)
    assert not isinstance(y, list)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_vectors_of_places_have_the_values_that_are_asked_for(tmp_path: Path) -> None:
    layer = keras_2("one_hot", {"depth": 3, "on_value": 5.0, "off_value": -1.0})
    y = load(save_h5(tmp_path / "m.h5", with_operation(layer, (4,)), {})).predict(np.array([[0, 2, 7, -1]], np.float32))
    np.testing.assert_array_equal(y, [[[5, -1, -1], [-1, -1, 5], [-1, -1, -1], [-1, -1, -1]]])


NORMS = {None: 2, "euclidean": 2, 1: 1, "inf": np.inf}


@pytest.mark.parametrize("order", NORMS)
def test_norms(tmp_path: Path, order: object) -> None:
    layer = keras_3("Norm", {"ord": order, "axis": [-1], "keepdims": False})
    y = load(save_zip(tmp_path / "m.keras", with_operation(layer), {})).predict(X)
    expected = np.linalg.norm(X.astype(np.float64), NORMS[order], axis=-1)  # type: ignore[index]
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize(("name", "function"), [("Mod", np.mod), ("Fmod", np.fmod)])
def test_remainders_are_not_rounded(tmp_path: Path, name: str, function: np.ufunc) -> None:
    """A quotient in float32 times the divisor would leave steps of the size of the dividend's last bit."""
    x = np.resize(np.array([5.5, -5.5, 1e8, -1e8, 147.0, 0.0], np.float32), (1, 4, 6))
    y = load(save_zip(tmp_path / "m.keras", with_operation(keras_3(name, {}, -3.25)), {})).predict(x)
    np.testing.assert_array_equal(y, function(x, np.float32(-3.25)))


def test_scaling_by_a_constant_is_folded_like_rescaling(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "m.keras", with_operation(keras_3("TrueDivide", {}, 255.0)), {})
    (node,) = load(path).nodes
    assert isinstance(node.layer, BatchNormalization)


ANYTHING = "convert the model, tf.lite"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": (keras_3("Cholesky", {}), f"the operation 'Cholesky' is not supported\nhint: {ANYTHING}"),
    "a spectrum": (
        keras_3("STFT", {}),
        "nor is the operator that a .tflite has for it",
    ),
    "grey of two channels": (keras_3("RGBToGrayscale", {}), "the operation needs an image"),
    "places of the batch": (keras_3("Argmax", {"axis": None}), "without axis the operation goes over the batch, too"),
    "an endless sum": (keras_3("OneHot", {"num_classes": 2**20}), "vectors of 1048576 places are too long"),
    "lost operands": (keras_2("einsum", {}, "bij,bkj->bik"), "Keras 2 saves the operands of tf.einsum incompletely"),
    "a size of the batch": (keras_2("compat.v1.shape", {"out_type": "int32"}), "hint: put a layer in its place"),
    "patches of volumes": (keras_3("ExtractPatches", {"size": [2, 2]}), "patches are those of images"),
    "over the batch": (keras_3("Mean", {"axis": None}), "without axis the operation goes over the batch, too"),
    "along the batch": (keras_3("Sum", {"axis": 0}), "axis = 0 is the axis of the batch"),
    "no such axis": (keras_3("Sum", {"axis": 3}), "axis = 3 is not among the 2 axes after the batch"),
    "part of the batch": (keras_3("GetItem", {}, 0), "the index takes a part of the batch"),
    "index too large": (keras_3("GetItem", {}, [{"class_name": "__ellipsis__"}, 6]), "the index 6 is not on an axis"),
    "a batch twice": (keras_3("Dot", {}, X_AGAIN), "the batch would be there twice\nhint: use keras.ops.matmul"),
    "one more axis": (keras_3("Matmul", {}, [[GRID]]), "a constant may be a matrix or a vector on the right"),
    "a spectral norm": (keras_3("Norm", {"ord": 2, "axis": [1, 2]}), "ord = 2 along 2 axes is not supported"),
    "a mean of each row": (
        keras_3("BatchNorm", {"axis": -1}, [[1.0]] * 6, 1.0),
        "mean of the shape (6, 1) does not fit",
    ),
    "division by 0": (keras_3("TrueDivide", {}, 0.0), "a constant divisor is 0"),
    "not finite": (keras_3("Add", {}, float("nan")), "x2 must be finite numbers or a tensor of the model, not nan"),
    "a word": (keras_3("Add", {}, "1"), "x2 must be finite numbers or a tensor of the model, not '1'"),
    "a batch of constants": (keras_3("Add", {}, [[[1.0]], [[2.0]]]), "a constant of the shape (2, 1, 1)"),
    "an unknown attribute": (keras_3("Square", {"speed": 3}), "the attribute 'speed' = 3 is not supported"),
    "too many arguments": (keras_3("Square", {}, 1.0), "the operation takes 1 arguments"),
    "pairs of numbers": (keras_3("Cast", {"dtype": "complex64"}), "dtype = 'complex64' is not supported"),
    "moving the batch": (keras_3("Transpose", {"axes": [1, 0, 2]}), "axes = [1, 0, 2] must name each axis once"),
    "another batch": (keras_3("Reshape", {"newshape": [3, -1]}), "newshape = [3, -1] must keep the batch"),
    "an indivisible shape": (keras_3("Reshape", {"newshape": [-1, 5]}), "24 elements do not fill the shape [-1, 5]"),
    "an endless repetition": (
        keras_3("Repeat", {"repeats": 2**30, "axis": 1}),
        "4294967296 indices along one axis are too many",
    ),
}


def test_a_branch_that_is_no_number_where_it_is_not_chosen(tmp_path: Path) -> None:
    """Keras chooses; 0 times that would be no number either."""
    model = with_operation(
        keras_3("Where", {}, {"class_name": "__keras_tensor__", "config": {"keras_history": ["l", 0, 0]}}, 0.0)
    )
    before = {**keras_3("Log", {}), "name": "l", "config": {"name": "l"}}
    model["config"]["layers"].insert(1, before)
    graph = load(save_zip(tmp_path / "m.keras", model, {}))
    x = np.resize(np.array([0.0, 1.0, np.e], np.float32), (1, 4, 6))
    with np.errstate(divide="ignore"):
        y = graph.predict(x)
    np.testing.assert_allclose(y, np.resize([0.0, 0.0, 1.0], (1, 4, 6)), atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_operations(tmp_path: Path, name: str) -> None:
    layer, fault = REFUSED[name]
    assert fault in refusal(save_zip(tmp_path / "m.keras", with_operation(layer), {}))


def test_an_unknown_operation_in_an_h5_file_may_be_one(tmp_path: Path) -> None:
    """Such files of Keras 3 say neither its module nor what it is."""
    layer = {key: value for key, value in keras_3("Arctan2", {}).items() if key not in ("module", "registered_name")}
    text = refusal(save_h5(tmp_path / "m.h5", with_operation(layer), {}))
    assert "the layer or operation 'Arctan2' is not supported" in text


def test_every_function_of_tensorflow_is_an_operation_of_keras() -> None:
    assert {name for name, _, _ in KERAS_2.values()} <= OPERATIONS.keys()


FAMILIES = (
    *("spectral_norm.k3.keras", "transformer_text.k3.keras"),
    *("cbam.k3.keras", "dueling.k2.h5", "mnv3_hand.k3.keras", "pre_div255.k3.keras", "pre_sub_div.k2.h5"),
    *("se_operators.k3.keras", "siamese_ops.k3.keras", "tcn_last.k3.keras"),
)


@pytest.mark.parametrize("name", FAMILIES)
def test_models_as_users_of_keras_write_them(models: Path, name: str) -> None:
    path = models / "families" / name
    inputs, expected = golden(path)
    y = load(path).predict(inputs if len(inputs) > 1 else inputs[0])
    for own, want in zip(y if isinstance(y, list) else [y], expected, strict=True):
        np.testing.assert_allclose(own, want, rtol=0, atol=1e-4 * np.abs(want).max())
