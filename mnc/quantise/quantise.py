"""A float graph and the ranges of its values to a quantised graph, by TensorFlow Lite's rules.

Activations are int8 with one scale and zero point a value, weights int8
symmetric with a scale for each output channel (dense layers: one for all,
unless asked otherwise), biases int32.  Values that a layer only moves or
chooses from share one quantisation.  A layer without a meaning in integers
runs in float32 between `Dequantize` and `Quantize`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from mnc.ir.activations import Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Flatten,
    GlobalMaxPooling,
    Identity,
    MaxPooling2D,
    Merge,
    Permute,
    PReLU,
    Quantize,
    Reshape,
    ResizeNearest,
    Reverse,
    Softmax,
    ZeroPadding2D,
)
from mnc.ir.types import Constant, DType, Number, Quantisation, TensorType
from mnc.quantise.calibrate import Range
from mnc.quantise.rounding import Weighted

KEEPING = (
    AveragePooling2D,
    Cropping2D,
    Flatten,
    GlobalMaxPooling,
    Identity,
    MaxPooling2D,
    Permute,
    Reshape,
    ResizeNearest,
    Reverse,
    ZeroPadding2D,
)
"""Layers whose output has the quantisation of their input."""

MOST_BIAS = 2**30
"""The largest bias in steps: half of what int32 holds, the rest is for the sums."""

SYMMETRIC_UNIT = Quantisation((1.0 / 128.0,), 0)
"""What TFLite fixes for values from -1 to 1: tanh."""

UNHANDLED = (Conv2DTranspose, PReLU)
"""Layers with weights that are not quantised here: they stay in float32."""

UNIT = Quantisation((1.0 / 256.0,), -128)
"""What TFLite fixes for values from 0 to 1: softmax and sigmoid."""


def quantise(
    graph: Graph,
    ranges: Mapping[str, Range],
    kinds: Collection[type[Layer]],
    *,
    io: str = "int8",
    per_channel_dense: bool = False,
) -> Graph:
    """The quantised graph.

    `graph` is float32 and optimised, with no activation fused that is not a
    clamp (`split_activations`).  `kinds` are the layer kinds that may be
    quantised; others stay float.  With `io` "float" the network keeps float
    inputs and outputs.
    """
    return _Quantiser(graph, ranges, kinds, per_channel_dense=per_channel_dense).run(io)


def split_activations(graph: Graph) -> Graph:
    """The graph with every fused activation that is not a clamp as a layer of its own."""
    nodes: list[Node] = []
    for node in graph.nodes:
        function = getattr(node.layer, "activation", None)
        if (
            not isinstance(node.layer, (Conv2D, DepthwiseConv2D, Dense, Merge))
            or function is None
            or _is_clamp(function)
        ):
            nodes.append(node)
            continue
        before = f"{node.name}/linear"
        nodes.append(replace(node, outputs=(before,), layer=replace(node.layer, activation=None)))
        nodes.append(Node(node.outputs, Activation(function), (before,), node.origin))
    return graph.with_nodes(nodes)


def _is_clamp(function: object) -> bool:
    return isinstance(function, Relu) and function.is_clamp


def quantisation(low: float, high: float) -> Quantisation:
    """The int8 quantisation that covers a range, 0 exactly among its values."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255.0))
    if scale == 0.0:
        scale = 1.0
    zero = int(np.clip(np.round(-128.0 - low / scale), -128, 127))
    return Quantisation((scale,), zero)


class _Quantiser:
    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[str, Range],
        kinds: Collection[type[Layer]],
        *,
        per_channel_dense: bool,
    ) -> None:
        self.graph = graph
        self.kinds = frozenset(kinds)
        self.per_channel_dense = per_channel_dense
        self.nodes: list[Node] = []
        self.quants = self._quantisations(ranges)
        self.stored: dict[str, str] = {}
        """The quantised form of a value, by the value's name."""
        self.real: dict[str, str] = {}
        """The float form."""

    def run(self, io: str) -> Graph:
        graph = self.graph
        inputs = []
        for given in graph.inputs:
            if io == "float" or not any(self.in_integers(node) for node in graph.consumers[given.name]):
                inputs.append(given)
                self.real[given.name] = given.name
            else:
                inputs.append(Input(given.name, TensorType(given.type.shape, DType.INT8, self.quants[given.name])))
                self.stored[given.name] = given.name
        for node in graph.nodes:
            if self.in_integers(node):
                self.integer(node)
            else:
                reads = tuple(self.as_real(name) for name in node.inputs)
                self.nodes.append(replace(node, inputs=reads))
                self.real.update({name: name for name in node.outputs})
        outputs = tuple(
            self.as_real(o) if io == "float" or o not in self.stored else self.stored[o] for o in graph.outputs
        )
        return replace(graph, inputs=tuple(inputs), nodes=tuple(self.nodes), outputs=outputs)

    def in_integers(self, node: Node) -> bool:
        """Whether a layer has a meaning in integers."""
        layer = node.layer
        if type(layer) not in self.kinds:
            return False
        if isinstance(layer, Merge):
            types = [*self.graph.input_types(node), self.graph.output_type(node)]
            return len(node.inputs) == 2 and len({t.shape for t in types}) == 1
        if isinstance(layer, Softmax):
            return layer.axis in (-1, self.graph.output_type(node).rank - 1)
        if isinstance(layer, AveragePooling2D):
            return not layer.count_padding
        return not isinstance(layer, UNHANDLED)

    def _quantisations(self, ranges: Mapping[str, Range]) -> dict[str, Quantisation]:
        """For each value; those that must agree get the range of all of them."""
        graph = self.graph
        group = {name: name for name in graph.types}

        def find(name: str) -> str:
            while group[name] != name:
                name = group[name]
            return name

        for node in graph.nodes:
            if isinstance(node.layer, (*KEEPING, Concatenate)) and self.in_integers(node):
                for name in node.inputs:
                    group[find(name)] = find(node.name)
        spans: dict[str, Range] = {}
        for name, span in ranges.items():
            root = find(name)
            known = spans.get(root, span)
            spans[root] = Range(min(known.low, span.low), max(known.high, span.high))
        fixed = {find(node.name): quant for node in graph.nodes if (quant := _fixed(node.layer)) is not None}
        return {name: fixed.get(find(name)) or quantisation(*spans[find(name)]) for name in ranges}

    def integer(self, node: Node) -> None:
        """Append a layer in integers."""
        reads = tuple(self.as_stored(name) for name in node.inputs)
        layer = node.layer
        quant = self.quants[node.name]
        if isinstance(layer, (Conv2D, DepthwiseConv2D, Dense)):
            layer = self.weighted(layer, self.quants[node.inputs[0]])
        if not isinstance(layer, KEEPING):
            layer = replace(layer, output=Number(DType.INT8, quant))
        self.nodes.append(replace(node, layer=layer, inputs=reads))
        self.stored[node.name] = node.name

    def weighted(self, layer: Weighted, given: Quantisation) -> Weighted:
        """Weights symmetric in int8, bias at the product of the scales."""
        weights = layer.weights.array.astype(np.float64)
        channels = (
            layer.weights.shape[2] * layer.weights.shape[3] if isinstance(layer, DepthwiseConv2D) else weights.shape[-1]
        )
        by_channel = weights.reshape(-1, channels)
        largest = np.abs(by_channel).max(axis=0)
        if isinstance(layer, Dense) and not self.per_channel_dense:
            largest = np.array([largest.max()])
        if layer.bias is not None:
            # A channel of next to no weights, as pruning leaves them, still has to hold its bias.
            needed = (
                np.abs(layer.bias.array.astype(np.float64)).max() if largest.size == 1 else np.abs(layer.bias.array)
            )
            largest = np.maximum(largest, needed / (MOST_BIAS * given.scale[0]) * 127.0)
        scale = (np.where(largest > 0, largest, 127.0) / 127.0).astype(np.float32).astype(np.float64)
        stored = np.clip(np.round(by_channel / scale), -127, 127).astype(np.int8).reshape(layer.weights.shape)
        axis = None if scale.size == 1 else stored.ndim - 1
        bias_scale = scale * given.scale[0]
        bias = None
        if layer.bias is not None:
            whole = np.round(layer.bias.array.astype(np.float64) / bias_scale)
            bias = Constant(np.clip(whole, -MOST_BIAS, MOST_BIAS).astype(np.int32))
        return replace(layer, weights=Constant(stored, Quantisation(tuple(scale.tolist()), 0, axis)), bias=bias)

    def as_stored(self, name: str) -> str:
        if name not in self.stored:
            stored = self._fresh(f"{name}/int8")
            self.nodes.append(
                Node((stored,), Quantize(output=Number(DType.INT8, self.quants[name])), (self.real[name],))
            )
            self.stored[name] = stored
        return self.stored[name]

    def as_real(self, name: str) -> str:
        if name not in self.real:
            real = self._fresh(f"{name}/float32")
            self.nodes.append(Node((real,), Dequantize(), (self.stored[name],)))
            self.real[name] = real
        return self.real[name]

    def _fresh(self, name: str) -> str:
        while name in self.graph.types:
            name += "'"
        return name


def _fixed(layer: Layer) -> Quantisation | None:
    """The quantisation that TFLite fixes for a layer's output."""
    if isinstance(layer, Softmax) or (isinstance(layer, Activation) and isinstance(layer.function, Sigmoid)):
        return UNIT
    if isinstance(layer, Activation) and isinstance(layer.function, Tanh):
        return SYMMETRIC_UNIT
    return None
