"""The reference against each layer's definition, written out element by element."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from networks import FUNCTIONS, functions, samples, single_layers

from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph
from mnc.ir.layers import (
    GRU,
    LSTM,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv2D,
    MaxPooling2D,
    Padding,
    Pair,
    Pooling2D,
    Recurrent,
    Resize,
    ResizeBilinear,
    ResizeNearest,
    SimpleRNN,
    Softmax,
)
from mnc.ir.types import Array
from mnc.reference import activate, evaluate

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


def clamped(image: Array, y: int, x: int) -> Array:
    """The pixel at (y, x), beyond the border the border's."""
    height, width = image.shape[:2]
    return np.asarray(image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)].astype(float))


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
@given(graph=single_layers(Conv2DTranspose))
def test_conv2d_transpose(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, Conv2DTranspose)
    image, y = one_layer(graph)
    total = np.zeros(y.shape) + (0.0 if layer.bias is None else layer.bias.array.astype(float))
    for iy, ix, ky, kx in np.ndindex(*image.shape[:2], *layer.kernel):
        oy = iy * layer.stride[0] + ky * layer.dilation[0] - layer.crop[0][0]
        ox = ix * layer.stride[1] + kx * layer.dilation[1] - layer.crop[1][0]
        if inside(y, oy, ox):
            total[oy, ox] += layer.weights.array[ky, kx].astype(float) @ image[iy, ix].astype(float)
    np.testing.assert_allclose(y, activate(layer.activation, total), rtol=1e-6, atol=1e-6)


def place(layer: Resize, i: int, size: int, n: int) -> Fraction:
    """Where pixel i of `size` lies among n pixels: corner on corner, or its beginning or its middle where that lay."""
    if isinstance(layer, ResizeBilinear) and layer.align_corners and size > 1:
        return Fraction(i * (n - 1), size - 1)
    if isinstance(layer, ResizeBilinear) and not layer.half_pixel:
        return Fraction(i * n, size)
    return Fraction(2 * i + 1, 2) * n / size - Fraction(1, 2)


@few
@given(graph=single_layers(ResizeNearest) | single_layers(ResizeBilinear))
def test_resize(graph: Graph) -> None:
    layer = graph.nodes[0].layer
    assert isinstance(layer, Resize)
    image, y = one_layer(graph)
    for oy, ox in np.ndindex(*layer.size):
        # exact: floor() of a rounded fraction could be off by one
        fy, fx = (place(layer, i, size, n) for i, size, n in zip((oy, ox), layer.size, image.shape, strict=False))
        if isinstance(layer, ResizeNearest):
            expected = image[math.floor(fy + Fraction(1, 2)), math.floor(fx + Fraction(1, 2))].astype(float)
        else:
            expected = sum(
                float((1 - abs(fy - py)) * (1 - abs(fx - px))) * clamped(image, py, px)
                for py in (math.floor(fy), math.floor(fy) + 1)
                for px in (math.floor(fx), math.floor(fx) + 1)
            )
        np.testing.assert_allclose(y[oy, ox], expected, rtol=1e-6, atol=1e-6)


def gate(function: Function | None, values: Array) -> Array:
    return np.asarray(activate(function, values))


def next_state(layer: Recurrent, x: Array, state: list[Array]) -> list[Array]:
    """The state of a recurrent layer after the step `x`, gate by gate from its definition."""
    units = layer.units
    columns = [slice(k * units, (k + 1) * units) for k in range(layer.gates)]
    kernel = [layer.kernel.array[:, part].astype(float) for part in columns]
    recurrent = [layer.recurrent_kernel.array[:, part].astype(float) for part in columns]
    stored = (
        np.zeros((1, layer.gates * units)) if layer.bias is None else layer.bias.array.reshape(-1, layer.gates * units)
    )
    bias = [stored[0, part].astype(float) for part in columns]
    h = state[0]
    match layer:
        case SimpleRNN():
            return [gate(layer.activation, x @ kernel[0] + h @ recurrent[0] + bias[0])]
        case GRU():
            second = [stored[-1, part].astype(float) if layer.reset_after else np.zeros(units) for part in columns]
            z, r = (
                gate(layer.recurrent_activation, x @ kernel[k] + bias[k] + h @ recurrent[k] + second[k]) for k in (0, 1)
            )
            past = r * (h @ recurrent[2] + second[2]) if layer.reset_after else (r * h) @ recurrent[2]
            return [z * h + (1 - z) * gate(layer.activation, x @ kernel[2] + bias[2] + past)]
        case LSTM():
            sums = [x @ kernel[k] + h @ recurrent[k] + bias[k] for k in range(4)]
            i, f, o = (gate(layer.recurrent_activation, sums[k]) for k in (0, 1, 3))
            c = f * state[1] + i * gate(layer.activation, sums[2])
            if layer.cell_clip is not None:
                c = np.minimum(np.maximum(c, -layer.cell_clip), layer.cell_clip)
            return [o * gate(layer.activation, c), c]
    raise AssertionError(layer)


@few
@given(graph=single_layers(SimpleRNN) | single_layers(GRU) | single_layers(LSTM))
def test_recurrent(graph: Graph) -> None:
    node = graph.nodes[-1]
    layer = node.layer
    assert isinstance(layer, Recurrent)
    values = evaluate(graph, samples(graph, count=3))
    runs, *others = (values[name] for name in node.inputs)
    masks = others.pop() if layer.masked else np.ones(runs.shape[:2])
    got = [values[name] for name in node.outputs]
    state = [np.zeros(layer.units) for _ in range(layer.states)]
    for index, run in enumerate(runs.astype(float)):
        if layer.initial_state:
            state = [other[index].astype(float) for other in others]
        elif not layer.stateful:
            state = [np.zeros(layer.units) for _ in range(layer.states)]
        outputs = []
        steps = range(len(run))
        for t in reversed(steps) if layer.go_backwards else steps:
            state = next_state(layer, run[t], state) if masks[index, t] != 0 else state
            outputs.append(state[0])
        expected = [
            np.stack(outputs) if layer.return_sequences else outputs[-1],
            *(state if layer.return_state else []),
        ]
        for result, wanted in zip(got, expected, strict=True):
            np.testing.assert_allclose(result[index], wanted, rtol=1e-6, atol=1e-6)


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
        ("Celu", -1.0, -0.6321205588),
        ("Clip", -1.5, -1.0),
        ("HardShrink", -0.5, 0.0),
        ("SoftShrink", -1.25, -0.75),
        ("TanhShrink", 0.5, 0.0378828427),
        ("Threshold", 0.0, 0.0),
        ("Squareplus", 1.0, 1.6180339887),
        ("Squareplus", -1.0, 0.6180339887),
        ("SparsePlus", 0.0, 0.25),
        ("LogSigmoid", 1.0, -0.3132616875),
        ("Sign", -3.0, -1.0),
        ("Rsqrt", 4.0, 0.5),
        ("Power", -3.0, 9.0),
        ("Log", 2.0, 0.6931471806),
        ("Log1p", 1.0, 0.6931471806),
        ("Sin", 1.0, 0.8414709848),
        ("Cos", 1.0, 0.5403023059),
        ("Erf", 1.0, 0.8427007929),
        ("Floor", -0.5, -1.0),
        ("Ceil", -0.5, 0.0),
        ("Round", 2.5, 2.0),
    ],
)
def test_a_known_value(kind: str, x: float, expected: float) -> None:
    function = next(each for each in FUNCTIONS if each.__name__ == kind)()
    assert activated(function, x) == pytest.approx(expected, abs=1e-10)


@example(function=Relu(max_value=-1.0), x=0.0)
@given(function=functions(), x=st.floats(-1e4, 1e4))
@settings(max_examples=200, deadline=None)
def test_bounds_enclose_every_value(function: Function, x: float) -> None:
    low, high = function.bounds()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        y = activated(function, x)
    assert math.isnan(y) or low <= y <= high
