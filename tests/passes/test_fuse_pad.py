"""Which layers pad for themselves."""

from __future__ import annotations

import numpy as np
import pytest
from networks import chain, samples

from mnc.ir.activations import Relu, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    Reshape,
    SeparableConv2D,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType, Quantisation, TensorType
from mnc.passes.fuse_pad import fuse_pad

rng = np.random.default_rng(7)
PAD = ZeroPadding2D(((0, 1), (1, 2)))


def constant(*shape: int) -> Constant:
    return Constant(rng.normal(size=shape))


def fused(graph: Graph) -> list[Layer]:
    """The layers after the pass, which must mean what they did before."""
    after = fuse_pad(graph)
    for got, expected in zip(after.predict(samples(graph)), graph.predict(samples(graph)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    assert fuse_pad(after) == after
    return [node.layer for node in after.nodes]


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(constant(3, 3, 2, 2), padding=((1, 1), (0, 0)), stride=(2, 2)),
        DepthwiseConv2D(constant(3, 3, 2, 2), dilation=(2, 1)),
        SeparableConv2D(constant(3, 3, 2, 1), constant(1, 1, 2, 3)),
        AveragePooling2D((3, 3), (1, 1)),
        AveragePooling2D((4, 4), (2, 2), ((1, 1), (1, 1)), count_padding=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_into_the_layer_behind(layer: Layer) -> None:
    (only,) = fused(chain((5, 5, 2), pad=PAD, layer=layer))
    assert isinstance(only, type(layer))


@pytest.mark.parametrize(
    "layer",
    [
        AveragePooling2D((2, 2), (2, 2)),  # windows with nothing but padding in them
        AveragePooling2D((4, 4), (1, 1), ((1, 1), (1, 1))),  # does not count its own padding
        MaxPooling2D((3, 3), (1, 1)),  # the input may be negative
        Activation(Tanh()),
    ],
)
def test_not_where_it_would_not_be_exact(layer: Layer) -> None:
    graph = chain((5, 5, 2), pad=PAD, layer=layer)
    assert fuse_pad(graph) == graph


@pytest.mark.parametrize(
    "before",
    [
        {"relu": Activation(Relu(6.0))},
        {"conv": Conv2D(constant(1, 1, 2, 2), activation=Relu())},
        {"softmax": Softmax(), "reshape": Reshape((5, 5, 2)), "mean": AveragePooling2D((2, 2), (1, 1))},
    ],
)
def test_into_max_pooling_where_no_value_is_negative(before: dict[str, Layer]) -> None:
    graph = chain((5, 5, 2), **before, pad=PAD, pool=MaxPooling2D((3, 3), (2, 2)))
    layers = fused(graph)
    assert len(layers) == len(graph.nodes) - 1
    assert layers[-1] == MaxPooling2D((3, 3), (2, 2), PAD.padding)


@pytest.mark.parametrize("function", [Tanh(), Relu(negative_slope=0.1), Relu(threshold=-1.0)])
def test_not_into_max_pooling_where_some_value_may_be_negative(function: Relu | Tanh) -> None:
    graph = chain((5, 5, 2), act=Activation(function), pad=PAD, pool=MaxPooling2D((3, 3), (2, 2)))
    assert fuse_pad(graph) == graph


def test_padding_of_padding_adds_up() -> None:
    layers = fused(chain((5, 5, 2), pad=PAD, again=PAD, conv=Conv2D(constant(3, 3, 2, 2))))
    (conv,) = layers
    assert isinstance(conv, Conv2D)
    assert conv.padding == ((0, 2), (2, 4))


def test_into_all_readers_or_none() -> None:
    pads = chain((5, 5, 2), pad=PAD)
    conv = Node(("conv",), Conv2D(constant(3, 3, 2, 2)), ("pad",))
    other = Node(("other",), DepthwiseConv2D(constant(3, 3, 2, 1)), ("pad",))
    activation = Node(("act",), Activation(Relu()), ("pad",))
    both = Graph("g", pads.inputs, (*pads.nodes, conv, other), ("conv", "other"))
    assert [type(layer) for layer in fused(both)] == [Conv2D, DepthwiseConv2D]
    mixed = Graph("g", pads.inputs, (*pads.nodes, conv, activation), ("conv", "act"))
    assert fuse_pad(mixed) == mixed
    given_out = Graph("g", pads.inputs, (*pads.nodes, conv), ("conv", "pad"))
    assert fuse_pad(given_out) == given_out


def test_the_convolution_stays_where_the_user_wrote_it() -> None:
    (node,) = fuse_pad(chain((5, 5, 2), pad=PAD, conv=Conv2D(constant(3, 3, 2, 2)))).nodes
    assert (node.name, node.origin) == ("conv", "the line of conv")


def test_the_mean_of_integers_counts_no_padding() -> None:
    quant = Quantisation((0.5,), -20)
    nodes = (Node(("pad",), PAD, ("x",)), Node(("y",), AveragePooling2D(), ("pad",)))
    graph = Graph("mean", (Input("x", TensorType((4, 4, 2), DType.INT8, quant)),), nodes, ("y",))
    assert fuse_pad(graph) == graph
