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
    Comparison,
    Dense,
    Dequantize,
    Divide,
    Linear,
    LogSoftmax,
    Merge,
    PReLU,
    Quantize,
    Recurrent,
    Softmax,
    UnitNormalization,
    shifted,
)
from mnc.ir.state import State
from mnc.ir.types import Constant, DType, ElementType, Quantisation, TensorType
from mnc.names import Names
from mnc.quantise import recurrent
from mnc.quantise.indices import indices, only_indices
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
    if isinstance(layer, Divide):
        return "Divide in integers has few steps where its divisor is small"
    if isinstance(layer, Merge) and len(node.inputs) + (layer.operand is not None) != layer.least:
        return f"{kind} in integers takes two operands"
    if isinstance(layer, Recurrent) and (fault := recurrent.fault(layer)):
        return fault
    if isinstance(layer, (Comparison, LogSoftmax, UnitNormalization)) and dtype is DType.INT16:
        return f"{kind} has no meaning in int16"
    if isinstance(layer, (LogSoftmax, Softmax)) and layer.axis not in (-1, graph.output_type(node).rank - 1):
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
        self.fixed = self._fixed()
        self.indices = indices(graph)
        whole = only_indices(graph, self.indices)
        self.quants = {
            dtype: quantisations(
                graph, ranges[dtype], {name for name in dtypes if dtypes[name] is dtype}, dtype, given, whole
            )
            for dtype, given in zip(INTEGERS, ({}, self.fixed), strict=True)
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
        kept = {state.name: self._made_of(state, io) for state in graph.states}
        for name, dtype in kept.items():
            if dtype is DType.FLOAT32:
                self.real[name] = name
            else:
                self.stored[name, dtype] = name
        for node in graph.nodes:
            if self.dtypes[node.name] is not DType.FLOAT32:
                self.integer(node, self.dtypes[node.name])
            else:
                reads = tuple(self.as_real(name) for name in node.inputs)
                self.nodes.append(replace(node, inputs=reads))
                self.real.update({name: name for name in node.outputs})
        outputs = tuple(self._given_out(name, io) for name in graph.outputs)
        states = tuple(self._kept(state, kept[state.name]) for state in graph.states)
        return replace(graph, inputs=tuple(inputs), nodes=tuple(self.nodes), outputs=outputs, states=states)

    def _fixed(self) -> dict[str, Quantisation]:
        """The quantisation in int16 of the vectors of state that recurrent layers give, where the layer fixes it."""
        fixed: dict[str, Quantisation] = {}
        for node in self.graph.nodes:
            if isinstance(node.layer, Recurrent) and self.dtypes[node.name] is not DType.FLOAT32:
                quants = recurrent.fixed_states(node.layer, self.cells.get(node.name))
                fixed |= {name: quant for name, quant in zip(node.outputs[1:], quants, strict=False) if quant}
        return fixed

    def _made_of(self, state: State, io: DType | None) -> DType:
        """The type of a state: that of what it becomes."""
        name, passed = state.next, {state.name}
        following = {each.name: each.next for each in self.graph.states}
        while name in following and name not in passed:
            passed.add(name)
            name = following[name]
        if name in self.graph.producers:
            return DType.INT16 if name in self.fixed else self.dtypes[self.graph.producers[name].name]
        given = next((each for each in self.graph.inputs if each.name == name), None)
        if given is None:
            return self._read_as(state.name)
        dtype = self._input_type(given, io)
        return DType.INT8 if dtype is DType.UINT8 else dtype

    def _kept(self, state: State, dtype: DType) -> State:
        """A state of that type, with its initial value, and with a next value of the same type."""
        if dtype is DType.FLOAT32:
            return replace(state, next=self.as_real(state.next))
        type_ = TensorType(state.type.shape, dtype, self.quants[dtype][state.name])
        initial = Constant(type_.stored(state.beginning))
        following = self.exactly(state.next, dtype, self.quants[dtype][state.name])
        return State(state.name, type_, initial, following, state.held)

    def _input_type(self, given: Input, io: DType | None) -> DType:
        """As `io` says, else as its readers take it."""
        return self._read_as(given.name) if io is None else io

    def _read_as(self, name: str) -> DType:
        """The narrowest type that keeps all that readers of a value take; float32 for numbers of rows, and for none.

        Who reads a state that becomes the value reads the value, one run later.
        """
        if name in self.indices:
            return DType.FLOAT32
        names = [name]
        for each in names:
            names += [state.name for state in self.graph.states if state.next == each and state.name not in names]
        read = {self.dtypes[node.name] for each in names for node in self.graph.consumers[each]}
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
        layer = node.layer
        operands = node.inputs[:1] if isinstance(layer, Recurrent) else node.inputs
        reads = tuple(self.as_stored(name, dtype) for name in operands)
        quants = self.quants[dtype]
        if isinstance(layer, Linear):
            layer = self.weighted(layer, quants[node.inputs[0]], dtype)
        elif isinstance(layer, PReLU):
            layer = replace(layer, alpha=_stored(layer.alpha))
        elif isinstance(layer, Merge) and layer.operand is not None:
            layer = replace(layer, operand=_stored(layer.operand, dtype))
        if isinstance(layer, Recurrent):
            reads += self.begun(node, layer, dtype)
            layer = recurrent.stored(layer, quants[node.inputs[0]], dtype, self.cells.get(node.name))
        if not isinstance(layer, KEEPING):
            layer = replace(layer, output=ElementType(dtype, quants[node.name]))
        self.nodes.append(replace(node, layer=layer, inputs=reads))
        for name in node.outputs:
            self.stored[name, DType.INT16 if name in self.fixed else dtype] = name

    def begun(self, node: Node, layer: Recurrent, dtype: DType) -> tuple[str, ...]:
        """The vectors of state that a recurrent layer begins with, as it stores them."""
        fixed = recurrent.fixed_states(layer, self.cells.get(node.name))
        return tuple(
            self.exactly(name, *((DType.INT16, quant) if quant else (dtype, self.quants[dtype][node.name])))
            for name, quant in zip(node.inputs[1:], fixed, strict=False)
        )

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

    def exactly(self, name: str, dtype: DType, quant: Quantisation) -> str:
        """The form of a value with this quantisation, whichever is its own."""
        source = self.as_stored(name, dtype)
        return source if self.quants[dtype][name] == quant else self._converted(source, ElementType(dtype, quant), name)

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
