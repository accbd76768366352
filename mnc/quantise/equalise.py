"""Float graph to float graph: the same function, easier to quantise.

A channel that uses a tenth of its value's range loses three of its eight bits.
Where a layer's output channels are scaled up and the next layer's weights for
them down, the network computes the same (Nagel et al., arXiv 1906.04721), and
every channel uses the range.  Behind a layer without activation a channel may
change its sign as well, so that all lean to the same side of 0.  Under a clamp
at 6 this holds as long as no scaled channel passes 6, which it does not for
the samples that were observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, Dense, Linear
from mnc.ir.types import Array, Constant
from mnc.quantise.rounding import has_windows
from mnc.quantise.sequences import by_frame

MOST = 32.0
"""The largest factor; more would only blow up the noise of a channel that is hardly used."""
HEADROOM = 1.25
"""How far beyond what was seen of it a scaled channel under a clamp may go before the clamp cuts it."""
SIDES = 17
"""How many ways to part a signed range at 0 are tried."""
STRENGTHS = 9
"""How many steps from leaving the channels as they are to scaling each to the whole range."""


def equalise(graph: Graph, samples: Sequence[Array], *, dense: bool = False) -> Graph:
    """The graph with the channels between two weighted layers scaled to like ranges.

    `dense` layers take part where their weights have a scale for each output.
    """
    values = by_frame(graph, samples)
    layers = {node.name: node.layer for node in graph.nodes}
    for node in graph.nodes:
        reader = graph.sole_consumer(node.name)
        if reader is None or not _scales(node.layer) or not has_windows(reader.layer):
            continue
        first, second = layers[node.name], layers[reader.name]
        assert isinstance(first, Linear)
        assert isinstance(second, Linear)
        if isinstance(second, Conv2D) and second.groups != 1:
            continue
        if not dense and (isinstance(first, Dense) or isinstance(second, Dense)):
            continue
        seen = values[node.name].reshape(-1, values[node.name].shape[-1]).astype(np.float64)
        factor = _factors(seen, second, linear=first.activation is None)
        layers[node.name] = _scaled_output(first, factor)
        layers[reader.name] = _scaled_input(second, 1.0 / factor)
    return graph.with_nodes(replace(node, layer=layers[node.name]) for node in graph.nodes)


def _scales(layer: Layer) -> bool:
    """Whether scaling a layer's weights scales its output."""
    if not has_windows(layer):
        return False
    return layer.activation is None or (isinstance(layer.activation, Relu) and layer.activation.is_clamp)


def _factors(seen: Array, reader: Linear, *, linear: bool) -> Array:
    """For each channel of `seen`, (places, channels): the factor of the least error behind `reader`."""
    low, high = np.minimum(seen.min(axis=0), 0.0), np.maximum(seen.max(axis=0), 0.0)
    power = np.mean(seen**2, axis=0)
    if linear:
        limits = [_fitting(low, high, share) for share in np.linspace(0.0, 1.0, SIDES)]
    else:
        limits = [np.clip(high.max() / np.maximum(high * HEADROOM, 1e-30), 1.0, MOST)]
    tried = [np.sign(limit) * np.abs(limit) ** t for limit in limits for t in np.linspace(0.0, 1.0, STRENGTHS)]
    return min(tried, key=lambda factor: _error(factor, low, high, power, reader))


def _fitting(low: Array, high: Array, share: float) -> Array:
    """The largest factor for each channel that keeps it in a range of which `share` lies below 0.

    The range is the smallest of its form that holds every channel as it is, or
    turned round where that makes it smaller.
    """

    def width(low: Array, high: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.where(low < 0.0, -low / share, 0.0)
            above = np.where(high > 0.0, high / (1.0 - share), 0.0)
        return np.asarray(np.maximum(below, above))

    upright, turned = width(low, high), width(-high, -low)
    sign, needed = np.where(turned < upright, -1.0, 1.0), np.minimum(upright, turned)
    if not np.isfinite(needed).all() or needed.max() == 0.0:
        return np.ones(len(low))
    return np.asarray(sign * np.clip(needed.max() / np.maximum(needed, 1e-30), 1.0, MOST))


def _error(factor: Array, low: Array, high: Array, power: Array, reader: Linear) -> float:
    """The expected squared error of the reader's sums: of the rounded channels, and of its rounded weights."""
    ends = np.stack((low * factor, high * factor))
    step = (ends.max() - ends.min()) / 255.0
    weights = reader.as_matrix().astype(np.float64) / factor.reshape(reader.groups, 1, -1, 1)
    rounded = step**2 * np.sum(weights**2)
    largest = np.abs(weights).max(axis=(1, 2))[:, np.newaxis]  # (groups, 1, group outputs)
    coarse = reader.taps * np.sum((largest / 127.0) ** 2 * (power * factor**2).reshape(reader.groups, -1, 1))
    return float(rounded + coarse)


def _scaled_output(layer: Linear, factor: Array) -> Linear:
    matrix = layer.as_matrix() * factor.reshape(layer.groups, 1, 1, -1)
    bias = None if layer.bias is None else Constant((layer.bias.array * factor).astype(np.float32))
    return layer.with_matrix(matrix.astype(np.float32), bias)


def _scaled_input(layer: Linear, factor: Array) -> Linear:
    matrix = layer.as_matrix() * factor.reshape(layer.groups, 1, -1, 1)
    return layer.with_matrix(matrix.astype(np.float32), layer.bias)
