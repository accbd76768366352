"""One network, as every version of Keras spells it, is one Graph."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import (
    SMALL_MODEL,
    SMALL_WEIGHTS,
    Weights,
    numbers,
    renamed,
    save_h5,
    save_zip,
    sequential,
    shared,
    small_model,
)

from mnc.frontends import load, read
from mnc.ir.activations import HardSigmoid, Relu
from mnc.ir.graph import Graph
from mnc.ir.layers import Activation, Conv2D, Dense, Flatten, Permute, Softmax
from mnc.ir.types import Array

POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def keras3(model: dict[str, Any]) -> dict[str, Any]:
    """A functional model as Keras 3 spells it."""

    def tensor(ref: list[Any]) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": ref[:3]}}

    model = copy.deepcopy(model)
    for layer in model["config"]["layers"]:
        layer.update(module="keras.layers", registered_name=None)
        calls = [[tensor(ref) for ref in call] for call in layer["inbound_nodes"]]
        layer["inbound_nodes"] = [
            {"args": call if len(call) == 1 else [call], "kwargs": {"mask": None}} for call in calls
        ]
        config = layer["config"]
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        else:
            config["dtype"] = POLICY
            layer["build_config"] = {"input_shape": [None, 3]}
    ends = model["config"]
    ends["input_layers"], ends["output_layers"] = ends["input_layers"][0], ends["output_layers"][0]
    return {"module": "keras.src.models.functional", "registered_name": "Functional", "compile_config": {}, **model}


@pytest.fixture
def small(tmp_path: Path) -> Graph:
    return load(save_h5(tmp_path / "m.h5"))


def test_keras_3(tmp_path: Path, small: Graph) -> None:
    weights = {name: [(key.split(":")[0], value) for key, value in own] for name, own in SMALL_WEIGHTS.items()}
    assert load(save_h5(tmp_path / "m.h5", keras3(SMALL_MODEL), weights, "3.5.0")) == small


def test_archives(tmp_path: Path, small: Graph) -> None:
    classes = {"conv": "conv2d", "norm": "batch_normalization", "scores": "dense"}
    variables = {
        f"layers/{path}/vars/{i}": value
        for name, path in classes.items()
        for i, (_, value) in enumerate(SMALL_WEIGHTS[name])
    }
    assert load(save_zip(tmp_path / "m.keras", keras3(SMALL_MODEL), variables)) == small
    older = {name.replace("layers", "_layer_checkpoint_dependencies"): value for name, value in variables.items()}
    assert load(save_zip(tmp_path / "m.keras", SMALL_MODEL, older, "2.12.0")) == small


def test_archives_of_keras_2_skip_numbers(tmp_path: Path) -> None:
    layers = [("Dense", {"name": name, "units": 2}) for name in "abc"]
    model = sequential(("InputLayer", {"name": "i", "batch_input_shape": [None, 2]}), *layers)
    variables = {
        f"_layer_checkpoint_dependencies/{path}/vars/{i}": numbers(*shape) + offset
        for offset, path in enumerate(("dense", "dense_2", "dense_10"))
        for i, shape in enumerate(((2, 2), (2,)))
    }
    graph = load(save_zip(tmp_path / "m.keras", model, variables, "2.12.0"))
    dense = [node.layer for node in graph.nodes]
    assert [layer.bias.array[0] for layer in dense if isinstance(layer, Dense) and layer.bias] == [-1, 0, 1]


def test_text_as_bytes(tmp_path: Path, small: Graph) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = np.bytes_(file.attrs["model_config"].encode())
        file.attrs["keras_version"] = np.bytes_(b"2.2.4-tf")
        for group in file["model_weights"].values():
            names = list(map(str, group.attrs["weight_names"].astype(str)))
            group.attrs.create("weight_names", names, dtype=h5py.string_dtype())
    assert load(path) == small


def test_attributes_in_pieces(tmp_path: Path, small: Graph) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        top = file["model_weights"]
        for group, key in ((top, "layer_names"), (top["norm"], "weight_names"), (top["conv"], "weight_names")):
            names = list(group.attrs.pop(key))
            for i in range(2):
                group.attrs[f"{key}{i}"] = names[len(names) * i // 2 : len(names) * (i + 1) // 2]
    assert load(path) == small


def test_empty_lists_are_written_as_numbers(tmp_path: Path, small: Graph) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/relu"].attrs["weight_names"] = np.empty(0)
    assert load(path) == small


CHAIN = [(layer["class_name"], layer["config"]) for layer in SMALL_MODEL["config"]["layers"]]


def test_sequential_with_an_input_layer(tmp_path: Path, small: Graph) -> None:
    assert load(save_h5(tmp_path / "m.h5", sequential(*CHAIN))) == small


def test_sequential_without_an_input_layer(tmp_path: Path, small: Graph) -> None:
    (conv, config), *rest = CHAIN[1:]
    shape = [None, 6, 6, 2]
    spellings = (
        sequential((conv, {**config, "batch_input_shape": shape}), *rest),
        sequential((conv, config), *rest, build_input_shape=shape),
        {
            "class_name": "Sequential",
            "config": sequential((conv, {**config, "batch_input_shape": shape}), *rest)["config"]["layers"],
        },
    )
    for model in spellings:
        assert load(save_h5(tmp_path / "m.h5", model)) == renamed(small, "conv_input")


def test_models_in_models(tmp_path: Path, small: Graph) -> None:
    inner = copy.deepcopy(sequential(*CHAIN[:3]))
    inner["config"]["name"] = "inner"
    outer = sequential(CHAIN[0], *CHAIN[3:])
    outer["config"]["layers"].insert(1, inner)
    weights: Weights = {
        "inner": [*SMALL_WEIGHTS["conv"], *SMALL_WEIGHTS["norm"]],
        "scores": SMALL_WEIGHTS["scores"],
    }
    graph = load(save_h5(tmp_path / "m.h5", outer, weights))
    assert [node.layer for node in graph.nodes] == [node.layer for node in small.nodes]
    assert [node.name for node in graph.nodes[:3]] == ["inner/conv", "inner/norm", "relu"]
    # a frozen layer's weights stand among those that are not trainable
    inner["config"]["layers"][1]["config"]["trainable"] = False
    weights = {**weights, "inner": [*SMALL_WEIGHTS["norm"][:2], *SMALL_WEIGHTS["conv"], *SMALL_WEIGHTS["norm"][2:]]}
    assert load(save_h5(tmp_path / "m.h5", outer, weights)) == graph


def test_layers_of_one_name_in_two_nested_models(tmp_path: Path) -> None:
    dense = ("Dense", {"name": "same", "units": 2})
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 2]})
    parts = []
    for name in ("first", "second"):
        part = sequential(given, dense)
        part["config"]["name"] = name
        parts.append(part)
    middle = sequential(given)
    middle["config"]["layers"] += parts
    middle["config"]["name"] = "middle"
    outer = sequential(given)
    outer["config"]["layers"].append(middle)
    weights = [
        (f"middle/{part}/same/{role}", numbers(*shape) + i)
        for i, part in enumerate(("first", "second"))
        for role, shape in (("kernel", (2, 2)), ("bias", (2,)))
    ]
    for named in (weights, [(name.partition("/same/")[2] + f"_{i}", value) for i, (name, value) in enumerate(weights)]):
        graph = load(save_h5(tmp_path / "m.h5", outer, {"middle": named}, "3.5.0"))
        assert biases(graph) == [-1, 0]


def biases(graph: Graph) -> list[float]:
    """The first bias of each dense layer."""
    return [
        float(node.layer.bias.array[0])
        for node in graph.nodes
        if isinstance(node.layer, Dense) and node.layer.bias is not None
    ]


def nested(*members: Any, trainable: bool = True, name: str = "same") -> dict[str, Any]:
    """A Sequential with an input of two, all of whose members are called `same` unless they say otherwise."""
    model = sequential(("InputLayer", {"name": "i", "batch_input_shape": [None, 2]}))
    model["config"] |= {"name": name, "trainable": trainable}
    model["config"]["layers"] += members
    return model


def same(trainable: bool = True, name: str = "same") -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 2, "trainable": trainable}}


def listed(*layers: int) -> list[tuple[str, Array]]:
    """Kernels and biases of dense layers in this order; the first bias of layer n is n - 1."""
    return [
        (f"same{f'_{layer}' if layer else ''}/{role}:0", numbers(*shape) + layer)
        for layer in layers
        for role, shape in (("kernel", (2, 2)), ("bias", (2,)))
    ]


@pytest.mark.parametrize("version", ["2.11.0", "3.5.0"])
def test_weights_of_layers_of_one_name_at_several_depths(tmp_path: Path, version: str) -> None:
    """Frozen layers' weights are behind all trainable ones; nothing but the order tells them apart."""
    model = nested(nested(same(False), nested(same(), name="in"), same(False, "a"), same(name="b")))
    graph = load(save_h5(tmp_path / "m.h5", model, {"same": listed(1, 3, 0, 2)}, version))
    assert biases(graph) == [-1, 0, 1, 2]


@pytest.mark.parametrize(("version", "order"), [("2.11.0", (1, 0)), ("3.5.0", (0, 1))])
def test_the_weights_of_a_frozen_model_with_a_trainable_layer(
    tmp_path: Path, version: str, order: tuple[int, ...]
) -> None:
    """Keras 3 goes layer by layer then, Keras 2 has the trainable ones first even so."""
    model = nested(nested(same(False), nested(same(), name="in"), trainable=False))
    assert biases(load(save_h5(tmp_path / "m.h5", model, {"same": listed(*order)}, version))) == [-1, 0]


def test_a_layer_in_two_nested_models_is_listed_once(tmp_path: Path) -> None:
    model = nested(nested(same(), nested(same(), same(name="same_1"), name="in")))
    assert biases(load(save_h5(tmp_path / "m.h5", model, {"same": listed(0, 1)}))) == [-1, -1, 0]


def test_calls_are_counted_from_one_in_keras_2_and_from_zero_in_keras_3(tmp_path: Path) -> None:
    weights = {"in": [("d/kernel:0", numbers(3, 3)), ("d/bias:0", numbers(3))]}
    graph = load(save_h5(tmp_path / "m.h5", shared(1, 2), weights))
    assert load(save_h5(tmp_path / "m.h5", shared(0, 1), weights)) == graph
    assert load(save_h5(tmp_path / "m.h5", keras3(shared(0, 1)), weights)) == graph
    assert [(node.inputs, node.name) for node in graph.nodes] == [
        (("a",), "in/d"),
        (("in/d",), "in__2/d"),
        (("in/d", "in__2/d"), "sum"),
    ]


def test_outputs_count_the_calls_of_a_model_from_one_even_in_keras_3(tmp_path: Path) -> None:
    weights = {"in": [("d/kernel", numbers(3, 3)), ("d/bias", numbers(3))]}
    model = keras3(shared(0, 1))
    inner = model["config"]["layers"][1]
    inner["class_name"] = "Functional"
    inner["config"]["layers"] = [
        {**layer, "name": layer["config"]["name"], "inbound_nodes": calls}
        for layer, calls in zip(inner["config"]["layers"], ([], [[["i", 0, 0, {}]]]), strict=True)
    ]
    inner["config"].update(input_layers=[["i", 0, 0]], output_layers=[["d", 0, 0]])
    for index, name in ((1, "in/d"), (2, "in__2/d")):
        model["config"]["output_layers"] = ["in", index, 0]
        assert load(save_h5(tmp_path / "m.h5", model, weights, "3.5.0")).outputs == (name,)


def test_shared_layers_share_their_constants(tmp_path: Path) -> None:
    model = shared(0, 1)
    model["config"]["layers"][1].update(class_name="Dense", config={"name": "in", "units": 3})
    weights = {"in": [("in/kernel:0", numbers(3, 3)), ("in/bias:0", numbers(3))]}
    graph = load(save_h5(tmp_path / "m.h5", model, weights))
    first, second = (node.layer for node in graph.nodes[:2])
    assert isinstance(first, Dense) and isinstance(second, Dense)
    assert first.weights is second.weights
    assert [node.name for node in graph.nodes] == ["in", "in__2", "sum"]


def test_names_and_origins(small: Graph) -> None:
    assert small.name == "m"
    assert [node.name for node in small.nodes] == ["conv", "norm", "relu", "flat", "scores/logits", "scores"]
    assert small.nodes[0].origin == "m.h5: model_config/layers/1 (Conv2D 'conv')"
    assert isinstance(small.nodes[-1].layer, Softmax)
    assert isinstance(small.nodes[-2].layer, Dense)


@pytest.mark.parametrize(
    ("version", "slope"), [("1.2.2", 0.2), ("2.2.4-tf", 0.2), ("2.15.0", 0.2), ("3.0.0", 1 / 6), ("3.15.1", 1 / 6)]
)
def test_hard_sigmoid_is_that_of_the_version(tmp_path: Path, version: str, slope: float) -> None:
    given = ("InputLayer", {"name": "i", "batch_input_shape": [None, 3]})
    model = sequential(given, ("Activation", {"name": "a", "activation": "hard_sigmoid"}))
    (node,) = load(save_h5(tmp_path / "m.h5", model, {}, version)).nodes
    assert node.layer == Activation(HardSigmoid(slope))


def test_a_file_that_does_not_state_its_version(tmp_path: Path) -> None:
    layer = ("Activation", {"name": "a", "activation": "hard_sigmoid"})
    for key, slope in (("batch_input_shape", 0.2), ("batch_shape", 1 / 6)):
        model = sequential(("InputLayer", {"name": "i", key: [None, 3]}), layer)
        (node,) = load(save_h5(tmp_path / "m.h5", model, {}, None)).nodes
        assert node.layer == Activation(HardSigmoid(slope))


def test_serialised_functions_and_numbers(tmp_path: Path) -> None:
    function = {"module": "keras.activations", "class_name": "function", "config": "relu6", "registered_name": "relu6"}
    model = small_model()
    model["config"]["layers"][1]["config"]["activation"] = function
    conv = load(save_h5(tmp_path / "m.h5", model)).nodes[0].layer
    assert isinstance(conv, Conv2D)
    assert conv.activation == Relu(6.0)
    model["config"]["layers"][3].update(class_name="LeakyReLU", config={"alpha": {"type": "ndarray", "value": 0.25}})
    assert load(save_h5(tmp_path / "m.h5", model)).nodes[2].layer == Activation(Relu(negative_slope=0.25))


def test_layers_as_activations(tmp_path: Path) -> None:
    model = small_model()
    conv, scores = model["config"]["layers"][1]["config"], model["config"]["layers"][5]["config"]
    conv["activation"] = {"class_name": "ReLU", "config": {"name": "r", "max_value": 6.0}, "module": "keras.layers"}
    scores["activation"] = {"class_name": "Softmax", "config": {"name": "s", "axis": -1}}
    graph = load(save_h5(tmp_path / "m.h5", model))
    layer = graph.nodes[0].layer
    assert isinstance(layer, Conv2D)
    assert layer.activation == Relu(6.0)
    assert isinstance(graph.nodes[-1].layer, Softmax)
    conv["activation"]["config"]["slope"] = 1
    (problem,) = read(save_h5(tmp_path / "m.h5", model)).problems
    assert problem.where == "m.h5: model_config/layers/1 (Conv2D 'conv')/activation (ReLU)"
    assert problem.what == "the attribute 'slope' = 1 is not supported"


def test_half_precision_is_computed_in_float32_and_said(tmp_path: Path, small: Graph) -> None:
    model = small_model()
    for layer in model["config"]["layers"][1:]:
        layer["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    weights = {name: [(key, value.astype(np.float16)) for key, value in own] for name, own in SMALL_WEIGHTS.items()}
    reading = read(save_h5(tmp_path / "m.h5", model, weights))
    assert reading.graph == small
    assert reading.notes == ("layers of the dtype policy 'mixed_float16' are computed in float32",)


def test_bfloat16_weights(tmp_path: Path, small: Graph) -> None:
    path = save_h5(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        for name in ("conv/conv/kernel:0", "scores/scores/bias:0"):
            halves = (file["model_weights"][name][()].view(np.uint32) >> 16).astype(np.uint16)
            del file["model_weights"][name]
            file["model_weights"][name] = halves.view("V2")
            file["model_weights"][name].attrs["dtype"] = "bfloat16"
    assert load(path) == small


def test_indices_come_as_floats(tmp_path: Path) -> None:
    given = ("InputLayer", {"name": "words", "batch_input_shape": [None, 5], "dtype": "int32"})
    model = sequential(given, ("Embedding", {"name": "e", "input_dim": 4, "output_dim": 3}))
    reading = read(save_h5(tmp_path / "m.h5", model, {"e": [("e/embeddings:0", numbers(4, 3))]}))
    assert reading.graph is not None
    assert reading.notes == ("input 'words' is int32 in Keras; the network takes its numbers as float",)


def test_channels_first_moves_no_data_before_a_dense_layer(tmp_path: Path) -> None:
    model = small_model()
    layers = model["config"]["layers"]
    layers[0]["config"]["batch_input_shape"] = [None, 2, 6, 6]
    layers[1]["config"]["data_format"] = "channels_first"
    layers[2]["config"]["axis"] = [1]
    graph = load(save_h5(tmp_path / "m.h5", model))
    assert graph.inputs[0].type.shape == (6, 6, 2)
    kinds = [type(node.layer) for node in graph.nodes]
    assert Permute not in kinds
    layers[4].update(class_name="Reshape", config={"name": "flat", "target_shape": [-1]})
    kinds = [type(node.layer) for node in load(save_h5(tmp_path / "m.h5", model)).nodes]
    assert Permute in kinds and Flatten not in kinds
