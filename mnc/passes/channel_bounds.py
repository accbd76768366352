"""Between which bounds each channel of each value lies, whatever the inputs are.

A channel is one index along the last axis.  Bounds of quantised values are
stored integers, found by interval arithmetic with the reference's own integer
functions, so a channel whose bounds meet is constant to the bit.  Of float32
values only the sign is followed, which no rounding can change: the bounds are
0 or infinite, and the only constant is 0.  (An input that is not finite makes
no promise.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mnc.errors import CompileError
from mnc.ir.activations import Function
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    Average,
    Broadcast,
    Concatenate,
    Cropping2D,
    Dequantize,
    Flatten,
    GlobalPooling,
    Identity,
    Linear,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Permute,
    Pooling2D,
    Quantize,
    Reshape,
    Resize,
    Reverse,
    Slice,
    Subtract,
    Take,
    ZeroPadding2D,
)
from mnc.ir.types import Array, DType, TensorType
from mnc.passes.ranges import Range, activated, ranges
from mnc.reference.activations import activate
from mnc.reference.dispatch import apply
from mnc.reference.quantised import apply_quantised
from mnc.reference.quantised.arithmetic import INT32_MAX
from mnc.reference.quantised.layers import Operands, channel_multipliers, has_wide_sums, requantise_sums

BY_CHANNEL = (Identity, Pooling2D, GlobalPooling, Cropping2D, ZeroPadding2D, Resize, Activation, Quantize, Dequantize)
"""Kinds each of whose output channels is made of one input channel, all in the same way."""

MERGES = (Add, Average, Maximum, Minimum, Multiply, Subtract)
MONOTONE = (*BY_CHANNEL, *MERGES, Concatenate, Reshape, Flatten, Permute, Reverse, Slice, Take, Broadcast)
"""Kinds that only rise or only fall with each element of each operand while the others stand still."""


LARGEST_BIAS = 2**60
"""Beyond this, sums in int64 might overflow; nothing is known of sums that large in any case."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Every element x of channel c has low[c] <= x <= high[c]."""

    low: Array
    """(channels,): int64 for stored integers, else float64."""
    high: Array

    @property
    def constant(self) -> Array:
        """(channels,): whether the channel can only have the one value `low`."""
        return np.asarray(self.low == self.high)


def channel_bounds(graph: Graph) -> dict[str, Bounds]:
    """The bounds of every value by name; its element type's where nothing better is known."""
    known = {name: _of_type(type_) for name, type_ in graph.given.items()}
    signs = ranges(graph)
    for node in graph.nodes:
        given = [known[name] for name in node.inputs]
        if len(node.outputs) > 1:
            known.update({name: _of_type(graph.types[name]) for name in node.outputs})
        elif graph.output_type(node).quant is not None or any(x.quant is not None for x in graph.input_types(node)):
            known[node.name] = _stored(graph, node, given)
        else:
            known[node.name] = _signs(graph, node, given, signs[node.name])
    return known


def zero_of(type_: TensorType) -> int:
    """How a value of this type stores 0, which is also what padding adds."""
    return 0 if type_.quant is None else type_.quant.zero_point


def _of_type(type_: TensorType) -> Bounds:
    channels = type_.shape[-1] if type_.shape else 1
    if type_.dtype is DType.FLOAT32:
        return Bounds(np.full(channels, -math.inf), np.full(channels, math.inf))
    return Bounds(np.full(channels, type_.dtype.least, np.int64), np.full(channels, type_.dtype.most, np.int64))


# Stored integers


def _stored(graph: Graph, node: Node, given: Sequence[Bounds]) -> Bounds:
    types, y = graph.input_types(node), graph.output_type(node)
    match node.layer:
        case Linear():
            return _requantised_sums(node.layer, Operands(types, y), given[0])
        case Quantize() if types[0].dtype is DType.FLOAT32:
            anything, zero = _of_type(y), zero_of(y)
            low = np.where(given[0].low < 0, anything.low, zero)
            return Bounds(low, np.where(given[0].high > 0, anything.high, zero))
        case Activation():
            return _looked_up(node.layer, types[0], y, given[0])
    return _at_corners(node.layer, types, y, given) if isinstance(node.layer, MONOTONE) else _of_type(y)


def _requantised_sums(layer: Linear, operands: Operands, x: Bounds) -> Bounds:
    """From the smallest and the largest sum each output channel can have."""
    zero = operands.quant().zero_point
    if layer.is_padded:
        x = Bounds(np.minimum(x.low, zero), np.maximum(x.high, zero))
    low, high = _sums(layer, x.low - zero, x.high - zero)
    largest = np.maximum(np.abs(low), np.abs(high))
    if has_wide_sums(layer, operands):
        known = largest < 1 << 47
    else:
        _, shift = channel_multipliers(layer, operands)
        known = largest <= INT32_MAX >> np.maximum(shift, 0)  # more would overflow in C
    least, most = operands.limits(layer.activation)
    ends = (requantise_sums(layer, operands, np.where(known, end, 0)) + operands.zero for end in (low, high))
    lowest, highest = (np.clip(end, least, most) for end in ends)
    return Bounds(np.where(known, lowest, least), np.where(known, highest, most))


def _sums(layer: Linear, low: Array, high: Array) -> tuple[Array, Array]:
    """The least and the greatest sum of each output channel, for inputs between `low` and `high` of each channel."""
    weights, by_input = layer.as_matrix().astype(np.int64), (layer.groups, 1, -1, 1)
    one, other = weights * low.reshape(by_input), weights * high.reshape(by_input)
    bias = 0 if layer.bias is None else layer.bias.array.astype(np.int64).clip(-LARGEST_BIAS, LARGEST_BIAS)
    least, greatest = (each.sum(axis=(1, 2)).ravel() for each in (np.minimum(one, other), np.maximum(one, other)))
    return least + bias, greatest + bias


def _looked_up(layer: Activation, x: TensorType, y: TensorType, given: Bounds) -> Bounds:
    """Of a function of one stored integer: the extremes of its values."""
    least = x.dtype.least
    every = np.arange(least, x.dtype.most + 1).astype(x.dtype.numpy)
    try:
        (table,) = apply_quantised(layer, [x], [y], every.reshape(-1, *(1,) * x.rank))
    except CompileError:  # a function without a meaning in this type, which the backend will name
        return _of_type(y)
    spans = [table[low - least : high - least + 1] for low, high in zip(given.low, given.high, strict=True)]
    return _of_ends(y, np.array([span.min() for span in spans]), np.array([span.max() for span in spans]))


def _at_corners(layer: Layer, types: Sequence[TensorType], y: TensorType, given: Sequence[Bounds]) -> Bounds:
    """The extremes are among what the layer makes of operands that are at one end everywhere."""
    channels = y.shape[-1] if y.shape else 1
    corners = []
    for ends in itertools.product(*((each.low, each.high) for each in given)):
        stored = (np.broadcast_to(end.astype(x.dtype.numpy), (1, *x.shape)) for end, x in zip(ends, types, strict=True))
        (corner,) = apply_quantised(layer, types, [y], *stored)
        corners.append(corner.reshape(-1, channels))
    return _of_ends(y, np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0))


def _of_ends(type_: TensorType, low: Array, high: Array) -> Bounds:
    if type_.dtype is DType.FLOAT32:
        return _only_signs(low, high)
    return Bounds(low.astype(np.int64), high.astype(np.int64))


# Signs of floating-point numbers


def _signs(graph: Graph, node: Node, given: Sequence[Bounds], within: Range) -> Bounds:
    layer, y = node.layer, graph.output_type(node)
    if y.dtype is not DType.FLOAT32:
        return _of_type(y)
    match layer:
        case Linear():
            return _activated_sums(layer, given[0])
        case Reshape() | Flatten():
            return _reshaped(given[0], _of_type(y))
        case Concatenate():
            return _concatenated(given, layer.axis % y.rank == y.rank - 1)
    channels = y.shape[-1] if y.shape else 1
    overall = _only_signs(np.full(channels, within.low), np.full(channels, within.high))
    if not isinstance(layer, (*BY_CHANNEL, Merge)):
        return overall
    zero = _where_all_are_zero(layer, given)
    return Bounds(np.where(zero, 0.0, overall.low), np.where(zero, 0.0, overall.high))


def _where_all_are_zero(layer: Layer, given: Sequence[Bounds]) -> Array:
    """(channels,): whether all operands are 0 there and the layer makes 0 of that."""
    if isinstance(layer, Merge | Activation) and any(
        result.any() for result in apply(layer, *(np.zeros((1, 1), np.float32) for _ in given))
    ):
        return np.zeros(1, bool)
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*(each.constant for each in given))))


def _activated_sums(layer: Linear, x: Bounds) -> Bounds:
    """A sum is 0 where all its terms are.  That a clamp would cut off every sum of one sign is not made use of:
    a float network keeps the channels of its architecture, unless they were pruned to zeros.
    """
    live = ((x.high > 0) | (x.low < 0)).reshape(layer.groups, 1, -1, 1)
    some = ((layer.as_matrix() != 0) & live).any(axis=(1, 2)).ravel()
    bias = np.float32(0) if layer.bias is None else layer.bias.array
    rises, falls = some | (bias > 0), some | (bias < 0)
    ends = [_activated_sign(layer.activation, bool(f), bool(r)) for f, r in zip(falls, rises, strict=True)]
    return _only_signs(np.array([each.low for each in ends]), np.array([each.high for each in ends]))


@lru_cache(1024)
def _activated_sign(function: Function | None, falls: bool, rises: bool) -> Range:
    x = Range(-math.inf if falls else 0.0, math.inf if rises else 0.0)
    if function is None:
        return x
    if not (falls or rises) and not activate(function, np.zeros(1)).any():
        return x
    return activated(function, x)


def _only_signs(low: Array, high: Array) -> Bounds:
    return Bounds(np.where(low >= 0, 0.0, -math.inf), np.where(high <= 0, 0.0, math.inf))


# Either


def _reshaped(x: Bounds, anything: Bounds) -> Bounds:
    """Channels run fastest, so a longer last axis repeats them and a shorter one takes them in turns."""
    before, after = x.low.size, anything.low.size
    if after % before == 0:
        return Bounds(np.tile(x.low, after // before), np.tile(x.high, after // before))
    turns = after if before % after == 0 else 1
    low, high = x.low.reshape(-1, turns).min(axis=0), x.high.reshape(-1, turns).max(axis=0)
    return Bounds(np.broadcast_to(low, after), np.broadcast_to(high, after))


def _concatenated(parts: Sequence[Bounds], by_channels: bool) -> Bounds:
    if by_channels:
        return Bounds(np.concatenate([each.low for each in parts]), np.concatenate([each.high for each in parts]))
    return Bounds(np.min([each.low for each in parts], axis=0), np.max([each.high for each in parts], axis=0))
