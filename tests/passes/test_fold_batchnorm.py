"""Where batch normalisation folds, and where it must not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from networks import chain, samples

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    MaxPooling2D,
    Reshape,
)
from mnc.ir.types import Constant
from mnc.passes.fold_batchnorm import fold_batchnorm

rng = np.random.default_rng(7)


def constant(*shape: int) -> Constant:
    return Constant(rng.normal(size=shape))


def norm(size: int, *, axis: int = -1, shifts: bool = True) -> BatchNormalization:
    mean = constant(size) if shifts else Constant(np.zeros(size))
    return BatchNormalization(mean, Constant(rng.uniform(0.5, 2.0, size)), constant(size), None, axis=axis)


def folded(graph: Graph) -> dict[str, Layer]:
    """The layers after the pass by name, which must mean what they did before."""
    after = fold_batchnorm(graph)
    np.testing.assert_allclose(after.predict(samples(graph)), graph.predict(samples(graph)), rtol=1e-5, atol=1e-5)
    assert fold_batchnorm(after) == after
    return {node.name: node.layer for node in after.nodes}


LINEAR: dict[str, Callable[[], Conv2D | Conv2DTranspose | DepthwiseConv2D | Dense]] = {
    "conv": lambda: Conv2D(constant(3, 2, 4, 6), constant(6), stride=(2, 1)),
    "grouped": lambda: Conv2D(constant(3, 2, 2, 6), None, groups=2),
    "depthwise": lambda: DepthwiseConv2D(constant(2, 3, 4, 2), None),
    "transposed": lambda: Conv2DTranspose(constant(2, 3, 5, 4), constant(5), (2, 2), extra=(1, 1)),
    "dense": lambda: Dense(constant(4, 3)),
}


@pytest.mark.parametrize("kind", LINEAR)
def test_into_the_layer_before(kind: str) -> None:
    linear = LINEAR[kind]()
    graph = chain((6, 6, 4), linear=linear, bn=norm(linear.infer(chain((6, 6, 4)).types["x"]).shape[-1]))
    assert list(folded(graph)) == ["bn"]


@pytest.mark.parametrize("kind", LINEAR)
def test_into_the_layer_behind(kind: str) -> None:
    graph = chain((6, 6, 4), bn=norm(4, shifts=kind != "transposed"), linear=LINEAR[kind]())
    assert list(folded(graph)) == ["linear"]


def test_what_is_folded_is_computed_in_float64_and_rounded_once() -> None:
    linear, before, after = LINEAR["dense"](), norm(4), norm(3)
    layer = folded(chain((4,), before=before, linear=linear, after=after))["after"]
    assert isinstance(layer, Dense)
    (a, b), (c, d) = before.scale_and_offset(), after.scale_and_offset()
    weights = linear.weights.array.astype(np.float64)
    np.testing.assert_array_equal(layer.weights.array, (a[:, np.newaxis] * weights * c).astype(np.float32))
    assert layer.bias is not None
    np.testing.assert_allclose(layer.bias.array, (b @ weights) * c + d, rtol=1e-6)


def test_the_folded_node_is_where_the_user_wrote_the_convolution() -> None:
    (node,) = fold_batchnorm(chain((6, 6, 4), conv=LINEAR["conv"](), bn=norm(6))).nodes
    assert (node.name, node.origin) == ("bn", "the line of conv")


def test_behind_a_flatten() -> None:
    graph = chain((2, 3, 4), relu=Activation(Relu()), bn=norm(4), flat=Flatten(), dense=Dense(constant(24, 5)))
    assert [type(layer) for layer in folded(graph).values()] == [Activation, Flatten, Dense]
    assert "flat" not in folded(graph), "the value is another than before, so it has another name"


def test_of_any_axis_behind_a_flatten() -> None:
    graph = chain((2, 3, 4), bn=norm(3, axis=1), flat=Flatten(), dense=Dense(constant(24, 5)))
    assert [type(layer) for layer in folded(graph).values()] == [Flatten, Dense]


def test_behind_several_reshapes() -> None:
    graph = chain(
        (2, 3, 4), bn=norm(4), a=Reshape((6, 4)), b=Reshape((1, 6, 4)), bn2=norm(4), conv=Conv2D(constant(1, 3, 4, 2))
    )
    assert [type(layer) for layer in folded(graph).values()] == [Reshape, Reshape, Conv2D]


@pytest.mark.parametrize(
    "graph",
    [
        chain((6, 6, 4), conv=Conv2D(constant(1, 1, 4, 4), activation=Relu()), bn=norm(4)),
        chain((6, 6, 4), conv=Conv2D(constant(1, 1, 4, 6)), bn=norm(6, axis=0)),
        chain((6, 6, 4), bn=norm(4), conv=Conv2D(constant(3, 3, 4, 4), padding=((1, 1), (1, 1)))),
        chain((6, 6, 4), bn=norm(4), conv=Conv2DTranspose(constant(3, 3, 4, 4))),
        chain((6, 6, 4), bn=norm(4), pool=MaxPooling2D(), conv=Conv2D(constant(3, 3, 4, 4))),
        chain((6, 6, 4), bn=norm(6, axis=0), conv=Conv2D(constant(3, 3, 4, 4))),
    ],
    ids=["activation between", "other axis", "padding", "transposed", "pooling between", "other axis before"],
)
def test_not_where_it_would_not_be_exact(graph: Graph) -> None:
    assert fold_batchnorm(graph) == graph


def test_without_an_offset_padding_is_no_obstacle() -> None:
    conv = Conv2D(constant(3, 3, 4, 4), padding=((1, 1), (1, 1)))
    assert list(folded(chain((6, 6, 4), bn=norm(4, shifts=False), conv=conv))) == ["conv"]


@pytest.mark.parametrize("read", ["by another layer", "by the caller"])
def test_not_where_the_unnormalised_value_is_read(read: str) -> None:
    graph = chain((6, 6, 4), conv=LINEAR["conv"](), bn=norm(6))
    if read == "by the caller":
        graph = Graph("g", graph.inputs, graph.nodes, ("bn", "conv"))
    else:
        graph = Graph("g", graph.inputs, (*graph.nodes, Node(("relu",), Activation(), ("conv",))), ("bn", "relu"))
    assert fold_batchnorm(graph) == graph


def test_two_readers_of_one_normalisation_keep_it() -> None:
    graph = chain((4,), bn=norm(4), dense=Dense(constant(4, 2)))
    graph = Graph(
        "g", graph.inputs, (*graph.nodes, Node(("other",), Dense(constant(4, 2)), ("bn",))), ("dense", "other")
    )
    assert fold_batchnorm(graph) == graph


def test_layers_that_share_weights_fold_each_for_itself() -> None:
    weights = constant(4, 4)
    graph = chain((4,), a=Dense(weights), bn1=norm(4), b=Dense(weights), bn2=norm(4), c=Dense(weights))
    layers = folded(graph)
    assert list(layers) == ["bn1", "bn2", "c"]
    assert layers["c"] == Dense(weights)


def test_weights_beyond_float32_are_left_alone() -> None:
    dense = Dense(Constant(np.full((1, 1), 1e30)))
    huge = BatchNormalization(Constant([0.0]), Constant([1.0]), Constant([1e30]))
    graph = chain((1,), dense=dense, bn=huge)
    assert fold_batchnorm(graph) == graph
