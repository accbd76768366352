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
from mnc.ir.layers import NO_PADDING, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Flatten, Reshape
from mnc.ir.types import Array, Constant, Shape
from mnc.passes.rewrite import new_names, rewrite_pairs

Linear = (Conv2D, DepthwiseConv2D, Dense)


def fold_batchnorm(graph: Graph) -> Graph:
    """Each BatchNormalization in the linear layer before it or behind it, where that is exact.

    Before it: that layer has no activation and no other reader.  Behind it:
    that layer is the only reader and sees no zero padding (a zero there would
    have to be what normalises to zero).  A reshape between the two is no
    obstacle where each of its elements has a weight of its own behind it.
    """
    invent = new_names(graph)

    def fold(producer: Node, reader: Node) -> tuple[Node, ...] | None:
        first, second = producer.layer, reader.layer
        if isinstance(second, BatchNormalization) and _is_linear(first):
            folded = _followed(_widen(first), second, graph.types[reader.name].shape)
            return None if folded is None else (replace(producer, outputs=reader.outputs, layer=folded),)
        if not isinstance(first, BatchNormalization):
            return None
        if _is_linear(second):
            folded = _preceded(_widen(second), first, graph.types[producer.name].shape)
            return None if folded is None else (replace(reader, inputs=producer.inputs, layer=folded),)
        after = graph.sole_consumer(reader.name)
        if isinstance(second, (Reshape, Flatten)) and after is not None and isinstance(after.layer, Linear):
            before, behind = graph.types[producer.name].shape, graph.types[reader.name].shape
            moved = _behind_reshape(first, before, behind)
            if moved is not None:
                name = invent(f"{reader.name}_moved")
                return (
                    replace(reader, outputs=(name,), inputs=producer.inputs),
                    replace(producer, outputs=reader.outputs, layer=moved, inputs=(name,)),
                )
        return None

    nodes = rewrite_pairs(graph, fold)
    return graph.with_nodes(
        replace(node, layer=node.layer.rounded()) if isinstance(node.layer, _Folding) else node for node in nodes
    )


@dataclass(frozen=True, eq=False)
class _Folding(Layer):
    """A linear layer while others are folded into it: its weights and bias in float64."""

    layer: Conv2D | DepthwiseConv2D | Dense
    weights: Array
    bias: Array
    """One for each output channel."""

    def rounded(self) -> Layer:
        return replace(self.layer, weights=Constant(self.weights), bias=Constant(self.bias))

    @property
    def is_representable(self) -> bool:
        """Whether no weight is beyond float32."""
        limit = np.finfo(np.float32).max
        return bool((np.abs(self.weights) <= limit).all() and (np.abs(self.bias) <= limit).all())


def _is_linear(layer: Layer) -> bool:
    return isinstance(layer, (_Folding, *Linear))


def _widen(layer: Layer) -> _Folding:
    if isinstance(layer, _Folding):
        return layer
    assert isinstance(layer, Linear)
    weights = layer.weights.array.astype(np.float64)
    bias = 0.0 if layer.bias is None else layer.bias.array.astype(np.float64)
    outputs = weights.shape[2] * weights.shape[3] if isinstance(layer, DepthwiseConv2D) else weights.shape[-1]
    return _Folding(layer, weights, np.broadcast_to(bias, (outputs,)))


def _followed(linear: _Folding, norm: BatchNormalization, shape: Shape) -> _Folding | None:
    """`norm` after `linear`, whose output has `shape`, as one layer."""
    if linear.layer.activation is not None or norm.axis % len(shape) != len(shape) - 1:
        return None
    scale, offset = norm.scale_and_offset()
    outputs = linear.weights.shape[2:] if isinstance(linear.layer, DepthwiseConv2D) else (-1,)
    folded = replace(linear, weights=linear.weights * scale.reshape(outputs), bias=linear.bias * scale + offset)
    return folded if folded.is_representable else None


def _preceded(linear: _Folding, norm: BatchNormalization, shape: Shape) -> _Folding | None:
    """`norm` before `linear`, whose input has `shape`, as one layer."""
    layer = linear.layer
    scale, offset = norm.scale_and_offset()
    if norm.axis % len(shape) != len(shape) - 1:
        return None
    if not isinstance(layer, Dense) and layer.padding != NO_PADDING and offset.any():
        return None
    shift = linear.weights * _per_input(layer, offset)
    # over all axes of the weights but those that number the outputs
    summed = (0, 1) if isinstance(layer, DepthwiseConv2D) else tuple(range(shift.ndim - 1))
    folded = replace(
        linear,
        weights=linear.weights * _per_input(layer, scale),
        bias=linear.bias + shift.sum(summed).reshape(-1),
    )
    return folded if folded.is_representable else None


def _per_input(layer: Conv2D | DepthwiseConv2D | Dense, vector: Array) -> Array:
    """One factor per input channel, in the places of the weights that multiply that channel."""
    groups = layer.groups if isinstance(layer, Conv2D) else 1
    filters = layer.filters // groups if isinstance(layer, Conv2D) else 1
    return np.repeat(vector.reshape(groups, -1).T, filters, axis=1)


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

    constants = {name: spread(constant) for name, constant in norm.constants.items()}
    return BatchNormalization(**constants, epsilon=norm.epsilon, axis=-1)
