"""Random int8 and int16 networks: a float network is drawn, and every layer of it given integers.

    quantised_networks()            int8 throughout
    quantised_networks(IMAGES)      of these kinds only
    quantised_networks(mixed=True)  with stretches in float32 between Dequantize and Quantize
    quantised_networks(dtypes=ANY) layers in int8 or in int16, with conversions between them
    quantised(graph, seed)          a float network of our own, likewise
    steady_network()                always the same one, in int16 and int8
    unsigned_ends(graph)            with uint8 for every int8 that is an input or an output
    stored_samples(graph)           inputs for any of them, batch first

Scales fit what the values really are, but not exactly, so that some are cut
off.  Weights have a scale for each channel or one for all; some filters are
zero or always cut off.  In float32 there are only layers that round nothing,
so that their values, too, are the same to the bit wherever they are computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from layer_kinds import KINDS, Draw
from networks import networks, samples

from mnc.backends import get, refusals
from mnc.backends.select.quantised.int16 import INT16
from mnc.backends.select.quantised.table import INT8
from mnc.ir.activations import Function, Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    ArgMin,
    AveragePooling2D,
    Broadcast,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dequantize,
    Flatten,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Identity,
    LogSoftmax,
    Maximum,
    MaxPooling2D,
    Merge,
    Minimum,
    Multiply,
    Permute,
    PReLU,
    Quantize,
    Recurrent,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeNearest,
    Reverse,
    Slice,
    Softmax,
    Take,
    UnitNormalization,
    ZeroPadding2D,
    shifted,
)
from mnc.ir.layers.recurrent import STATE_SCALE
from mnc.ir.types import Array, Constant, DType, ElementType, Quantisation, Shape, TensorType
from mnc.reference import apply
from mnc.reference.quantised import apply_quantised

VIEWS = (Flatten, Reshape)
INTEGER_KINDS = [kind for kind in KINDS if kind in INT8 or kind in VIEWS]
"""Every kind with an int8 kernel, or that needs none."""
EXACT = (
    Broadcast, Concatenate, Cropping2D, Flatten, GlobalMaxPooling, Identity, MaxPooling2D, Maximum, Minimum, Permute,
    Reshape, ResizeNearest, Reverse, Slice, Take, ZeroPadding2D,
)  # fmt: skip
"""Kinds that round nothing in float32."""
IMAGES = (
    Activation, Add, AveragePooling2D, Concatenate, Conv2D, Dense, DepthwiseConv2D, Flatten, MaxPooling2D,
    ZeroPadding2D,
)  # fmt: skip
"""Layer kinds that trained networks are made of."""
KEEPING = (AveragePooling2D, GlobalMaxPooling, MaxPooling2D, ReduceMax, ReduceMin, ZeroPadding2D, *VIEWS)
"""Kinds whose output always has its input's scale."""
MOVING = (Broadcast, Concatenate, Cropping2D, Identity, Permute, ResizeNearest, Reverse, Slice, Take)
"""Kinds whose output may have it."""
ANY = (DType.INT8, DType.INT16)
INT16_KINDS = [kind for kind in KINDS if kind in INT16 or kind in VIEWS]
FUNCTIONS: list[Function] = [Relu(), Relu(6.0), Relu(None, 0.2), Relu(None, -0.3), Sigmoid(), Tanh()]
"""The activations that int16 has."""
C = get("c")


def stored_samples(graph: Graph, count: int = 3, seed: int = 1) -> list[Array]:
    """One array for each input of the network: any int8 or int16, or float32 between -2 and 2."""
    rng = np.random.default_rng(seed)
    return [
        x if each.type.quant is None else _any_integers(rng, each.type.dtype, (count, *each.type.shape))
        for each, x in zip(graph.inputs, samples(graph, count, seed), strict=True)
    ]


def _any_integers(rng: np.random.Generator, dtype: DType, shape: Shape) -> Array:
    info = np.iinfo(dtype.numpy)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype.numpy)


@st.composite
def quantised_networks(
    draw: Draw,
    kinds: Collection[type[Layer]] = INTEGER_KINDS,
    *,
    mixed: bool = False,
    dtypes: Sequence[DType] = ANY[:1],
    max_layers: int = 7,
) -> Graph:
    """A random network of these kinds, all of which must have kernels for some of the `dtypes` or need none."""
    drawn = draw(networks(layers=kinds, max_layers=max_layers))
    return quantised(drawn, draw(st.integers(0, 2**16)), mixed=mixed, dtypes=dtypes)


def quantised(drawn: Graph, seed: int, *, mixed: bool = False, dtypes: Sequence[DType] = ANY[:1]) -> Graph:
    """A float network with integers for everything; for hypothesis no example where some layer has no kernel."""
    graph = in_integers(drawn, seed, mixed=mixed, dtypes=dtypes)
    assume(not refusals(C, graph))
    return graph


def in_integers(drawn: Graph, seed: int, *, mixed: bool = False, dtypes: Sequence[DType] = ANY[:1]) -> Graph:
    """A float network with integers for everything, whether or not there are kernels for it."""
    growing = _Growing(np.random.default_rng(seed), mixed, dtypes)
    for given in drawn.inputs:
        growing.add_input(given)
    for node in drawn.nodes:
        growing.add(node)
    return Graph("integers", tuple(growing.inputs), tuple(growing.nodes), drawn.outputs)


def steady_network() -> Graph:
    """A convolution, a depthwise one, a sum, a mean, a dense layer with sums of 48 bits; int8 between."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> Constant:
        return Constant(rng.integers(-127, 128, shape).astype(np.int8), Quantisation((0.005,)))

    def out(scale: float) -> ElementType:
        return ElementType(DType.INT16, Quantisation((scale,)))

    unit = out(2.0**-15)
    nodes = (
        Node(("a",), Conv2D(weights(3, 3, 2, 5), Constant(rng.integers(-(2**20), 2**20, 5)), output=out(4e-4)), ("x",)),
        Node(("b",), DepthwiseConv2D(weights(3, 3, 5, 1), padding=((1, 1), (1, 1)), output=out(6e-4)), ("a",)),
        Node(("c",), Add(Relu(6.0), output=out(5e-4)), ("a", "b")),
        Node(("d",), Quantize(output=ElementType(DType.INT8, Quantisation((0.05,), -100))), ("c",)),
        Node(("e",), MaxPooling2D(), ("d",)),
        Node(("f",), Quantize(output=out(3e-4)), ("e",)),
        Node(("g",), GlobalAveragePooling(output=out(1e-4)), ("f",)),
        Node(("h",), Activation(Sigmoid(), output=unit), ("g",)),
        Node(("i",), Dense(weights(5, 4), Constant(rng.integers(-(2**34), 2**34, 4)), output=out(0.1)), ("h",)),
        Node(("y",), Softmax(output=unit), ("i",)),
    )
    return Graph("steady", (Input("x", TensorType((8, 9, 2), DType.INT16, Quantisation((0.001,)))),), nodes, ("y", "e"))


def beside_each_other(layers: Iterable[tuple[Shape, Layer]], rng: np.random.Generator) -> Graph:
    """A network of one int8 input and one output for each layer; of each the shape of its input is given."""
    inputs, nodes = [], []
    for i, (shape, layer) in enumerate(layers):
        quant = Quantisation((0.02,), int(rng.integers(-128, 128)))
        inputs.append(Input(f"x{i}", TensorType(shape, DType.INT8, quant)))
        nodes.append(Node((f"y{i}",), layer, (f"x{i}",)))
    return Graph("layers", tuple(inputs), tuple(nodes), tuple(node.name for node in nodes))


def between_int8_and_int16(depth: int = 2) -> Graph:
    """The layers of an SVDF without its state: int8 to three frames of int16, and those to two units of int8."""
    rng = np.random.default_rng(0)
    x = Input("x", TensorType((7,), DType.INT8, Quantisation((0.05,), -3)))
    count, kept = 3 * 2 * depth, Quantisation((0.003,))
    features = Constant(rng.integers(-127, 128, (7, count)).astype(np.int8), Quantisation((0.01,)))
    time = Constant(rng.integers(-(2**15), 2**15, (3, 1, depth, 2)).astype(np.int16), Quantisation((2.0**-15,)))
    bias = Constant(rng.integers(-(2**20), 2**20, 2).astype(np.int32))
    dense = Dense(features, output=ElementType(DType.INT16, kept))
    window = Conv2D(time, bias, groups=2, output=ElementType(DType.INT8, Quantisation((0.05,), 5)))
    layers = ("frames", dense, "x"), ("rows", Reshape((3, 1, 2 * depth)), "frames"), ("y", window, "rows")
    return Graph("network", (x,), tuple(Node((name,), layer, (given,)) for name, layer, given in layers), ("y",))


def wide_ends() -> list[Graph]:
    """Networks with values of int32 on every way into them and out of them."""

    def given(dtype: DType, zero: int) -> Input:
        return Input("x", TensorType((3, 5), dtype, Quantisation((0.1,), zero)))

    def quantized(name: str, x: str, dtype: DType, scale: float, zero: int = 0) -> Node:
        return Node((name,), Quantize(output=ElementType(dtype, Quantisation((scale,), zero))), (x,))

    shares = ElementType(DType.INT32, Quantisation((2.0**-16,)))
    narrow, wide = given(DType.INT8, -5), given(DType.INT16, 0)
    fine = Node(("y",), Softmax(output=shares), ("x",))
    results = (
        quantized("z", "y", DType.INT32, 2.0**-15),
        quantized("z", "y", DType.INT16, 2.0**-15),
        quantized("z", "y", DType.INT8, 2.0**-8, -128),
        quantized("z", "y", DType.INT32, 2.0**-16),
    )
    return [
        *(Graph("network", (narrow,), (fine, after), ("y", "z")) for after in results),
        Graph("network", (narrow,), (Node(("y",), Softmax(0, output=shares), ("x",)),), ("y",)),
        *(Graph("network", (x,), (quantized("y", "x", DType.INT32, 0.003),), ("y",)) for x in (narrow, wide)),
        *(Graph("network", (x,), (Node(("y",), ArgMin(0), ("x",)),), ("y",)) for x in (narrow, wide)),
    ]


def unsigned_ends(graph: Graph) -> Graph:
    """The network with inputs and outputs of uint8 instead of int8, converted at the border."""
    inside = {g.name: ElementType(DType.INT8, g.type.quant) for g in graph.inputs if g.type.dtype is DType.INT8}
    outputs = {name: graph.types[name] for name in graph.outputs if graph.types[name].dtype is DType.INT8}
    outside = {name: ElementType(DType.UINT8, shifted(ElementType(DType.INT8, t.quant))) for name, t in outputs.items()}
    inputs = (
        replace(g, type=replace(g.type, dtype=DType.UINT8, quant=shifted(inside[g.name]))) if g.name in inside else g
        for g in graph.inputs
    )
    reads = {name: f"{name}/int8" for name in inside}
    nodes = (
        *(Node((reads[name],), Quantize(output=element), (name,)) for name, element in inside.items()),
        *(replace(node, inputs=tuple(reads.get(name, name) for name in node.inputs)) for node in graph.nodes),
        *(Node((f"{n}/uint8",), Quantize(output=each), (reads.get(n, n),)) for n, each in outside.items()),
    )
    ends = tuple(f"{name}/uint8" if name in outside else name for name in graph.outputs)
    return replace(graph, inputs=tuple(inputs), nodes=nodes, outputs=ends)


@dataclass
class _Growing:
    """A network under construction, and its values on some samples."""

    rng: np.random.Generator
    mixed: bool
    dtypes: Sequence[DType]
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    types: dict[str, TensorType] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def add_input(self, given: Input) -> None:
        """One in float32 or in integers; on the scale of the one before, or on its own."""
        in_float = self.mixed and self.rng.integers(3) == 0
        dtype = self.any_of(self.dtypes)
        alike = [x.type.quant for x in self.inputs if x.type.dtype is dtype and self.rng.integers(2)]
        quant = alike[-1] if alike else self.quant(dtype, -2.0, 2.0)
        type_ = given.type if in_float else TensorType(given.type.shape, dtype, quant)
        given = Input(given.name, type_)
        self.inputs.append(given)
        self.types[given.name] = type_
        self.arrays[given.name] = stored_samples(Graph("x", (given,), (), (given.name,)), 4)[0]

    def add(self, node: Node) -> None:
        """One layer, or where more than two values are to be added or multiplied, a chain of them."""
        if isinstance(node.layer, Add | Multiply) and node.layer.operand is not None and len(node.inputs) > 1:
            before = f"{node.name}/inputs"
            self.add(replace(node, outputs=(before,), layer=replace(node.layer, operand=None)))
            self.add(replace(node, inputs=(before,)))
        elif isinstance(node.layer, Add | Multiply) and len(node.inputs) > 2:
            before = f"{node.name}/before"
            self.add(replace(node, outputs=(before,), inputs=node.inputs[:-1]))
            self.add(replace(node, inputs=(before, node.inputs[-1])))
        elif isinstance(node.layer, Recurrent) and len(node.outputs) > 1:
            last = replace(node.layer, return_sequences=False, return_state=False)
            self.add(replace(node, outputs=node.outputs[:1], layer=replace(node.layer, return_state=False)))
            for name in node.outputs[1:]:
                self.add(replace(node, outputs=(name,), layer=last))
        elif self.mixed and isinstance(node.layer, EXACT) and self.rng.integers(2):
            layer = replace(node.layer, activation=None) if isinstance(node.layer, Merge) else node.layer
            self.emit(node.name, layer, [self.in_float(name) for name in node.inputs])
        else:
            able = [d for d in self.dtypes if type(node.layer) in (INT8 if d is DType.INT8 else INT16)]
            dtype = self.any_of(able or self.dtypes)
            inputs = node.inputs[:1] if isinstance(node.layer, Recurrent) else node.inputs
            names = [self.in_numbers(name, dtype) for name in inputs]
            self.emit(node.name, self.in_integers(node.layer, names, dtype), names)

    def any_of(self, dtypes: Sequence[DType]) -> DType:
        return dtypes[0] if len(dtypes) == 1 else dtypes[int(self.rng.integers(len(dtypes)))]

    def emit(self, name: str, layer: Layer, operands: Sequence[str]) -> None:
        types = [self.types[operand] for operand in operands]
        (y,) = layer.outputs(*types)
        inputs = [self.arrays[operand] for operand in operands]
        integers = any(type_.quant is not None for type_ in (y, *types))
        (self.arrays[name],) = apply_quantised(layer, types, [y], *inputs) if integers else apply(layer, *inputs)
        self.types[name] = y
        self.nodes.append(Node((name,), layer, tuple(operands)))

    def in_float(self, name: str) -> str:
        if self.types[name].quant is None:
            return name
        return self.converted(name, f"{name}/float", Dequantize())

    def in_numbers(self, name: str, dtype: DType) -> str:
        type_ = self.types[name]
        if type_.dtype is dtype:
            return name
        values = self.arrays[name] if type_.quant is None else _real(type_, self.arrays[name])
        quant = self.quant(dtype, float(values.min()), float(values.max()))
        return self.converted(name, f"{name}/{dtype.value}", Quantize(output=ElementType(dtype, quant)))

    def converted(self, name: str, wanted: str, layer: Layer) -> str:
        if wanted not in self.types:
            self.emit(wanted, layer, [name])
        return wanted

    def quant(self, dtype: DType, low: float, high: float) -> Quantisation:
        """For about this range; the zero point of int8 is anywhere."""
        low, high = min(low, 0.0), max(high, 0.0)
        if dtype is DType.INT16:
            scale = max(high, -low, 1e-3) / 2**15 * 2 ** self.rng.uniform(-1.0, 1.0)
            return Quantisation((float(np.float32(scale)),))
        scale = float(np.float32(max(high - low, 1e-3) / 255 * 2 ** self.rng.uniform(-1.0, 1.0)))
        fitting = int(np.clip(round(-128 - low / scale), -128, 127))
        return Quantisation((scale,), [fitting, fitting, -128, int(self.rng.integers(-128, 128))][self.rng.integers(4)])

    def operand(self, real: Constant, dtype: DType) -> Constant:
        """A constant in integers, on a scale that about fits."""
        quant = self.quant(dtype, float(real.array.min()), float(real.array.max()))
        return Constant(TensorType(real.shape, dtype, quant).stored(real.array), quant)

    def in_integers(self, layer: Layer, names: Sequence[str], dtype: DType) -> Layer:
        """The layer with integers for weights and a clamp for its activation, on a scale that about fits."""
        given = self.types[names[0]].quant
        assert given is not None
        changes: dict[str, Any] = {}
        if isinstance(layer, Recurrent):
            return self.recurrent(layer, given.scale[0], dtype)
        if hasattr(layer, "activation"):
            changes["activation"] = [None, Relu(), Relu(6.0), Relu(1.0)][self.rng.integers(4)]
        if isinstance(layer, Conv2D | Conv2DTranspose | DepthwiseConv2D | Dense):
            changes |= self.weights(layer, given.scale[0], dtype)
        if isinstance(layer, PReLU):
            stored = self.rng.integers(-128, 128, layer.alpha.shape).astype(np.int8)
            changes["alpha"] = Constant(stored, Quantisation((0.004,), int(self.rng.integers(-128, 128))))
        if isinstance(layer, AveragePooling2D):
            changes["count_padding"] = False
        if isinstance(layer, Merge) and layer.operand is not None:
            changes["operand"] = self.operand(layer.operand, dtype)
        if isinstance(layer, KEEPING):
            return replace(layer, **changes)
        if isinstance(layer, Activation) and dtype is DType.INT16:
            changes["function"] = FUNCTIONS[self.rng.integers(len(FUNCTIONS))]
        if isinstance(layer, Softmax) or isinstance(changes.get("function"), Sigmoid | Tanh):
            unit = Quantisation((2**-15,)) if dtype is DType.INT16 else Quantisation((1 / 256,), -128)
            return replace(layer, **changes, output=ElementType(dtype, unit))
        if isinstance(layer, LogSoftmax):
            return replace(layer, output=ElementType(dtype, Quantisation((1 / 16,), 127)))
        if isinstance(layer, UnitNormalization):
            return replace(layer, output=ElementType(dtype, Quantisation((1 / 128,))))
        if isinstance(layer, MOVING) and self.rng.integers(2):
            return replace(layer, output=ElementType(dtype, given))
        real = [_real(self.types[name], self.arrays[name]) for name in names]
        with np.errstate(all="ignore"):
            (y,) = apply(_in_reals(replace(layer, **changes), given.scale[0]), *real)
        y = np.clip(np.nan_to_num(y), -1e3, 1e3)  # a quotient may be none
        return replace(layer, **changes, output=ElementType(dtype, self.quant(dtype, float(y.min()), float(y.max()))))

    def weights(
        self, layer: Conv2D | Conv2DTranspose | DepthwiseConv2D | Dense, given: float, dtype: DType
    ) -> dict[str, Any]:
        """Integer weights and bias."""
        array = layer.weights.array.astype(np.float64)
        filters_last = array.swapaxes(2, 3) if isinstance(layer, Conv2DTranspose) else array
        if isinstance(layer, DepthwiseConv2D):
            filters_last = array.reshape(*layer.kernel, -1)
        filters = filters_last.shape[-1]
        thin = self.rng.integers(3) == 0
        filters_last = filters_last * (self.rng.random(filters) > (0.4 if thin else 0.0))
        by_filter = np.abs(filters_last).reshape(-1, filters).max(axis=0)
        largest = by_filter if self.rng.integers(2) else by_filter.max(keepdims=True)
        scale = (np.maximum(largest, 1e-2) / 127).astype(np.float32).astype(np.float64)
        stored = np.round(filters_last / scale).clip(-127, 127).astype(np.int8)
        axis = {Conv2DTranspose: 2, Dense: 1}.get(type(layer), 3) if scale.size > 1 else None
        stored = stored.swapaxes(2, 3) if isinstance(layer, Conv2DTranspose) else stored.reshape(array.shape)
        changes: dict[str, Any] = {"weights": Constant(stored, Quantisation(tuple(scale.tolist()), 0, axis))}
        if layer.bias is not None:
            real = layer.bias.array - (6.0 * self.rng.integers(0, 2, filters) if thin else 0.0)
            bias = np.round(real / (scale * given))
            if dtype is DType.INT16:
                changes["bias"] = Constant(self.bias16(bias.clip(-(2.0**40), 2.0**40).astype(np.int64), stored))
            else:
                changes["bias"] = Constant(bias.clip(-(2**24), 2**24).astype(np.int32))
        return changes

    def recurrent(self, layer: Recurrent, given: float, dtype: DType) -> Recurrent:
        """With a scale for each gate, and in an LSTM a cell that is now and then at its limit."""
        state = 1.0 if isinstance(layer, LSTM) else STATE_SCALE
        matrices = (layer.kernel.array, layer.recurrent_kernel.array)
        stored = [self.rng.integers(-127, 128, each.shape).astype(np.int8) for each in matrices]
        fitting = [
            2.0 / (127 * each.shape[0] ** 0.5 * scale) for each, scale in zip(stored, (given * 70, 1), strict=True)
        ]
        if dtype is DType.INT16:
            fitting[0] /= 256
        gates = layer.gates
        scales = [np.repeat(scale * 2 ** self.rng.uniform(-1, 1, gates), layer.units) for scale in fitting]
        kernel, recurrent = (
            Constant(each, Quantisation(tuple(scale.astype(np.float32).tolist()), axis=1))
            for each, scale in zip(stored, scales, strict=True)
        )
        bias = None
        if layer.bias is not None:
            of_sums = np.stack([scales[0] * given, scales[1] * state])[: 2 if len(layer.bias.shape) > 1 else 1]
            whole = np.round(self.rng.uniform(-2, 2, of_sums.shape) / of_sums).clip(-(2**24), 2**24)
            bias = Constant(whole.astype(np.int64 if dtype is DType.INT16 else np.int32).reshape(layer.bias.shape))
        changed = layer.changed(
            kernel=kernel,
            recurrent_kernel=recurrent,
            bias=bias,
            activation=Tanh(),
            initial_state=False,
            masked=False,
            output=ElementType(dtype, self.quant(dtype, -1.0, 1.0)),
        )
        if isinstance(changed, GRU | LSTM):
            changed = replace(changed, recurrent_activation=Sigmoid())
        cell = 2.0 ** -int(self.rng.integers(9, 16))
        return replace(changed, cell_scale=cell) if isinstance(changed, LSTM) else changed

    def bias16(self, bias: Array, weights: Array) -> Array:
        """In 32 bits, in 64, or so large that sums do not fit 32."""
        form = self.rng.integers(3)
        if form == 0 and np.abs(bias).max() + weights.size * 2**22 < 2**31:
            return bias.astype(np.int32)
        return np.asarray(bias + (self.rng.integers(-(2**40), 2**40, bias.shape) >> 2) * int(form == 1))


def _real(type_: TensorType, stored: Array) -> Array:
    assert type_.quant is not None
    return np.asarray((stored.astype(np.float64) - type_.quant.zero_point) * type_.quant.scale[0])


def _in_reals(layer: Layer, given: float) -> Layer:
    """The layer with the weights that its integers stand for."""
    if isinstance(layer, PReLU):
        return replace(layer, alpha=Constant(_real(layer.alpha.type, layer.alpha.array)))
    if isinstance(layer, Merge) and layer.operand is not None:
        return replace(layer, operand=Constant(_real(layer.operand.type, layer.operand.array)))
    if not isinstance(layer, Conv2D | Conv2DTranspose | DepthwiseConv2D | Dense):
        return layer
    assert layer.weights.quant is not None
    scale = np.array(layer.weights.quant.scale)
    stored = layer.weights.array
    if isinstance(layer, Conv2DTranspose):
        real = stored * scale[:, np.newaxis]
    elif isinstance(layer, DepthwiseConv2D):
        real = (stored.reshape(*layer.kernel, -1) * scale).reshape(stored.shape)
    else:
        real = stored * scale
    bias = None if layer.bias is None else Constant(layer.bias.array * scale * given)
    return replace(layer, weights=Constant(real), bias=bias)
