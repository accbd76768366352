"""The reference against each layer's definition, written out element by element."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import FUNCTIONS, functions, samples, single_layers

from mnc.ir.activations import Function
from mnc.ir.graph import Graph
from mnc.ir.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    Padding,
    Pair,
    Pooling2D,
    Softmax,
)
from mnc.ir.types import Array
from mnc.reference import activate

few = settings(max_examples=30, deadline=None)


def one_layer(graph: Graph) -> tuple[Array, Array]:
    """The single input of a one-layer network without batch, and its output."""
    (x,) = samples(graph, count=1)
    y = graph.predict([x])
    assert isinstance(y, np.ndarray)
    assert y.dtype == np.float32
    return x[0], y[0]


def window(
    out: tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair, padding: Padding
) -> Iterator[tuple[int, int, int, int]]:
    """(ky, kx, y', x') of one output pixel, places outside the image included."""
    for ky, kx in itertools.product(range(kernel[0]), range(kernel[1])):
        y = out[0] * stride[0] - padding[0][0] + ky * dilation[0]
        x = out[1] * stride[1] - padding[1][0] + kx * dilation[1]
        yield ky, kx, y, x


def inside(image: Array, y: int, x: int) -> bool:
    height, width = image.shape[:2]
    return 0 <= y < int(height) and 0 <= x < int(width)


def activated(function: Function | None, value: float) -> float:
    return float(activate(function, np.array([value]))[0])


@few
@given(graph=single_layers(Conv2D))
def test_conv2d(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, Conv2D)
    image, y = one_layer(graph)
    weights = layer.weights.array.astype(float)
    for out in np.ndindex(y.shape):
        total = 0.0 if layer.bias is None else float(layer.bias.array[out[2]])
        first = out[2] // (layer.filters // layer.groups) * weights.shape[2]
        for ky, kx, iy, ix in window(out, layer.kernel, layer.stride, layer.dilation, layer.padding):
            if inside(image, iy, ix):
                for i in range(weights.shape[2]):
                    total += float(image[iy, ix, first + i]) * weights[ky, kx, i, out[2]]
        assert y[out] == pytest.approx(activated(layer.activation, total), rel=1e-6, abs=1e-6)


@few
@given(graph=single_layers(DepthwiseConv2D))
def test_depthwise_conv2d(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, DepthwiseConv2D)
    image, y = one_layer(graph)
    for out in np.ndindex(y.shape):
        total = 0.0 if layer.bias is None else float(layer.bias.array[out[2]])
        channel, copy = divmod(out[2], layer.depth_multiplier)
        for ky, kx, iy, ix in window(out, layer.kernel, layer.stride, layer.dilation, layer.padding):
            if inside(image, iy, ix):
                total += float(image[iy, ix, channel]) * float(layer.weights.array[ky, kx, channel, copy])
        assert y[out] == pytest.approx(activated(layer.activation, total), rel=1e-6, abs=1e-6)


@few
@given(graph=single_layers(MaxPooling2D) | single_layers(AveragePooling2D))
def test_pooling2d(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, Pooling2D)
    image, y = one_layer(graph)
    for out in np.ndindex(y.shape):
        places = [(iy, ix) for _, _, iy, ix in window(out, layer.pool, layer.stride, (1, 1), layer.padding)]
        values = [float(image[iy, ix, out[2]]) for iy, ix in places if inside(image, iy, ix)]
        if isinstance(layer, AveragePooling2D):
            expected = sum(values) / (len(places) if layer.count_padding else len(values))
        else:
            expected = max(values)
        assert y[out] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@few
@given(graph=single_layers(BatchNormalization))
def test_batch_normalization(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, BatchNormalization)
    x, y = one_layer(graph)
    for out in np.ndindex(y.shape):
        k = out[layer.axis]
        gamma = 1.0 if layer.gamma is None else float(layer.gamma.array[k])
        beta = 0.0 if layer.beta is None else float(layer.beta.array[k])
        deviation = math.sqrt(float(layer.variance.array[k]) + layer.epsilon)
        expected = gamma * (float(x[out]) - float(layer.mean.array[k])) / deviation + beta
        assert y[out] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@few
@given(graph=single_layers(Softmax))
def test_softmax_is_positive_and_sums_to_one_along_its_axis(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, Softmax)
    x, y = one_layer(graph)
    np.testing.assert_allclose(y.sum(layer.axis), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        np.log(y) - x, np.broadcast_to((np.log(y) - x).max(layer.axis, keepdims=True), y.shape), atol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "x", "expected"),
    [
        # from the functions' definitions, to ten digits by mpmath
        ("Elu", -1.0, -0.6321205588),
        ("Selu", -1.0, -1.1113307378),
        ("Selu", 1.0, 1.0507009874),
        ("Sigmoid", 1.0, 0.7310585786),
        ("Tanh", 0.5, 0.4621171573),
        ("Softplus", 1.0, 1.3132616875),
        ("Softsign", -3.0, -0.75),
        ("Swish", -1.0, -0.2689414214),
        ("HardSwish", -1.0, -1.0 / 3.0),
        ("Gelu", 1.0, 0.8413447461),
        ("Exponential", 1.0, 2.7182818285),
        ("Mish", 1.0, 0.8650983883),
        ("HardSigmoid", 1.0, 2.0 / 3.0),
        ("Relu", -1.0, 0.0),
    ],
)
def test_a_known_value(kind: str, x: float, expected: float) -> None:
    function = next(each for each in FUNCTIONS if each.__name__ == kind)()
    assert activated(function, x) == pytest.approx(expected, abs=1e-10)


@given(function=functions(), x=st.floats(-1e4, 1e4))
@settings(max_examples=200, deadline=None)
def test_bounds_enclose_every_value(function: Function, x: float) -> None:
    low, high = function.bounds()
    with np.errstate(over="ignore"):
        assert low <= activated(function, x) <= high
