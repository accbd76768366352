"""Channels that need not be there are taken out of the network.

A channel, one index along a value's last axis, is dead where every layer that
reads the value can do without it:

- it is constant (a filter of zeros, or a sum that the clamp always cuts off),
  and a convolution or dense layer takes it into its bias;
- all weights that read it are zero, or belong to outputs that are dead.

Layers that work channel by channel (depthwise convolutions, pooling,
activations, additions, reshapes that keep channels apart, concatenations)
have their input's and their output's channels removed together.  What the
network takes in, gives out and keeps is whole, and so is what any other layer reads.

Nothing is rounded anew.  In a quantised network a constant adds an integer to
the bias; where windows hang over the edge only a channel at the zero point is
constant for them, as padding is that.  In float32 only terms that are exactly
zero are dropped.

The set of channels that stay is the smallest one closed under these rules,
found from the outputs backwards (as dead code is: Cytron et al., "Efficiently
computing static single assignment form", 1991, section 7.1).  At least one
channel of every value stays, as there are no empty values.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Concatenate,
    DepthwiseConv2D,
    Flatten,
    Linear,
    Merge,
    Reshape,
)
from mnc.ir.types import Array, Constant, DType, Quantisation
from mnc.names import Names
from mnc.passes.channel_bounds import (
    BY_CHANNEL,
    Bounds,
    channel_bounds,
    zero_of,
)
from mnc.reference.quantised.arithmetic import INT32_MAX

Mask = Array
"""(channels,) bool."""
MOST_CHANNELS = 2**20
"""No network for a microcontroller has as many; the masks of all would fill gigabytes."""


def dead_channels(graph: Graph) -> Graph:
    """The network without dead channels.  A value that lost some has another name than before."""
    if any(type_.shape[-1:] > (MOST_CHANNELS,) for type_ in graph.types.values()):
        return graph
    bounds = channel_bounds(graph)
    foldable = {node.name: _foldable(graph, node, node.layer, bounds) for node in graph.nodes if _mixes(node.layer)}
    alive = _alive(graph, foldable)
    if all(mask.all() for mask in alive.values()):
        return graph
    invent = Names(graph.types).new
    names = {name: name if mask.all() else invent(f"{name}/alive") for name, mask in alive.items()}
    return graph.with_nodes(
        replace(
            node,
            layer=_rewired(graph, node, alive, foldable.get(node.name, {})),
            inputs=tuple(names[name] for name in node.inputs),
            outputs=tuple(names[name] for name in node.outputs),
        )
        for node in graph.nodes
    )


def _mixes(layer: Layer) -> TypeGuard[Linear]:
    """Whether every output channel is made of all input channels."""
    return isinstance(layer, Linear) and layer.groups == 1 and not isinstance(layer, DepthwiseConv2D)


def _foldable(graph: Graph, node: Node, layer: Linear, bounds: Mapping[str, Bounds]) -> Mapping[int, int]:
    """Which channels of its input a layer can take into its bias: how far they are from the zero point."""
    (name,) = node.inputs
    type_, x = graph.types[name], bounds[name]
    zero = zero_of(type_)
    at_zero = {int(c): 0 for c in np.flatnonzero(x.constant & (x.low == zero))}
    if type_.dtype is DType.FLOAT32 or layer.is_padded:
        return at_zero
    folded = {int(c): int(x.low[c]) - zero for c in np.flatnonzero(x.constant)}
    largest = np.abs(_products(layer, folded)).sum(axis=0) + np.abs(_bias(layer).astype(np.float64))
    return folded if largest.max() <= INT32_MAX else at_zero


def _products(layer: Linear, folded: Mapping[int, int]) -> Array:
    """(channels in `folded`, outputs): what each adds to the sums."""
    weights = layer.as_matrix()[0][:, list(folded)].astype(np.int64).sum(axis=0)
    return np.asarray(weights * np.array(list(folded.values()), np.int64)[:, np.newaxis])


def _bias(layer: Linear) -> Array:
    return np.zeros(1, np.int64) if layer.bias is None else layer.bias.array.astype(np.int64)


# Which channels are alive


def _alive(graph: Graph, foldable: Mapping[str, Mapping[int, int]]) -> dict[str, Mask]:
    """The channels of every value that stay."""
    alive = {name: np.zeros(max((1, *type_.shape[-1:])), bool) for name, type_ in graph.types.items()}
    for name in (*graph.given, *graph.results):
        alive[name][:] = True
    number = {node.name: i for i, node in enumerate(graph.nodes)}
    neighbours = {
        name: [number[node.name] for node in (*filter(None, [graph.producers.get(name)]), *graph.consumers[name])]
        for name in alive
    }
    settle = _Settling(graph, alive, foldable, neighbours)
    settle(range(len(graph.nodes)))
    for name in reversed(alive):  # the last one first, as it may bring others to life
        if not alive[name].any():
            alive[name][0] = True
            settle(neighbours[name])
    return alive


@dataclass(frozen=True)
class _Settling:
    """Grows `alive` until every node has what it demands, looking again only at nodes next to a change."""

    graph: Graph
    alive: dict[str, Mask]
    foldable: Mapping[str, Mapping[int, int]]
    neighbours: Mapping[str, Sequence[int]]
    """The nodes that give or read each value, by number."""

    def __call__(self, numbers: Iterable[int]) -> None:
        """Settle the nodes of these numbers, the last first, and whatever changes because of them."""
        waiting = {-number for number in numbers}
        queue = sorted(waiting)
        while queue:
            waiting.discard(last := heapq.heappop(queue))
            node = self.graph.nodes[-last]
            for name, mask in _demands(self.graph, node, self.alive, self.foldable.get(node.name, {})):
                if (mask & ~self.alive[name]).any():
                    self.alive[name] = self.alive[name] | mask
                    for number in self.neighbours[name]:
                        if -number not in waiting:
                            waiting.add(-number)
                            heapq.heappush(queue, -number)


def _demands(
    graph: Graph, node: Node, alive: Mapping[str, Mask], foldable: Iterable[int]
) -> Iterable[tuple[str, Mask]]:
    """Channels of a node's inputs and outputs that must be alive because of other channels there that are."""
    layer, names = node.layer, (*node.inputs, *node.outputs)
    last_axes = {alive[name].size for name in names}
    if _mixes(layer):
        read = (layer.as_matrix()[0][:, :, alive[node.name]] != 0).any(axis=(0, 2))
        read[list(foldable)] = False
        return [(node.inputs[0], read)]
    match layer:
        case DepthwiseConv2D():
            channels = alive[node.inputs[0]] | alive[node.name].reshape(-1, layer.depth_multiplier).any(axis=1)
            return [(node.inputs[0], channels), (node.name, np.repeat(channels, layer.depth_multiplier))]
        case Concatenate() if layer.axis % graph.output_type(node).rank == graph.output_type(node).rank - 1:
            ends = np.cumsum([alive[name].size for name in node.inputs])
            parts = np.split(alive[node.name], ends[:-1])
            joined = np.concatenate([alive[name] for name in node.inputs])
            return [*zip(node.inputs, parts, strict=True), (node.name, joined)]
        case Reshape() | Flatten() if max(last_axes) % min(last_axes) == 0:
            shared = np.any([alive[name].reshape(-1, min(last_axes)).any(axis=0) for name in names], axis=0)
            return [(name, np.tile(shared, alive[name].size // shared.size)) for name in names]
        case Merge() | Concatenate() if len(last_axes) == 1:
            return [(name, np.any([alive[each] for each in names], axis=0)) for name in names]
    if isinstance(layer, BY_CHANNEL):
        return [(name, np.any([alive[each] for each in names], axis=0)) for name in names]
    return [(name, np.ones_like(alive[name])) for name in names]


# Taking channels out


def _rewired(graph: Graph, node: Node, alive: Mapping[str, Mask], foldable: Mapping[int, int]) -> Layer:
    """The node's layer on the channels that are alive."""
    layer = node.layer
    if all(alive[name].all() for name in (*node.inputs, *node.outputs)):
        return layer
    match layer:
        case Reshape():
            return replace(layer, shape=(*layer.shape[:-1], int(alive[node.name].sum())))
        case Merge(operand=Constant() as operand) if operand.shape[-1:] == alive[node.name].shape:
            return layer.changed(operand=Constant(operand.array[..., alive[node.name]], operand.quant))
        case Linear():
            channels = alive[node.inputs[0]]
            folded = {c: offset for c, offset in foldable.items() if not channels[c]}
            sums = np.int64 if graph.types[node.inputs[0]].dtype is DType.INT16 else np.int32
            return _narrowed(_with_bias_of(layer, folded, np.dtype(sums)), channels, alive[node.name])
    return layer


def _with_bias_of(layer: Linear, folded: Mapping[int, int], sums: np.dtype[Any]) -> Linear:
    """The layer that adds what these channels of its input do, which then may be taken away.

    `sums` is the type of a bias where the layer has none as yet.
    """
    added = _products(layer, folded).sum(axis=0)
    if not added.any():
        return layer
    dtype, quant = (sums, None) if layer.bias is None else (layer.bias.array.dtype, layer.bias.quant)
    bias = Constant((_bias(layer) + added).astype(dtype), quant)
    return layer.with_matrix(layer.as_matrix(), bias, layer.weights.quant)


def _narrowed(layer: Linear, channels: Mask, filters: Mask) -> Linear:
    """The layer on these channels of its input, with these of its output."""
    matrix = layer.as_matrix()
    matrix = matrix[channels] if isinstance(layer, DepthwiseConv2D) else matrix[:, :, channels][..., filters]
    bias = None if layer.bias is None else Constant(layer.bias.array[filters], _of(layer.bias.quant, filters))
    return layer.with_matrix(matrix, bias, _of(layer.weights.quant, filters))


def _of(quant: Quantisation | None, filters: Mask) -> Quantisation | None:
    """The scales of these output channels."""
    if quant is None or quant.axis is None:
        return quant
    return replace(quant, scale=tuple(scale for scale, stays in zip(quant.scale, filters, strict=True) if stays))
