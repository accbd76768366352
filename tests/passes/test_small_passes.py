"""The passes of a few lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import chain, samples

from mnc.errors import CompileError
from mnc.ir.activations import Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Identity,
    MaxPooling2D,
    Permute,
    Quantize,
    Reshape,
    ResizeBilinear,
    Reverse,
    SeparableConv2D,
    SimpleRNN,
    Slice,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.passes import optimise
from mnc.passes.decompose_separable import decompose_separable
from mnc.passes.fuse_activation import fuse_activation
from mnc.passes.last_step import last_step
from mnc.passes.lower_batchnorm import lower_batchnorm
from mnc.passes.merge_reshapes import merge_reshapes
from mnc.passes.move_reshapes import move_reshapes
from mnc.passes.remove_dead import remove_dead
from mnc.passes.remove_noops import remove_noops

rng = np.random.default_rng(7)


def constant(*shape: int) -> Constant:
    return Constant(rng.normal(size=shape))


def norm(size: int, axis: int = -1) -> BatchNormalization:
    return BatchNormalization(constant(size), Constant(rng.uniform(0.5, 2.0, size)), axis=axis)


def kinds(graph: Graph) -> list[type[Layer]]:
    return [type(node.layer) for node in graph.nodes]


def same(before: Graph, after: Graph) -> Graph:
    """`after`, which must give what `before` does."""
    assert after.outputs == before.outputs
    np.testing.assert_allclose(after.predict(samples(before)), before.predict(samples(before)), rtol=1e-5, atol=1e-6)
    return after


@pytest.mark.parametrize(
    "layer",
    [
        Identity(),
        Reshape((3, 4, 5)),
        Concatenate(),
        ZeroPadding2D(((0, 0), (0, 0))),
        Cropping2D(),
        MaxPooling2D((1, 1), (1, 1)),
        AveragePooling2D((1, 1), (1, 1)),
        ResizeBilinear((3, 4)),
        Permute((0, 1, 2)),
        Activation(Relu()),  # of values that are not negative
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_does_nothing_goes(layer: Layer) -> None:
    graph = chain((3, 4, 5), first=Activation(Sigmoid()), noop=layer, last=Activation(Tanh()))
    assert [node.name for node in same(graph, remove_noops(graph)).nodes] == ["first", "last"]


@pytest.mark.parametrize(
    "layer", [MaxPooling2D((1, 1), (2, 2)), Reverse(0), Permute((1, 0, 2)), Activation(Relu(0.5)), Reshape((4, 3, 5))]
)
def test_what_does_something_stays(layer: Layer) -> None:
    graph = chain((3, 4, 5), first=Activation(Sigmoid()), layer=layer, last=Activation(Tanh()))
    assert remove_noops(graph) == graph


def test_an_output_keeps_its_name_when_its_noop_goes() -> None:
    graph = chain((3,), relu=Activation(), dropout=Identity())
    after = same(graph, remove_noops(graph))
    assert [(node.name, type(node.layer)) for node in after.nodes] == [("dropout", Activation)]


def test_a_noop_stays_as_a_copy_where_both_values_are_outputs_or_inputs() -> None:
    copy = Graph("g", (Input("x", TensorType((3,))),), (Node(("y",), Identity(), ("x",)),), ("y",))
    assert remove_noops(copy) == copy
    both = chain((3,), relu=Activation(), dropout=Identity())
    both = Graph("g", both.inputs, both.nodes, ("relu", "dropout"))
    assert remove_noops(both) == both


def test_readers_of_a_copy_read_the_original() -> None:
    graph = chain((3,), relu=Activation(), copy=Identity(), tanh=Activation(Tanh()))
    graph = Graph("g", graph.inputs, graph.nodes, ("relu", "copy", "tanh"))
    assert remove_noops(graph).producers["tanh"].inputs == ("relu",)


def test_what_nobody_reads_goes() -> None:
    graph = chain((3,), a=Activation(), b=Activation(Tanh()), c=Activation(Sigmoid()))
    graph = Graph("g", graph.inputs, graph.nodes, ("a",))
    assert [node.name for node in remove_dead(graph).nodes] == ["a"]


def test_a_separable_convolution_is_two() -> None:
    separable = SeparableConv2D(constant(3, 3, 2, 2), constant(1, 1, 4, 3), constant(3), activation=Relu())
    graph = chain((5, 5, 2), separable=separable)
    after = same(graph, decompose_separable(graph))
    assert kinds(after) == [DepthwiseConv2D, Conv2D]
    assert {node.origin for node in after.nodes} == {"the line of separable"}


def test_names_that_passes_invent_are_free() -> None:
    separable = SeparableConv2D(constant(1, 1, 2, 1), constant(1, 1, 2, 2))
    graph = chain((5, 5, 2), **{"v/depthwise": Activation(), "v": separable})
    assert [node.name for node in decompose_separable(graph).nodes] == ["v/depthwise", "v/depthwise_2", "v"]


def test_an_activation_joins_the_layer_before() -> None:
    graph = chain((5, 5, 2), conv=Conv2D(constant(3, 3, 2, 2)), relu=Activation(Relu()), tanh=Activation(Tanh()))
    after = same(graph, fuse_activation(graph))
    assert [(node.name, node.origin) for node in after.nodes] == [
        ("relu", "the line of conv"),
        ("tanh", "the line of tanh"),
    ]


def test_an_activation_joins_a_merge() -> None:
    graph = Graph(
        "g",
        (Input("x", TensorType((3,))),),
        (Node(("sum",), Add(), ("x", "x")), Node(("relu",), Activation(), ("sum",))),
        ("relu",),
    )
    assert same(graph, fuse_activation(graph)).nodes == (Node(("relu",), Add(Relu()), ("x", "x")),)


def test_an_activation_stays_where_its_input_is_read_otherwise() -> None:
    graph = chain((4,), dense=Dense(constant(4, 2)), relu=Activation())
    graph = Graph("g", graph.inputs, graph.nodes, ("dense", "relu"))
    assert fuse_activation(graph) == graph


def test_activations_and_normalisations_go_before_reshapes() -> None:
    graph = chain((1, 6, 3), reshape=Reshape((6, 3)), bn=norm(3), relu=Activation(Relu()), flat=Flatten())
    after = same(graph, move_reshapes(graph))
    assert kinds(after) == [BatchNormalization, Activation, Reshape, Flatten]
    assert [node.name for node in after.nodes][-2:] == ["relu", "flat"]


def test_a_normalisation_of_an_axis_that_a_reshape_makes_stays_behind_it() -> None:
    graph = chain((1, 6, 3), reshape=Reshape((9, 2)), bn=norm(2))
    assert move_reshapes(graph) == graph


def test_reshapes_of_reshapes_are_one_or_none() -> None:
    graph = chain((2, 6), a=Reshape((3, 4)), b=Flatten(), c=Reshape((4, 3)))
    after = same(graph, merge_reshapes(graph))
    assert [(node.name, node.inputs, node.layer) for node in after.nodes] == [("c", ("x",), Reshape((4, 3)))]
    back = chain((2, 6), a=Reshape((3, 4)), b=Reshape((2, 6)), relu=Activation())
    assert [node.name for node in same(back, merge_reshapes(back)).nodes] == ["relu"]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_a_lone_normalisation_is_a_depthwise_convolution(axis: int) -> None:
    shape = (3, 4, 5)
    graph = chain(shape, bn=norm(shape[axis], axis))
    after = same(graph, lower_batchnorm(graph))
    assert [kind for kind in kinds(after) if kind is not Reshape] == [DepthwiseConv2D]
    assert (Reshape in kinds(after)) == (axis in (0, 1))


@pytest.mark.parametrize("shape", [(7,), (6, 3), (2, 3, 4, 5)])
def test_a_lone_normalisation_of_any_rank(shape: tuple[int, ...]) -> None:
    graph = chain(shape, bn=norm(shape[-1]), relu=Activation())
    after = optimise(same(graph, lower_batchnorm(graph)))
    assert kinds(same(graph, after)) == [Reshape, DepthwiseConv2D, Reshape]


@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_a_normalisation_that_divides_by_zero_is_refused(variance: float) -> None:
    bn = BatchNormalization(Constant([0.0]), Constant([variance]), epsilon=0.0)
    with pytest.raises(CompileError, match="the line of bn: its scale is not finite: the smallest variance is"):
        optimise(chain((1,), dense=Dense(constant(1, 1)), bn=bn))


def test_what_requantises_stays() -> None:
    coarse, fine = (ElementType(DType.INT8, Quantisation((scale,))) for scale in (0.5, 0.25))
    graph = chain(
        (2, 2, 3),
        quantised=Quantize(output=coarse),
        pad=ZeroPadding2D(output=fine),
        pool=AveragePooling2D(output=coarse),
        bn=BatchNormalization(Constant([0.0] * 3), Constant([1.0] * 3), output=coarse),
        sigmoid=Activation(Sigmoid(), output=fine),
        relu=Activation(Relu(), output=coarse),
        reshape=Identity(output=fine),
    )
    assert optimise(graph) == graph


def test_a_one_dimensional_network_becomes_a_two_dimensional_one() -> None:
    graph = chain(
        (12, 3),
        row=Reshape((1, 12, 3)),
        conv=Conv2D(constant(1, 3, 3, 4)),
        steps=Reshape((10, 4)),
        bn=norm(4),
        relu=Activation(),
        again=Reshape((1, 10, 4)),
        second=Conv2D(constant(1, 3, 4, 2)),
        out=Reshape((8, 2)),
    )
    assert kinds(same(graph, optimise(graph))) == [Reshape, Conv2D, Conv2D, Reshape]


ROWS = {"gru": (GRU, 12), "lstm": (LSTM, 16), "simple_rnn": (SimpleRNN, 4)}


@pytest.mark.parametrize("shape", [(5, 4), (5, 1, 4), (1, 5, 4)])
@pytest.mark.parametrize("name", ROWS)
def test_a_sequence_of_which_the_last_step_is_read_is_not_kept(name: str, shape: tuple[int, ...]) -> None:
    kind, width = ROWS[name]
    rows = kind(constant(3, width), constant(4, width), return_sequences=True)
    sizes = (1,) * (len(shape) - 1) + (4,)
    starts = tuple(whole - size for whole, size in zip(shape, sizes, strict=True))
    cut = Slice(starts, sizes, (1,) * len(shape))
    graph = chain((5, 3), rows=rows, shaped=Reshape(shape), cut=cut, y=Flatten())
    after = same(graph, last_step(graph))
    assert kinds(after) == [kind, Reshape, Flatten]
    assert not after.nodes[0].layer.return_sequences  # type: ignore[attr-defined]
    assert last_step(after) == after


@pytest.mark.parametrize("first", [0, 3])
def test_other_steps_are_kept(first: int) -> None:
    rows = GRU(constant(3, 12), constant(4, 12), return_sequences=True)
    graph = chain((5, 3), rows=rows, y=Slice((first, 0), (5 - max(first, 3), 4), (1, 1)))
    assert last_step(graph) == graph
    read_twice = replace(chain((5, 3), rows=rows, y=Slice((4, 0), (1, 4), (1, 1))), outputs=("y", "rows"))
    assert last_step(read_twice) == read_twice
