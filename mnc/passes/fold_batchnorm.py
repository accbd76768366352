"""Batch normalisation becomes part of the weights of a neighbouring layer.

out = scale * in + offset per channel is linear, and so are convolutions and
dense layers; two linear maps in a row are one (arXiv 1712.05877, section 3.2).
All that is folded into one layer is computed in float64 and rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    BatchNormalization,
    Flatten,
    Linear,
    Reshape,
)
from mnc.ir.types import Array, Constant, Shape
from mnc.names import Names
from mnc.passes.rewrite import rewrite_pairs


def fold_batchnorm(graph: Graph) -> Graph:
    """Each BatchNormalization in the linear layer before it or behind it, where that is exact.

    Before it: that layer has no activation and no other reader.  Behind it:
    that layer is the only reader and sees no zero padding (a zero there would
    have to be what normalises to zero).  Reshapes in between are no obstacle
    where each of their elements has a weight of its own behind them.
    """
    invent = Names(graph.types).new
    shapes = {name: type_.shape for name, type_ in graph.types.items()}
    awaited = _read_by_linear(graph)

    def fold(producer: Node, reader: Node) -> tuple[Node, ...] | None:
        first, second = producer.layer, reader.layer
        if first.output is not None or second.output is not None:
            return None  # what is quantised rounds in between
        if isinstance(second, BatchNormalization) and (linear := _folding(first)) is not None:
            folded = _followed(linear, second, shapes[reader.name])
            return None if folded is None else (replace(producer, outputs=reader.outputs, layer=folded),)
        if not isinstance(first, BatchNormalization):
            return None
        before = shapes[producer.name]
        if (linear := _folding(second)) is not None:
            folded = _preceded(linear, first, before)
            return None if folded is None else (replace(reader, inputs=producer.inputs, layer=folded),)
        if not (isinstance(second, (Reshape, Flatten)) and reader.name in awaited):
            return None
        moved = _behind_reshape(first, before, shapes[reader.name])
        if moved is None:
            return None
        name = invent(f"{reader.name}/moved")
        shapes[name] = shapes[reader.name]
        awaited.add(name)
        return (
            replace(reader, outputs=(name,), inputs=producer.inputs),
            replace(producer, outputs=reader.outputs, layer=moved, inputs=(name,)),
        )

    with np.errstate(all="ignore"):  # a result that is not finite is not folded
        nodes = rewrite_pairs(graph, fold)
    return graph.with_nodes(
        replace(node, layer=node.layer.rounded()) if isinstance(node.layer, _Folding) else node for node in nodes
    )


def _read_by_linear(graph: Graph) -> set[str]:
    """The values that go, through nothing but reshapes and normalisations, into one linear layer only."""
    awaited: set[str] = set()
    for node in reversed(graph.nodes):
        reader = graph.sole_consumer(node.name)
        if reader is None:
            continue
        passes_on = isinstance(reader.layer, (Reshape, Flatten, BatchNormalization)) and reader.name in awaited
        if passes_on or isinstance(reader.layer, Linear):
            awaited.add(node.name)
    return awaited


@dataclass(frozen=True, eq=False)
class _Folding(Layer):
    """A linear layer while others are folded into it: its weights and bias in float64."""

    layer: Linear
    weights: Array
    """(groups, taps, group inputs, group outputs)."""
    bias: Array
    """(filters,)."""

    @classmethod
    def of(cls, layer: Linear) -> _Folding:
        bias = 0.0 if layer.bias is None else layer.bias.array.astype(np.float64)
        return cls(layer, layer.as_matrix().astype(np.float64), np.broadcast_to(bias, (layer.filters,)))

    def rounded(self) -> Layer:
        return self.layer.with_matrix(self.weights, Constant(self.bias))

    @property
    def is_representable(self) -> bool:
        """Whether no weight is beyond float32."""
        limit = np.finfo(np.float32).max
        return bool((np.abs(self.weights) <= limit).all() and (np.abs(self.bias) <= limit).all())


def _folding(layer: Layer) -> _Folding | None:
    """The layer as one into which others can be folded; None where it is not linear."""
    if isinstance(layer, _Folding):
        return layer
    return _Folding.of(layer) if isinstance(layer, Linear) else None


def _followed(linear: _Folding, norm: BatchNormalization, shape: Shape) -> _Folding | None:
    """`norm` after `linear`, whose output has `shape`, as one layer."""
    if linear.layer.activation is not None or norm.axis % len(shape) != len(shape) - 1:
        return None
    scale, offset = norm.scale_and_offset()
    weights = linear.weights * scale.reshape(linear.layer.groups, 1, 1, -1)
    folded = replace(linear, weights=weights, bias=linear.bias * scale + offset)
    return folded if folded.is_representable else None


def _preceded(linear: _Folding, norm: BatchNormalization, shape: Shape) -> _Folding | None:
    """`norm` before `linear`, whose input has `shape`, as one layer."""
    scale, offset = norm.scale_and_offset()
    if norm.axis % len(shape) != len(shape) - 1 or (offset.any() and linear.layer.is_padded):
        return None
    by_input = (linear.layer.groups, 1, -1, 1)
    shift = (linear.weights * offset.reshape(by_input)).sum(axis=(1, 2)).ravel()
    folded = replace(linear, weights=linear.weights * scale.reshape(by_input), bias=linear.bias + shift)
    return folded if folded.is_representable else None


def _behind_reshape(norm: BatchNormalization, before: Shape, after: Shape) -> BatchNormalization | None:
    """The normalisation that does the same after a reshape, of the last axis; None where none does."""
    axis = norm.axis % len(before)
    if axis == len(before) - 1 and before[-1] == after[-1]:
        return replace(norm, axis=-1)
    if len(after) != 1:
        return None

    def spread(constant: Constant) -> Constant:
        along = constant.array.reshape(-1, *(1,) * (len(before) - axis - 1))
        return Constant(np.broadcast_to(along, before).reshape(after))

    return BatchNormalization(
        spread(norm.mean),
        spread(norm.variance),
        None if norm.gamma is None else spread(norm.gamma),
        None if norm.beta is None else spread(norm.beta),
        norm.epsilon,
    )
