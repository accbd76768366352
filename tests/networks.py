"""Random networks: hypothesis draws their structure, a seeded generator their weights.

    networks()                     any layer kinds, branches, several inputs and outputs
    networks(layers=[Conv2D, Add]) only these kinds
    single_layers(Conv2D)          one layer of a kind with random attributes
    chain((8, 8, 1), conv=..., relu=...) named layers one after the other
    folding()                      rows in turns, and reductions of them
    samples(graph)                 inputs for any of them, batch first

Shapes are small, and values stay finite, of the order of 1, and insensitive to
rounding: a layer whose values exceed `LARGEST`, or that magnifies errors (a
normalisation of numbers that are all the same), is left out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from layer_kinds import FUNCTIONS, KINDS, Draw, functions, inputs_of

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling,
    GlobalMaxPooling,
    Recurrent,
    Where,
)
from mnc.ir.types import Array, Constant, Shape, ShapeError, TensorType
from mnc.reference import apply

__all__ = [
    "FUNCTIONS",
    "KINDS",
    "Batch",
    "batches",
    "chain",
    "folding",
    "functions",
    "networks",
    "samples",
    "shapes",
    "single_layers",
]

LARGEST = 50.0
"""No value of a drawn network is larger than this on its `samples`."""

ROUNDING = 2.0**-22
"""The relative error that every value of a network under construction is given, some roundings of a float32."""

MOVED = 4e-6
"""How far such errors may move a value, relative to the largest in the network: what tests with tolerances rely on."""


class Batch(list[Graph]):
    """Networks that one call of the compiler gets; Hypothesis takes the weights of them all for too long a text."""

    def __repr__(self) -> str:
        return f"a batch of {len(self)} networks"


class Everything(frozenset[str]):
    """A set of names that has them all."""

    def __contains__(self, name: object) -> bool:
        return True


@st.composite
def batches(draw: Draw, drawn: st.SearchStrategy[Graph], size: int) -> Batch:
    """As many networks as one call of the compiler gets.

    Hypothesis begins with the simplest example of all, here one value that goes
    through one element `size` times over; it is thrown away, as a test that
    can afford one batch would see nothing else.
    """
    assume(draw(st.booleans()))
    return Batch(draw(drawn) for _ in range(size))


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
        fitting = [
            kind
            for kind in kinds
            if rank in KINDS[kind].ranks and (operand.startswith("x") or not KINDS[kind].reads_inputs_only)
        ]
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


def chain(shape: Shape, /, **layers: Layer) -> Graph:
    """A network that sends its input `x` through these layers; each value has its layer's name."""
    names = ["x", *layers]
    nodes = [Node((name,), layer, (names[i],), f"the line of {name}") for i, (name, layer) in enumerate(layers.items())]
    return Graph("chain", (Input("x", TensorType(shape)),), tuple(nodes), (names[-1],))


def folding() -> list[Graph]:
    """Convolutions in turns, from one ring of rows into the next, whose last rows are reduced as they come."""
    rng = np.random.default_rng(0)

    def conv(inputs: int, rows: int = 3) -> Conv2D:
        return Conv2D(Constant(rng.normal(0.0, 0.3, (rows, 3, inputs, 4)).astype(np.float32)))

    reductions: tuple[Layer, ...] = (GlobalMaxPooling(), GlobalAveragePooling(), AveragePooling2D((5, 2), (1, 1)))
    wide = Conv2D(Constant(rng.normal(0.0, 0.3, (1, 1, 3, 8)).astype(np.float32)), Constant(np.ones(8, np.float32)))
    dense = Dense(Constant(rng.normal(0.0, 0.2, (9 * 3 * 8, 5)).astype(np.float32)), Constant(np.ones(5, np.float32)))
    over_all = chain((9, 3, 3), wide=wide, flat=Flatten(), dense=dense)
    tall = chain((14, 6, 3), first=conv(3), second=conv(4, rows=6), reduced=GlobalMaxPooling())
    return [*(chain((9, 6, 3), first=conv(3), second=conv(4), reduced=layer) for layer in reductions), over_all, tall]


def shapes(rank: int) -> st.SearchStrategy[Shape]:
    """Shapes without batch: short axes, the channels up to 9."""
    sizes = [st.integers(1, 7)] * (rank - 1)
    return st.tuples(*sizes, st.integers(1, 6) | st.integers(7, 9))


def _sample(rng: np.random.Generator, type_: TensorType, count: int) -> Array:
    return rng.normal(size=(count, *type_.shape)).clip(-2, 2).astype(np.float32)


@dataclass
class _Growing:
    """A network under construction, and its values on some samples."""

    rng: np.random.Generator
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, TensorType] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    rounded: dict[str, Array] = field(default_factory=dict)
    """A network's values, with an error brought into each."""

    def add_input(self, type_: TensorType) -> None:
        name = f"x{len(self.inputs)}"
        self.inputs.append(Input(name, type_))
        self.values[name] = type_
        self.arrays[name] = _sample(self.rng, type_, 2)
        self.rounded[name] = self._rounded(self.arrays[name])

    def add_layer(self, draw: Draw, kind: type[Layer], operand: str) -> None:
        """A layer that reads `operand`, and others that fit to it where the kind takes several."""
        x = self.values[operand]
        layer = KINDS[kind].build(draw, self.rng, x)
        names = [operand]
        if isinstance(layer, Where):
            names.insert(0, self._mask(draw(st.sampled_from([x.shape, x.shape[-1:]]))))
        least, most = inputs_of(layer)
        for _ in range(draw(st.integers(least, 3 if most is None else most)) - len(names)):
            names.append(draw(st.sampled_from([name for name in self.values if self._fit(layer, names, name)])))
        if isinstance(layer, Recurrent):
            names += [self._state(layer) for _ in range(layer.states if layer.initial_state else 0)]
            names += [self._mask(x.shape[:1])] * layer.masked
        types = layer.outputs(*(self.values[name] for name in names))
        arrays = apply(layer, *(self.arrays[name] for name in names))
        if not all(np.abs(array).max() <= LARGEST and array.size <= 10_000 for array in arrays):
            return
        rounded = apply(layer, *(self.rounded[name] for name in names))
        largest = max(1.0, *(float(np.abs(array).max()) for array in (*self.arrays.values(), *arrays)))
        if any(np.abs(a - b).max() > MOVED * largest for a, b in zip(arrays, rounded, strict=True)):
            return
        index = len(self.nodes)
        outputs = tuple(f"v{index}" if i == 0 else f"v{index}_{i}" for i in range(len(types)))
        self.nodes.append(Node(outputs, layer, tuple(names)))
        self.values.update(zip(outputs, types, strict=True))
        self.arrays.update(zip(outputs, arrays, strict=True))
        self.rounded.update(zip(outputs, map(self._rounded, rounded), strict=True))

    def _state(self, layer: Recurrent) -> str:
        """An input that is the initial state."""
        self.add_input(TensorType((layer.units,)))
        return self.inputs[-1].name

    def _mask(self, shape: Shape) -> str:
        """Numbers of which about half are 0: those of a mask's steps, or a condition."""
        self.add_input(TensorType(shape))
        mask = f"m{len(self.nodes)}"
        given, layer = self.inputs[-1].name, Activation(Relu())
        self.nodes.append(Node((mask,), layer, (given,)))
        self.values[mask] = self.values[given]
        self.arrays[mask], self.rounded[mask] = (apply(layer, a[given])[0] for a in (self.arrays, self.rounded))
        return mask

    def _rounded(self, array: Array) -> Array:
        """With a relative error of up to `ROUNDING` in each element."""
        error = np.random.default_rng(0).uniform(-ROUNDING, ROUNDING, array.shape)
        return (array * (1 + error)).astype(np.float32)

    def _fit(self, layer: Layer, names: list[str], another: str) -> bool:
        """Whether `another` can be the next operand; the first one always can."""
        missing = inputs_of(layer)[0] - len(names) - 1
        try:
            layer.outputs(*(self.values[name] for name in (*names, another, *names[:1] * missing)))
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
