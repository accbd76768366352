"""The network of `test_keras_spellings.py` as Keras 1 spells it, and layers that only Keras 1 has."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import SMALL_WEIGHTS, numbers, renamed, save_h5, shared

from mnc.frontends import load, read
from mnc.ir.activations import HardSigmoid
from mnc.ir.graph import Graph
from mnc.ir.layers import GRU, LSTM, Conv2D
from mnc.ir.types import Array


@pytest.fixture
def small(tmp_path: Path) -> Graph:
    return load(save_h5(tmp_path / "m.h5"))


def keras1(*layers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": [{"class_name": name, "config": config} for name, config in layers]}


OLD_CONV = {
    "name": "conv",
    "batch_input_shape": [None, 6, 6, 2],
    "nb_filter": 3,
    "nb_row": 3,
    "nb_col": 3,
    "init": "glorot_uniform",
    "activation": "linear",
    "border_mode": "same",
    "subsample": [2, 2],
    "dim_ordering": "tf",
    "W_regularizer": None,
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": None,
    "b_constraint": None,
    "bias": True,
    "trainable": True,
    "input_dtype": "float32",
}
OLD_NORM = {"name": "norm", "mode": 0, "axis": 3, "epsilon": 0.001, "momentum": 0.99, "gamma_regularizer": None}
OLD_SCORES = {
    "name": "scores",
    "output_dim": 4,
    "init": "uniform",
    "bias": True,
    "activation": "softmax",
    "input_dim": 27,
}
OLD_MODEL = keras1(
    ("Convolution2D", OLD_CONV),
    ("BatchNormalization", OLD_NORM),
    ("ReLU", {"name": "relu", "max_value": {"type": "ndarray", "value": 6.0}}),
    ("Flatten", {"name": "flat"}),
    ("Dense", OLD_SCORES),
)


def test_keras_1(tmp_path: Path, small: Graph) -> None:
    names = {"norm": ["norm_gamma", "norm_beta", "norm_running_mean", "norm_running_std"], "conv": ["conv_W", "conv_b"]}
    weights = {
        name: [(old, value) for old, (_, value) in zip(names.get(name, [f"{name}_W", f"{name}_b"]), own, strict=False)]
        for name, own in SMALL_WEIGHTS.items()
    }
    assert load(save_h5(tmp_path / "m.h5", OLD_MODEL, weights, "1.2.2")) == renamed(small, "conv_input")


def test_keras_1_with_channels_first(tmp_path: Path, small: Graph) -> None:
    model = copy.deepcopy(OLD_MODEL)
    layers = model["config"]
    layers[0]["config"].update(dim_ordering="th", batch_input_shape=[None, 2, 6, 6])
    layers[1]["config"]["axis"] = 1
    kernel, bias = (value for _, value in SMALL_WEIGHTS["conv"])
    dense = SMALL_WEIGHTS["scores"][0][1].reshape(3, 3, 3, 4)  # height, width, channels
    weights = {
        **SMALL_WEIGHTS,
        "conv": [("conv_W", np.transpose(kernel, (3, 2, 0, 1))), ("conv_b", bias)],
        "scores": [("scores_W", np.transpose(dense, (2, 0, 1, 3)).reshape(27, 4)), SMALL_WEIGHTS["scores"][1]],
    }
    reading = read(save_h5(tmp_path / "m.h5", model, weights, "1.2.2"))
    assert reading.graph == renamed(small, "conv_input")
    (note,) = reading.notes
    assert note == "input 'conv_input' is channels first in Keras; the network takes it (height, width, channels)"


def test_files_of_theano_are_refused(tmp_path: Path) -> None:
    (problem,) = read(save_h5(tmp_path / "m.h5", OLD_MODEL, version="1.2.2", backend="theano")).problems
    assert "on Theano, whose convolution kernels are turned" in problem.what


@pytest.mark.parametrize("stored", [(3, 1, 2, 4), (4, 2, 3, 1)], ids=["version 1.2", "version 1.1"])
def test_keras_1_convolutions_of_sequences(tmp_path: Path, stored: tuple[int, ...]) -> None:
    config = {"name": "c", "nb_filter": 4, "filter_length": 3, "subsample_length": 2, "border_mode": "valid"}
    kernel = numbers(*stored)
    model = keras1(("Convolution1D", {**config, "batch_input_shape": [None, 9, 2]}))
    graph = load(save_h5(tmp_path / "m.h5", model, {"c": [("c_W", kernel), ("c_b", numbers(4))]}, "1.2.2"))
    (conv,) = (node.layer for node in graph.nodes if isinstance(node.layer, Conv2D))
    wanted = kernel[:, 0] if stored[1] == 1 else np.transpose(kernel[..., 0], (2, 1, 0))
    np.testing.assert_array_equal(conv.weights.array, wanted[np.newaxis])
    assert conv.stride == (1, 2)


def gates(order: str) -> dict[str, tuple[Array, Array, Array]]:
    return {gate: (numbers(3, 2) + i, numbers(2, 2) + i, numbers(2) + i) for i, gate in enumerate(order)}


def test_keras_1_lstm(tmp_path: Path) -> None:
    config = {"name": "l", "output_dim": 2, "inner_init": "orthogonal", "inner_activation": "hard_sigmoid"}
    training = {"forget_bias_init": "one", "dropout_W": 0.0, "dropout_U": 0.0, "consume_less": "cpu", "unroll": False}
    model = keras1(("LSTM", {**config, **training, "batch_input_shape": [None, 5, 3]}))
    blocks = gates("icfo")
    weights = [(f"l_{name}_{gate}", value) for gate in "icfo" for name, value in zip("WUb", blocks[gate], strict=True)]
    graph = load(save_h5(tmp_path / "m.h5", model, {"l": weights}, "1.2.2"))
    (lstm,) = (node.layer for node in graph.nodes)
    assert isinstance(lstm, LSTM)
    assert lstm.recurrent_activation == HardSigmoid(0.2)
    for constant, i in ((lstm.kernel, 0), (lstm.recurrent_kernel, 1), (lstm.bias, 2)):
        assert constant is not None
        np.testing.assert_array_equal(constant.array, np.concatenate([blocks[gate][i] for gate in "ifco"], axis=-1))


def test_keras_1_gru(tmp_path: Path) -> None:
    model = keras1(("GRU", {"name": "g", "output_dim": 2, "batch_input_shape": [None, 5, 3]}))
    blocks = gates("zrh")
    weights = [(f"g_{name}_{gate}", value) for gate in "zrh" for name, value in zip("WUb", blocks[gate], strict=True)]
    (gru,) = (node.layer for node in load(save_h5(tmp_path / "m.h5", model, {"g": weights}, "1.2.2")).nodes)
    assert isinstance(gru, GRU)
    assert not gru.reset_after
    np.testing.assert_array_equal(gru.kernel.array, np.concatenate([blocks[gate][0] for gate in "zrh"], axis=-1))


def test_keras_1_merge(tmp_path: Path) -> None:
    for mode, kind in (
        ("sum", "Add"),
        ("mul", "Multiply"),
        ("ave", "Average"),
        ("max", "Maximum"),
        ("concat", "Concatenate"),
    ):
        model = shared(0, 1)
        layers = model["config"]["layers"]
        layers[1].update(class_name="ReLU", config={"name": "in"})
        layers[2].update(class_name="Merge", config={"name": "sum", "mode": mode, "concat_axis": -1, "dot_axes": -1})
        assert type(load(save_h5(tmp_path / "m.h5", model, {}, "1.2.2")).nodes[-1].layer).__name__ == kind
