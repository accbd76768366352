"""A float graph and the ranges of its values to a quantised graph, by TensorFlow Lite's rules.

Activations are int8 with one scale and zero point a value, or int16 with one
scale; weights int8, symmetric with a scale for each output channel (dense
layers: one for all, unless asked otherwise); biases int32, or int64 where the
input is int16.  Values that a layer only moves or chooses from share one
quantisation.  A layer works on one type: `Quantize` stands between int8 and
int16, and a layer without a meaning in integers runs in float32 between
`Dequantize` and `Quantize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from mnc.ir.activations import Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    Dense,
    Dequantize,
    Linear,
    MatMul,
    Merge,
    PReLU,
    Quantize,
    Recurrent,
    Softmax,
    UnitNormalization,
    shifted,
)
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.names import Names
from mnc.quantise import recurrent
from mnc.quantise.scales import KEEPING, Range, quantisation, quantisations
from mnc.quantise.weights import BIASES, weight_scale
from mnc.reference.quantised import compute_quantised

INTEGERS = (DType.INT8, DType.INT16)
"""The types of quantised values, the narrower first."""


def quantise(
    graph: Graph,
    ranges: Mapping[DType, Mapping[str, Range]],
    dtypes: Mapping[str, DType],
    *,
    cells: Mapping[str, float] = MappingProxyType({}),
    io: DType | None = None,
    per_channel_dense: bool = False,
) -> Graph:
    """The quantised graph.

    `graph` is float32 and optimised, with no activation fused that is not a
    clamp (`split_activations`).  `ranges` are those of its values, for each of
    `INTEGERS`.  `dtypes` is the type that each node works on,
    by its name (`meaningless`).  `cells` are the scales of the cells of LSTM
    layers.  `io` is the type of the network's inputs and
    outputs; None: of the layers that read and give them.
    """
    return _Quantiser(graph, ranges, dtypes, cells, per_channel_dense=per_channel_dense).run(io)


def meaningless(graph: Graph, node: Node, dtype: DType) -> str | None:
    """Why a node has no meaning in int8, or in int16; None where it has one."""
    layer, kind = node.layer, type(node.layer).__name__
    if type(layer) not in compute_quantised.registry:
        return f"{kind} has no meaning in integers"
    if isinstance(layer, Merge) and len(node.inputs) + (layer.operand is not None) != 2:
        return f"{kind} in integers takes two operands"
    if isinstance(layer, Recurrent) and (fault := recurrent.fault(layer)):
        return fault
    if isinstance(layer, (MatMul, UnitNormalization)) and dtype is DType.INT16:
        return f"{kind} has no meaning in int16"
    if isinstance(layer, Softmax) and layer.axis not in (-1, graph.output_type(node).rank - 1):
        return f"{kind} in integers is that of the last axis"
    if isinstance(layer, AveragePooling2D) and layer.count_padding:
        return f"{kind} in integers does not count the padding"
    if isinstance(layer, Activation) and dtype is DType.INT16:
        function = layer.function
        sloped = isinstance(function, Relu) and function.max_value is None and function.threshold == 0.0
        if not (sloped or _is_clamp(function) or isinstance(function, (Sigmoid, Tanh))):
            return f"{type(function).__name__} has no meaning in int16"
    return None


def split_activations(graph: Graph) -> Graph:
    """The graph with every fused activation that is not a clamp as a layer of its own."""
    nodes: list[Node] = []
    names = Names(graph.types)
    for node in graph.nodes:
        function = getattr(node.layer, "activation", None)
        if not isinstance(node.layer, (Linear, Merge)) or function is None or _is_clamp(function):
            nodes.append(node)
            continue
        before = names.new(f"{node.name}/linear")
        nodes.append(replace(node, outputs=(before,), layer=node.layer.changed(activation=None)))
        nodes.append(Node(node.outputs, Activation(function), (before,), node.origin))
    return graph.with_nodes(nodes)


def _is_clamp(function: object) -> bool:
    return isinstance(function, Relu) and function.is_clamp


class _Quantiser:
    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[DType, Mapping[str, Range]],
        dtypes: Mapping[str, DType],
        cells: Mapping[str, float],
        *,
        per_channel_dense: bool,
    ) -> None:
        self.cells = cells
        self.graph = graph
        self.names = Names(graph.types)
        self.dtypes = dtypes
        self.per_channel_dense = per_channel_dense
        self.nodes: list[Node] = []
        self.quants = {
            dtype: quantisations(graph, ranges[dtype], {name for name in dtypes if dtypes[name] is dtype}, dtype)
            for dtype in INTEGERS
        }
        self.stored: dict[tuple[str, DType], str] = {}
        """The quantised form of a value, by the value's name and the type."""
        self.real: dict[str, str] = {}
        """The float form."""

    def run(self, io: DType | None) -> Graph:
        graph = self.graph
        inputs = []
        for given in graph.inputs:
            dtype = self._input_type(given, io)
            if dtype is DType.FLOAT32:
                inputs.append(given)
                self.real[given.name] = given.name
            elif dtype is DType.UINT8:
                inside = ElementType(DType.INT8, self.quants[DType.INT8][given.name])
                inputs.append(Input(given.name, TensorType(given.type.shape, dtype, shifted(inside))))
                self.stored[given.name, DType.INT8] = self._converted(given.name, inside)
            else:
                quant = self.quants[dtype][given.name]
                inputs.append(Input(given.name, TensorType(given.type.shape, dtype, quant)))
                self.stored[given.name, dtype] = given.name
        for node in graph.nodes:
            if self.dtypes[node.name] is not DType.FLOAT32:
                self.integer(node, self.dtypes[node.name])
            else:
                reads = tuple(self.as_real(name) for name in node.inputs)
                self.nodes.append(replace(node, inputs=reads))
                self.real.update({name: name for name in node.outputs})
        outputs = tuple(self._given_out(name, io) for name in graph.outputs)
        return replace(graph, inputs=tuple(inputs), nodes=tuple(self.nodes), outputs=outputs)

    def _input_type(self, given: Input, io: DType | None) -> DType:
        """As `io` says, else the narrowest type that keeps all that readers take; float where none takes integers."""
        if io is not None:
            return io
        read = {self.dtypes[node.name] for node in self.graph.consumers[given.name]}
        integers = [dtype for dtype in INTEGERS if dtype in read]
        return integers[-1] if integers else DType.FLOAT32

    def _given_out(self, name: str, io: DType | None) -> str:
        """The form of a value that the network gives: as `io` says, else as its layer or input has it."""
        if io is None:
            producer = self.graph.producers.get(name)
            held = [dtype for dtype in INTEGERS if (name, dtype) in self.stored]
            own = held[0] if held else DType.FLOAT32
            io = own if producer is None else self.dtypes[producer.name]
        if io is DType.UINT8:
            stored = ElementType(DType.INT8, self.quants[DType.INT8][name])
            return self._converted(self.as_stored(name, DType.INT8), ElementType(io, shifted(stored)), name)
        return self.as_real(name) if io is DType.FLOAT32 else self.as_stored(name, io)

    def integer(self, node: Node, dtype: DType) -> None:
        """Append a layer in integers."""
        reads = tuple(self.as_stored(name, dtype) for name in node.inputs)
        layer = node.layer
        quants = self.quants[dtype]
        if isinstance(layer, Linear):
            layer = self.weighted(layer, quants[node.inputs[0]], dtype)
        elif isinstance(layer, PReLU):
            layer = replace(layer, alpha=_stored(layer.alpha))
        elif isinstance(layer, Merge) and layer.operand is not None:
            layer = replace(layer, operand=_stored(layer.operand, dtype))
        if isinstance(layer, Recurrent):
            layer = recurrent.stored(layer, quants[node.inputs[0]], dtype, self.cells.get(node.name))
        if not isinstance(layer, KEEPING):
            layer = replace(layer, output=ElementType(dtype, quants[node.name]))
        self.nodes.append(replace(node, layer=layer, inputs=reads))
        self.stored[node.name, dtype] = node.name

    def weighted(self, layer: Linear, given: Quantisation, dtype: DType) -> Layer:
        """Weights symmetric in int8, bias at the product of the scales."""
        matrix = layer.as_matrix().astype(np.float64)
        largest = np.abs(matrix).max(axis=(1, 2)).ravel()
        if isinstance(layer, Dense) and not self.per_channel_dense:
            largest = np.array([largest.max()])
        most, sums = BIASES[dtype]
        biases = np.zeros(layer.filters) if layer.bias is None else np.abs(layer.bias.array.astype(np.float64))
        needed = biases.max(keepdims=True) if largest.size == 1 else biases
        scale = weight_scale(largest, needed, given.scale[0], most)
        by_output = scale if scale.size == 1 else scale.reshape(layer.groups, 1, 1, -1)
        stored = np.clip(np.round(matrix / by_output), -127, 127).astype(np.int8)
        bias = None
        if layer.bias is not None:
            whole = np.round(layer.bias.array.astype(np.float64) / (scale * given.scale[0]))
            bias = Constant(np.clip(whole, -most, most).astype(sums.numpy))
        axis = None if scale.size == 1 else layer.channel_axis
        return layer.with_matrix(stored, bias, Quantisation(tuple(scale.tolist()), 0, axis))

    def as_stored(self, name: str, dtype: DType) -> str:
        if (name, dtype) not in self.stored:
            source = next((self.stored[name, d] for d in INTEGERS if (name, d) in self.stored), None)
            output = ElementType(dtype, self.quants[dtype][name])
            self.stored[name, dtype] = self._converted(source or self.real[name], output, name)
        return self.stored[name, dtype]

    def _converted(self, source: str, output: ElementType, name: str = "") -> str:
        """A value in another element type; `name` is its name in the float network where that is not `source`."""
        converted = self.names.new(f"{name or source}/{output.dtype.value}")
        self.nodes.append(Node((converted,), Quantize(output=output), (source,)))
        return converted

    def as_real(self, name: str) -> str:
        if name not in self.real:
            real = self.names.new(f"{name}/float32")
            source = next(self.stored[name, dtype] for dtype in reversed(INTEGERS) if (name, dtype) in self.stored)
            self.nodes.append(Node((real,), Dequantize(), (source,)))
            self.real[name] = real
        return self.real[name]


def _stored(constant: Constant, dtype: DType = DType.INT8) -> Constant:
    """Real numbers in int8, with one scale and zero point, or in int16."""
    quant = quantisation(float(constant.array.min()), float(constant.array.max()), dtype)
    whole = np.round(constant.array.astype(np.float64) / quant.scale[0]) + quant.zero_point
    return Constant(np.clip(whole, dtype.least, dtype.most).astype(dtype.numpy), quant)
