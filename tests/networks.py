"""Random networks: hypothesis draws their structure, a seeded generator their weights.

    networks()                     any layer kinds, branches, several inputs and outputs
    networks(layers=[Conv2D, Add]) only these kinds
    single_layers(Conv2D)          one layer of a kind with random attributes
    samples(graph)                 inputs for it, batch first

Shapes are small, and values stay finite and of the order of 1: a layer whose
values on `samples` exceed `LARGEST` is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mnc.ir import activations
from mnc.ir.activations import Function
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    Add,
    Average,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Identity,
    Maximum,
    MaxPooling2D,
    Minimum,
    Multiply,
    Padding,
    Pair,
    Reshape,
    SeparableConv2D,
    Softmax,
    Subtract,
    ZeroPadding2D,
    same_padding,
)
from mnc.ir.layers.window import extent
from mnc.ir.types import Array, Constant, Shape, ShapeError, TensorType
from mnc.reference import apply

LARGEST = 50.0
"""No value of a drawn network is larger than this on its `samples`."""

Draw = Callable[[st.SearchStrategy[Any]], Any]


def samples(graph: Graph, count: int = 2, seed: int = 0) -> list[Array]:
    """One array for each input of the network: `count` samples between -2 and 2."""
    rng = np.random.default_rng(seed)
    return [_sample(rng, given.type, count) for given in graph.inputs]


@st.composite
def networks(
    draw: Draw,
    layers: Collection[type[Layer]] | None = None,
    max_layers: int = 7,
    max_inputs: int = 2,
    max_outputs: int = 3,
) -> Graph:
    """A network of up to `max_layers` layers of the given kinds (None: all kinds)."""
    kinds = [kind for kind in KINDS if layers is None or kind in layers]
    ranks = [rank for rank in (3, 2, 1) if any(rank in KINDS[kind].ranks for kind in kinds)]
    growing = _Growing(np.random.default_rng(draw(st.integers(0, 2**16))))
    for _ in range(draw(st.integers(1, max_inputs))):
        growing.add_input(TensorType(draw(shapes(draw(st.sampled_from([ranks[0], *ranks]))))))
    for count in range(draw(st.integers(1, max_layers))):
        latest_first = list(reversed(growing.values))
        branches = draw(st.integers(0, 3)) == 3
        operand = "x0" if count == 0 else draw(st.sampled_from(latest_first)) if branches else latest_first[0]
        rank = growing.values[operand].rank
        fitting = [kind for kind in kinds if rank in KINDS[kind].ranks]
        if fitting:
            growing.add_layer(draw, draw(st.sampled_from(fitting)), operand)
    return growing.finished(draw, max_outputs)


@st.composite
def single_layers(draw: Draw, kind: type[Layer]) -> Graph:
    """A network of one layer of this kind, with random attributes; one operand may be read twice."""
    growing = _Growing(np.random.default_rng(draw(st.integers(0, 2**16))))
    shape = draw(shapes(draw(st.sampled_from(KINDS[kind].ranks))))
    least, most = kind.arity
    for _ in range(least if most == least else draw(st.integers(least, 3))):
        growing.add_input(TensorType(shape))
    growing.add_layer(draw, kind, "x0")
    return growing.finished(draw, 1)


def shapes(rank: int) -> st.SearchStrategy[Shape]:
    """Shapes without batch: short axes, the channels up to 9."""
    sizes = [st.integers(1, 7)] * (rank - 1)
    return st.tuples(*sizes, st.integers(1, 6) | st.integers(7, 9))


@st.composite
def functions(draw: Draw) -> Function:
    """Any activation function with any attributes."""
    return FUNCTIONS[draw(st.sampled_from(list(FUNCTIONS)))](draw)


def _sample(rng: np.random.Generator, type_: TensorType, count: int) -> Array:
    return rng.normal(size=(count, *type_.shape)).clip(-2, 2).astype(np.float32)


@dataclass
class _Growing:
    """A network under construction, and what its values are on some samples."""

    rng: np.random.Generator
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, TensorType] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def add_input(self, type_: TensorType) -> None:
        name = f"x{len(self.inputs)}"
        self.inputs.append(Input(name, type_))
        self.values[name] = type_
        self.arrays[name] = _sample(self.rng, type_, 2)

    def add_layer(self, draw: Draw, kind: type[Layer], operand: str) -> None:
        """A layer that reads `operand`, and others that fit to it where the kind takes several."""
        x = self.values[operand]
        layer = KINDS[kind].build(draw, self.rng, x)
        names = [operand]
        least, most = kind.arity
        for _ in range(draw(st.integers(least, 3 if most is None else most)) - 1):
            names.append(draw(st.sampled_from([name for name in self.values if self._fit(layer, names, name)])))
        types = layer.outputs(*(self.values[name] for name in names))
        arrays = apply(layer, *(self.arrays[name] for name in names))
        if any(np.abs(array).max() > LARGEST or array.size > 10_000 for array in arrays):
            return
        index = len(self.nodes)
        outputs = tuple(f"v{index}" if i == 0 else f"v{index}_{i}" for i in range(len(types)))
        self.nodes.append(Node(outputs, layer, tuple(names)))
        self.values.update(zip(outputs, types, strict=True))
        self.arrays.update(zip(outputs, arrays, strict=True))

    def _fit(self, layer: Layer, names: list[str], another: str) -> bool:
        """Whether `another` can be the next operand; the first one always can."""
        try:
            layer.outputs(*(self.values[name] for name in (*names, another)))
        except ShapeError:
            return another == names[0]
        return True

    def finished(self, draw: Draw, max_outputs: int) -> Graph:
        """The network that gives some of the values that nothing reads, and maybe another."""
        assume(self.nodes)
        made = [name for node in self.nodes for name in node.outputs]
        read = {name for node in self.nodes for name in node.inputs}
        leaves = [name for name in reversed(made) if name not in read]
        outputs = [leaves[0], *(name for name in leaves[1:max_outputs] if draw(st.booleans()))]
        inner = [name for name in made if name in read]
        if len(outputs) < max_outputs and inner and draw(st.integers(0, 3)) == 3:
            outputs.append(draw(st.sampled_from(inner)))
        return Graph("random", tuple(self.inputs), tuple(self.nodes), tuple(outputs))


@dataclass(frozen=True)
class Kind:
    """How layers of one kind are drawn for an operand of one of these ranks."""

    ranks: tuple[int, ...]
    build: Callable[[Draw, np.random.Generator, TensorType], Layer]


def _weights(rng: np.random.Generator, shape: Shape, fan_in: int) -> Constant:
    """Weights that keep the size of values: a sum over `fan_in` products."""
    return Constant(rng.normal(0.0, 1.0 / math.sqrt(fan_in), shape).astype(np.float32))


def _vector(draw: Draw, rng: np.random.Generator, size: int) -> Constant | None:
    """A bias, or None."""
    return Constant(rng.normal(0.0, 0.5, size).astype(np.float32)) if draw(st.booleans()) else None


def _fused(draw: Draw) -> Function | None:
    return draw(st.none() | functions())  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Window:
    kernel: Pair
    stride: Pair
    padding: Padding
    dilation: Pair


def _window(draw: Draw, x: TensorType, *, dilates: bool) -> _Window:
    """A window that fits into the image `x`, strided or dilated, padded or not, never only over padding."""
    mode = draw(st.sampled_from(["plain", "strided", "dilated"] if dilates else ["plain", "strided"]))
    (kernel_y, stride_y, pad_y, dilation_y), (kernel_x, stride_x, pad_x, dilation_x) = (
        _axis(draw, size, mode) for size in x.shape[:2]
    )
    return _Window((kernel_y, kernel_x), (stride_y, stride_x), (pad_y, pad_x), (dilation_y, dilation_x))


def _axis(draw: Draw, size: int, mode: str) -> tuple[int, int, Pair, int]:
    """(kernel, stride, padding, dilation) along one axis."""
    kernel = draw(st.integers(1, 4))
    step = draw(st.integers(1, 3))
    stride, dilation = (step if mode == "strided" else 1), (step if mode == "dilated" else 1)
    padding = (0, 0)
    match draw(st.sampled_from(["valid", "same", "any"])):
        case "same":
            padding = same_padding(size, kernel, stride, dilation)
        case "any":
            padding = (draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1)))
    if extent(kernel, dilation) > size + sum(padding):
        return (min(kernel, size), stride, (0, 0), 1)
    return (kernel, stride, padding, dilation)


def _conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    filters = groups * draw(st.integers(1, max(1, 9 // groups)))
    fan_in = math.prod(window.kernel) * channels // groups
    return Conv2D(
        _weights(rng, (*window.kernel, channels // groups, filters), fan_in),
        _vector(draw, rng, filters),
        window.stride,
        window.padding,
        window.dilation,
        groups,
        _fused(draw),
    )


def _depthwise_conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    multiplier = draw(st.integers(1, 3))
    return DepthwiseConv2D(
        _weights(rng, (*window.kernel, channels, multiplier), math.prod(window.kernel)),
        _vector(draw, rng, channels * multiplier),
        window.stride,
        window.padding,
        window.dilation,
        _fused(draw),
    )


def _separable_conv2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    channels = x.shape[-1]
    window = _window(draw, x, dilates=True)
    multiplier, filters = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    return SeparableConv2D(
        _weights(rng, (*window.kernel, channels, multiplier), math.prod(window.kernel)),
        _weights(rng, (1, 1, channels * multiplier, filters), channels * multiplier),
        _vector(draw, rng, filters),
        window.stride,
        window.padding,
        window.dilation,
        _fused(draw),
    )


def _dense(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    units = draw(st.integers(1, 9))
    return Dense(_weights(rng, (x.shape[-1], units), x.shape[-1]), _vector(draw, rng, units), _fused(draw))


def _batch_normalization(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    axis = draw(st.just(-1) | _axes(x))
    size = x.shape[axis]
    variance = Constant(rng.uniform(0.5, 2.0, size).astype(np.float32))
    mean = Constant(rng.normal(0.0, 0.5, size).astype(np.float32) * draw(st.integers(0, 1)))
    gamma, beta = _vector(draw, rng, size), _vector(draw, rng, size)
    return BatchNormalization(mean, variance, gamma, beta, draw(st.sampled_from([1e-3, 1e-5])), axis)


def _max_pooling2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    window = _window(draw, x, dilates=False)
    return MaxPooling2D(window.kernel, window.stride, window.padding)


def _average_pooling2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    window = _window(draw, x, dilates=False)
    return AveragePooling2D(window.kernel, window.stride, window.padding, draw(st.booleans()))


def _zero_padding2d(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    sizes = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return ZeroPadding2D(draw(st.tuples(sizes, sizes)))


def _reshape(draw: Draw, rng: np.random.Generator, x: TensorType) -> Layer:
    *before, last = x.shape
    folded = (math.prod(before), last)
    return Reshape(draw(st.sampled_from([(1, *folded), folded, (x.elements,), (1, 1, x.elements), x.shape[::-1]])))


def _axes(x: TensorType) -> st.SearchStrategy[int]:
    return st.integers(-x.rank, x.rank - 1)


ANY_RANK = (3, 1, 2)

KINDS: dict[type[Layer], Kind] = {
    Identity: Kind(ANY_RANK, lambda draw, rng, x: Identity()),
    Activation: Kind(ANY_RANK, lambda draw, rng, x: Activation(draw(functions()))),
    Conv2D: Kind((3,), _conv2d),
    DepthwiseConv2D: Kind((3,), _depthwise_conv2d),
    SeparableConv2D: Kind((3,), _separable_conv2d),
    Dense: Kind(ANY_RANK, _dense),
    BatchNormalization: Kind(ANY_RANK, _batch_normalization),
    ZeroPadding2D: Kind((3,), _zero_padding2d),
    MaxPooling2D: Kind((3,), _max_pooling2d),
    AveragePooling2D: Kind((3,), _average_pooling2d),
    GlobalMaxPooling: Kind((3, 2), lambda draw, rng, x: GlobalMaxPooling(draw(st.booleans()))),
    GlobalAveragePooling: Kind((3, 2), lambda draw, rng, x: GlobalAveragePooling(draw(st.booleans()))),
    Softmax: Kind(ANY_RANK, lambda draw, rng, x: Softmax(draw(st.just(-1) | _axes(x)))),
    Add: Kind(ANY_RANK, lambda draw, rng, x: Add(_fused(draw))),
    Subtract: Kind(ANY_RANK, lambda draw, rng, x: Subtract(_fused(draw))),
    Multiply: Kind(ANY_RANK, lambda draw, rng, x: Multiply(_fused(draw))),
    Average: Kind(ANY_RANK, lambda draw, rng, x: Average(_fused(draw))),
    Maximum: Kind(ANY_RANK, lambda draw, rng, x: Maximum(_fused(draw))),
    Minimum: Kind(ANY_RANK, lambda draw, rng, x: Minimum(_fused(draw))),
    Reshape: Kind(ANY_RANK, _reshape),
    Flatten: Kind(ANY_RANK, lambda draw, rng, x: Flatten()),
    Concatenate: Kind(ANY_RANK, lambda draw, rng, x: Concatenate(draw(st.just(-1) | _axes(x)))),
}
"""Every layer kind."""


def _relu(draw: Draw) -> Function:
    # a threshold that no other layer gives exactly: the function jumps there
    return activations.Relu(
        draw(st.sampled_from([None, 6.0, 1.0])),
        draw(st.sampled_from([0.0, 0.1, 0.3])),
        draw(st.sampled_from([0.0, 0.0, 0.3719])),
    )


FUNCTIONS: dict[type[Function], Callable[[Draw], Function]] = {
    activations.Relu: _relu,
    activations.Elu: lambda draw: activations.Elu(draw(st.sampled_from([1.0, 0.5, 2.0]))),
    activations.Selu: lambda draw: activations.Selu(),
    activations.Sigmoid: lambda draw: activations.Sigmoid(),
    activations.HardSigmoid: lambda draw: activations.HardSigmoid(draw(st.sampled_from([1.0 / 6.0, 0.2]))),
    activations.Tanh: lambda draw: activations.Tanh(),
    activations.Softplus: lambda draw: activations.Softplus(),
    activations.Softsign: lambda draw: activations.Softsign(),
    activations.Swish: lambda draw: activations.Swish(),
    activations.HardSwish: lambda draw: activations.HardSwish(),
    activations.Gelu: lambda draw: activations.Gelu(draw(st.booleans())),
    activations.Exponential: lambda draw: activations.Exponential(),
    activations.Mish: lambda draw: activations.Mish(),
}
"""Every activation function."""
