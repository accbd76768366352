"""Layers that do nothing at inference, and the forms in which layers are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import numbers, refusal, save_h5, save_zip, sequential, shared

from mnc.frontends import load
from mnc.frontends.keras.layers_noop import RANDOM_AUGMENTATION
from mnc.ir.layers import Dense, Identity

IMAGE = ("InputLayer", {"name": "i", "batch_input_shape": [None, 4, 4, 3]})

NOTHING: dict[str, dict[str, Any]] = {
    "Dropout": {"rate": 0.2, "noise_shape": None, "seed": None},
    "SpatialDropout2D": {"rate": 0.2, "data_format": "channels_last"},
    "GaussianDropout": {"rate": 0.2},
    "AlphaDropout": {"rate": 0.2, "noise_shape": None},
    "GaussianNoise": {"stddev": 0.3},
    "ActivityRegularization": {"l1": 0.1, "l2": 0.0},
    "Activation": {"activation": "linear"},
    "Masking": {"mask_value": 0.0},
    "Permute": {"dims": [1, 2, 3]},
    **{name: {"factor": [-0.2, 0.2], "fill_mode": "reflect", "seed": 1} for name in RANDOM_AUGMENTATION},
}


@pytest.mark.parametrize("name", NOTHING)
def test_layers_that_do_nothing_at_inference(tmp_path: Path, name: str) -> None:
    # the state of a random generator may lie among the weights
    weights = {"n": [("n/StateVar:0", np.zeros(3, np.int64))] if "Random" in name or "Dropout" in name else []}
    model = sequential(IMAGE, (name, {"name": "n", **NOTHING[name]}))
    (node,) = load(save_h5(tmp_path / "m.h5", model, weights)).nodes
    assert node.layer == Identity()


def test_random_crops_are_not_nothing(tmp_path: Path) -> None:
    model = sequential(IMAGE, ("RandomCrop", {"name": "n", "height": 2, "width": 2}))
    assert "the layer 'RandomCrop' is not supported" in refusal(save_h5(tmp_path / "m.h5", model, {}))


def test_masking_by_another_value(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 4, 3]})
    model = sequential(given, ("Masking", {"name": "n", "mask_value": -1.0}))
    x = np.array([[[1, 2, 3], [-1, -1, -1], [-1, 0, -1], [0, 0, 0]]], np.float32)
    y = load(save_h5(tmp_path / "m.h5", model, {})).predict(x)
    np.testing.assert_array_equal(y, x * np.array([1, 0, 1, 1], np.float32)[:, None])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39, -(10**400), True, "1"])
def test_numbers_must_be_finite_numbers(tmp_path: Path, value: object) -> None:
    model = sequential(IMAGE, ("LeakyReLU", {"name": "n", "alpha": value}))
    assert "(LeakyReLU 'n'): alpha must be " in refusal(save_h5(tmp_path / "m.h5", model, {}))
    model = sequential(IMAGE, ("Rescaling", {"name": "n", "scale": value}))
    assert "(Rescaling 'n'): scale must be finite numbers, not " in refusal(save_h5(tmp_path / "m.h5", model, {}))


def tensor(layer: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": [layer, 0, 0]}}


def summed(call: dict[str, Any]) -> dict[str, Any]:
    """The sum of two inputs, called as Keras 3 writes it."""
    inputs = [
        {
            "class_name": "InputLayer",
            "name": name,
            "config": {"name": name, "batch_shape": [None, 3]},
            "inbound_nodes": [],
        }
        for name in "ab"
    ]
    add = {"class_name": "Add", "name": "sum", "config": {"name": "sum", "trainable": True}, "inbound_nodes": [call]}
    ends = {"input_layers": {"y": ["b", 0, 0], "x": ["a", 0, 0]}, "output_layers": ["sum", 0, 0]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": [*inputs, add], **ends}}


CALLS: dict[str, dict[str, Any]] = {
    "a list": {"args": [[tensor("a"), tensor("b")]], "kwargs": {}},
    "a tuple": {"args": [{"class_name": "__tuple__", "items": [tensor("a"), tensor("b")]}], "kwargs": {}},
    "a mapping": {"args": [{"q": tensor("b"), "p": tensor("a")}], "kwargs": {"mask": None}},
    "by name": {"args": [], "kwargs": {"inputs": [tensor("a"), tensor("b")], "training": True}},
}


@pytest.mark.parametrize("form", CALLS)
def test_forms_of_a_call(tmp_path: Path, form: str) -> None:
    graph = load(save_zip(tmp_path / "m.keras", summed(CALLS[form]), {}))
    (node,) = graph.nodes
    assert node.inputs == ("a", "b")
    assert [given.name for given in graph.inputs] == ["a", "b"]  # in the order of the mapping's keys


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "a number": ({"args": [tensor("a"), 2.0], "kwargs": {}}, "the layer is called with 2.0, which is not a tensor"),
    "an object": (
        {"args": [tensor("a"), {"class_name": "Slice", "config": {}}], "kwargs": {}},
        "the layer is called with {'class_name': 'Slice', 'config': {}}, which is not a tensor",
    ),
    "an argument": (
        {"args": [tensor("a")], "kwargs": {"initial_state": [tensor("b")]}},
        "the layer is called with 'initial_state' = the results of 'b', which is not supported",
    ),
    "no arguments": ({"args": [tensor("a")], "kwargs": []}, "[] must be the arguments of a call"),
    "a tensor without a history": (
        {"args": [{"class_name": "__keras_tensor__", "config": {}}]},
        "{'class_name': '__keras_tensor__', 'config': {}} does not name a tensor",
    ),
}


@pytest.mark.parametrize("form", BAD_CALLS)
def test_bad_forms_of_a_call(tmp_path: Path, form: str) -> None:
    call, fault = BAD_CALLS[form]
    path = save_zip(tmp_path / "m.keras", summed(call), {})
    assert refusal(path).startswith(f"error: m.keras: config.json/layers/2 (Add 'sum'): {fault}")


def test_a_shared_layer_must_fit_all_its_calls(tmp_path: Path) -> None:
    model = summed({"args": [[tensor("d"), tensor("b")]], "kwargs": {}})
    layers = model["config"]["layers"]
    calls = [{"args": [tensor("a")], "kwargs": {}}, {"args": [tensor("b")], "kwargs": {}}]
    layers.append({"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 3}, "inbound_nodes": calls})
    variables = {"layers/dense/vars/0": numbers(3, 3), "layers/dense/vars/1": numbers(3)}
    graph = load(save_zip(tmp_path / "m.keras", model, variables))
    assert sum(isinstance(node.layer, Dense) for node in graph.nodes) == 2
    layers[1]["config"]["batch_shape"] = [None, 1]
    assert refusal(save_zip(tmp_path / "m.keras", model, variables)).startswith(
        "error: m.keras: model.weights.h5/layers/dense: the kernel has the shape 3x3, this call needs 1x3"
    )


def wrapped(class_name: str, **config: Any) -> dict[str, Any]:
    inner = {"class_name": "Dense", "config": {"name": "dense", "units": 3, "use_bias": True}}
    return sequential(
        ("InputLayer", {"name": "i", "batch_input_shape": [None, 4]}),
        (class_name, {"name": "w", "layer": inner, **config}),
    )


def test_a_pruned_layer_is_read_through(tmp_path: Path) -> None:
    model = wrapped("PruneLowMagnitude", pruning_schedule={"class_name": "ConstantSparsity"}, block_size=[1, 1])
    kernel, bias = numbers(4, 3), numbers(3)
    state = [("w/mask:0", np.ones((4, 3))), ("w/threshold:0", np.zeros(())), ("w/pruning_step:0", np.array(7))]
    weights = [("w/dense/kernel:0", kernel), ("w/dense/bias:0", bias), *state]
    (node,) = load(save_h5(tmp_path / "m.h5", model, {"w": weights})).nodes
    assert isinstance(node.layer, Dense)
    np.testing.assert_array_equal(node.layer.weights.array, kernel)


@pytest.mark.parametrize(
    ("class_name", "hint"),
    [
        ("QuantizeWrapperV2", "hint: convert the model with tf.lite.TFLiteConverter.from_keras_model"),
        ("ClusterWeights", "hint: save what tfmot.clustering.keras.strip_clustering(model) gives"),
        ("QDense", "hint: build the model with Keras' layers, Dense for QDense"),
        ("QConv2DBatchnorm", "Conv2D with bias for QConv2DBatchnorm"),
    ],
)
def test_layers_trained_in_integers_say_what_to_compile_instead(tmp_path: Path, class_name: str, hint: str) -> None:
    assert hint in refusal(save_h5(tmp_path / "m.h5", wrapped(class_name), {}))


def test_all_layers_of_one_toolkit_are_refused_once(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 4]})
    model = sequential(given, ("QDense", {"name": "a"}), ("QActivation", {"name": "b"}), ("QDense", {"name": "c"}))
    assert "(QDense 'a') and 2 more: the layer is of QKeras" in refusal(save_h5(tmp_path / "m.h5", model, {}))


def test_an_annotated_layer_is_read_through(tmp_path: Path) -> None:
    weights = [("w/kernel:0", numbers(4, 3)), ("w/bias:0", numbers(3))]
    path = save_h5(tmp_path / "m.h5", wrapped("QuantizeAnnotate", quantize_config=None), {"w": weights})
    np.testing.assert_array_equal(load(path).predict(np.eye(4, dtype=np.float32)), numbers(4, 3) + numbers(3))


def test_two_weights_of_one_name(tmp_path: Path) -> None:
    """Keras 2 stops there, and leaves a file in which the first stands for both."""
    path = save_h5(tmp_path / "m.h5", shared(1, 2), {"in": [("d/kernel:0", numbers(3, 3)), ("d/bias:0", numbers(3))]})
    with h5py.File(path, "a") as file:
        file["model_weights/in"].attrs["weight_names"] = [b"d/kernel:0", b"d/bias:0", b"d/kernel:0", b"d/bias:0"]
    assert refusal(path) == (
        "error: m.h5: model_weights/in/d/kernel:0: 2 weights have this name, and the file has one\n"
        "hint: Keras stops with an error where it writes such a file; save the model as .keras, or give nested layers "
        "of equal names others"
    )


def test_a_layer_of_convnext_by_name(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 4]})
    model = sequential(given, ("LayerScale", {"name": "s", "projection_dim": 4, "init_values": 1e-6}))
    model["config"]["layers"][-1] |= {"module": "somewhere.convnext", "registered_name": "x>LayerScale"}
    graph = load(save_h5(tmp_path / "m.h5", model, {"s": [("s/gamma:0", numbers(4))]}))
    x = np.ones((1, 4), np.float32)
    np.testing.assert_allclose(graph.predict(x), numbers(4)[None], rtol=1e-6)
