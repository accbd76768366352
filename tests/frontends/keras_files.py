"""Keras files made by hand, so that tests can spell them as any version would, or wrongly."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mnc.frontends import check
from mnc.ir.graph import Graph
from mnc.ir.types import Array

OTHER_WEIGHTS = "the weights do not belong to this configuration; save the whole model again"

Weights = Mapping[str, Sequence[tuple[str, Array]]]
"""For each layer the names and values of its weights, in Keras' order."""


def numbers(*shape: int) -> Array:
    """Distinct values that float32 holds exactly."""
    return (np.arange(np.prod(shape, dtype=int), dtype=np.float32) / 8 - 1).reshape(shape)


SMALL_MODEL: dict[str, Any] = {
    "class_name": "Functional",
    "config": {
        "name": "small",
        "layers": [
            {
                "class_name": "InputLayer",
                "name": "image",
                "config": {"name": "image", "batch_input_shape": [None, 6, 6, 2], "dtype": "float32", "sparse": False},
                "inbound_nodes": [],
            },
            {
                "class_name": "Conv2D",
                "name": "conv",
                "config": {
                    "name": "conv",
                    "trainable": True,
                    "dtype": "float32",
                    "filters": 3,
                    "kernel_size": [3, 3],
                    "strides": [2, 2],
                    "padding": "same",
                    "data_format": "channels_last",
                    "dilation_rate": [1, 1],
                    "groups": 1,
                    "activation": "linear",
                    "use_bias": True,
                    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
                },
                "inbound_nodes": [[["image", 0, 0, {}]]],
            },
            {
                "class_name": "BatchNormalization",
                "name": "norm",
                "config": {
                    "name": "norm",
                    "axis": [3],
                    "momentum": 0.99,
                    "epsilon": 0.001,
                    "center": True,
                    "scale": True,
                },
                "inbound_nodes": [[["conv", 0, 0, {}]]],
            },
            {
                "class_name": "ReLU",
                "name": "relu",
                "config": {"name": "relu", "max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
                "inbound_nodes": [[["norm", 0, 0, {}]]],
            },
            {
                "class_name": "Flatten",
                "name": "flat",
                "config": {"name": "flat", "data_format": "channels_last"},
                "inbound_nodes": [[["relu", 0, 0, {}]]],
            },
            {
                "class_name": "Dense",
                "name": "scores",
                "config": {"name": "scores", "units": 4, "activation": "softmax", "use_bias": True},
                "inbound_nodes": [[["flat", 0, 0, {}]]],
            },
        ],
        "input_layers": [["image", 0, 0]],
        "output_layers": [["scores", 0, 0]],
    },
}
"""A network that uses a little of everything, as Keras 2 spells it."""

SMALL_WEIGHTS: Weights = {
    "image": [],
    "conv": [("conv/kernel:0", numbers(3, 3, 2, 3)), ("conv/bias:0", numbers(3))],
    "norm": [
        ("norm/gamma:0", numbers(3)),
        ("norm/beta:0", numbers(3)),
        ("norm/moving_mean:0", numbers(3)),
        ("norm/moving_variance:0", numbers(3) + 2),
    ],
    "relu": [],
    "flat": [],
    "scores": [("scores/kernel:0", numbers(27, 4)), ("scores/bias:0", numbers(4))],
}


def small_model() -> dict[str, Any]:
    """A copy of SMALL_MODEL to change."""
    return copy.deepcopy(SMALL_MODEL)


def sequential(*layers: tuple[str, dict[str, Any]], **config: Any) -> dict[str, Any]:
    """A Sequential of (class, config) pairs; `config` goes beside its layers."""
    entries = [{"class_name": class_name, "config": own} for class_name, own in layers]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": entries, **config}}


def save_h5(
    path: Path,
    model: Any = SMALL_MODEL,
    weights: Weights = SMALL_WEIGHTS,
    version: str | None = "2.11.0",
    backend: str = "tensorflow",
    userblock: int = 0,
) -> Path:
    """A file as `model.save("model.h5")` writes it; a `model` that is text goes in as it is."""
    with h5py.File(path, "w", userblock_size=userblock) as file:
        if version is not None:
            file.attrs["keras_version"] = version
        file.attrs["backend"] = backend
        file.attrs["model_config"] = model if isinstance(model, (str, bytes)) else json.dumps(model)
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [name.encode() for name in weights]
        for name, own in weights.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight, _ in own]
            for weight, value in own:
                group[weight] = value
    return path


def save_zip(path: Path, model: Any, variables: Mapping[str, Array], version: str = "3.5.0") -> Path:
    """A file as Keras 3 writes it; `variables` by their paths in `model.weights.h5`."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, value in variables.items():
            file[name] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", model if isinstance(model, str) else json.dumps(model))
        archive.writestr("model.weights.h5", content.getvalue())
    return path


def refusal(path: Path) -> str:
    """The only thing that is wrong with a file, as the command line prints it."""
    problems = check(path)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return str(problems[0])


def shared(first: int, second: int) -> dict[str, Any]:
    """A nested model that is called twice; its calls are counted `first` and `second`."""
    inner = sequential(
        ("InputLayer", {"name": "i", "batch_input_shape": [None, 3]}), ("Dense", {"name": "d", "units": 3})
    )
    given = {"class_name": "InputLayer", "name": "a", "config": {"name": "a", "batch_input_shape": [None, 3]}}
    add = {"class_name": "Add", "name": "sum", "config": {"name": "sum"}}
    return {
        "class_name": "Functional",
        "config": {
            "name": "outer",
            "layers": [
                {**given, "inbound_nodes": []},
                {**inner, "name": "in", "inbound_nodes": [[["a", 0, 0, {}]], [["in", first, 0, {}]]]},
                {**add, "inbound_nodes": [[["in", first, 0, {}], ["in", second, 0, {}]]]},
            ],
            "input_layers": [["a", 0, 0]],
            "output_layers": [["sum", 0, 0]],
        },
    }


def renamed(graph: Graph, name: str) -> Graph:
    """The graph with another name of its only input."""
    old = graph.inputs[0]
    nodes = [
        type(node)(node.outputs, node.layer, tuple(name if value == old.name else value for value in node.inputs))
        for node in graph.nodes
    ]
    return Graph(graph.name, (type(old)(name, old.type),), tuple(nodes), graph.outputs)
