"""A network of mnc as a Keras model, to be trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    NO_PADDING,
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Identity,
    MaxPooling2D,
    Reshape,
    Softmax,
    ZeroPadding2D,
)
from mnc.zoo import framework


def keras_model(graph: Graph, dropout: float) -> Any:
    """A Sequential with the network's layers under their names, its weights random.

    A layer that does nothing at inference becomes a Dropout with the rate `dropout`.
    CompileError where a layer or the wiring has no such form.
    """
    keras = framework.keras()
    model = keras.Sequential(name=graph.name)
    (given,) = graph.inputs
    model.add(keras.Input(given.type.shape, name=given.name))
    last = given.name
    for node in graph.nodes:
        if node.inputs != (last,):
            raise refuse(node.where, "only a chain of layers can be trained")
        model.add(_layer(keras.layers, node, dropout))
        last = node.name
    _fill(keras, model)
    return model


def _fill(keras: Any, model: Any) -> None:
    """Give convolutions the weights that training begins with.

    The weights of a filter sum up to more than 0: pixels and outputs of a ReLU are not
    negative and differ little from their neighbours, so without a bias a filter whose weights
    sum up to less is 0 for nearly every image, and never learns.

    Their variance is 1 / the number of them that one output reads, so that the signal keeps its size.
    It is the rule of arXiv 1502.01852 without its factor of 2, which is for a ReLU that
    drops half of the signal.  As Keras would choose them it all but vanishes in a few
    depthwise convolutions.

    They are NumPy's, which `keras.utils.set_random_seed` seeds: the same whatever
    Keras computes with, and JAX need not compile a program for each shape.  A
    copy that Keras makes of the model begins with weights of Keras' own.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            seen = layer.kernel.shape[:2]
            layer.depthwise_initializer = keras.initializers.HeNormal()
        elif isinstance(layer, keras.layers.Conv2D):
            seen = layer.kernel.shape[:3]
            layer.kernel_initializer = keras.initializers.HeNormal()
        else:
            continue
        weights = np.random.standard_normal(layer.kernel.shape) * math.sqrt(1 / math.prod(seen))
        layer.kernel.assign(np.where(weights.sum(axis=tuple(range(len(seen)))) < 0, -weights, weights))


def _layer(layers: Any, node: Node, dropout: float) -> Any:
    make = _FORMS.get(type(node.layer))
    if make is None or getattr(node.layer, "activation", None) is not None:
        raise refuse(node.where, f"{type(node.layer).__name__} of this kind cannot be trained")
    return make(layers, node.layer, node.name, dropout)


def _conv2d(layers: Any, layer: Any, name: str, _: float) -> Any:
    return layers.Conv2D(
        layer.filters,
        layer.kernel,
        kernel_initializer="zeros",
        strides=layer.stride,
        padding=_valid(layer, name),
        dilation_rate=layer.dilation,
        groups=layer.groups,
        use_bias=layer.bias is not None,
        name=name,
    )


def _depthwise_conv2d(layers: Any, layer: Any, name: str, _: float) -> Any:
    return layers.DepthwiseConv2D(
        layer.kernel,
        depthwise_initializer="zeros",
        strides=layer.stride,
        padding=_valid(layer, name),
        depth_multiplier=layer.depth_multiplier,
        dilation_rate=layer.dilation,
        use_bias=layer.bias is not None,
        name=name,
    )


def _valid(layer: Any, name: str) -> str:
    if layer.padding != NO_PADDING:
        raise refuse(f"layer {name!r}", "padding of its own cannot be trained", "write a zero_padding2d before it")
    return "valid"


def _activation(layers: Any, layer: Any, name: str, _: float) -> Any:
    function = layer.function
    if not isinstance(function, Relu):
        raise refuse(f"layer {name!r}", f"{type(function).__name__} cannot be trained")
    return layers.ReLU(function.max_value, function.negative_slope, function.threshold, name=name)


def _batch_normalization(layers: Any, layer: Any, name: str, _: float) -> Any:
    return layers.BatchNormalization(
        axis=layer.axis if layer.axis < 0 else layer.axis + 1,
        epsilon=layer.epsilon,
        center=layer.beta is not None,
        scale=layer.gamma is not None,
        name=name,
    )


def _max_pooling2d(layers: Any, layer: Any, name: str, _: float) -> Any:
    return layers.MaxPooling2D(layer.pool, layer.stride, padding=_valid(layer, name), name=name)


Form = Callable[[Any, Any, str, float], Any]

_FORMS: dict[type[Layer], Form] = {
    Activation: _activation,
    BatchNormalization: _batch_normalization,
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise_conv2d,
    Identity: lambda layers, _, name, dropout: layers.Dropout(dropout, name=name),
    MaxPooling2D: _max_pooling2d,
    Reshape: lambda layers, layer, name, _: layers.Reshape(layer.shape, name=name),
    Softmax: lambda layers, layer, name, _: layers.Softmax(layer.axis if layer.axis < 0 else layer.axis + 1, name=name),
    ZeroPadding2D: lambda layers, layer, name, _: layers.ZeroPadding2D(layer.padding, name=name),
}
"""By kind of layer, what makes Keras' of it: from Keras' module of layers, the layer, its name and the dropout."""
