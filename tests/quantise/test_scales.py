"""Which values share a scale, and which keep one of their own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnc
from mnc.backends import get, refusals
from mnc.ir.activations import Function, Relu, Sigmoid, Tanh
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import Activation, Concatenate, Conv2D, MaxPooling2D, Reshape, ResizeNearest, Softmax
from mnc.ir.types import Array, Constant, DType, TensorType
from mnc.quantise import Scheme, to_integers
from mnc.quantise.quality import decibels
from mnc.quantise.scales import SYMMETRIC_UNIT, UNIT, WIDE_UNIT, Range, quantisation, quantisations
from mnc.reference import evaluate

FUNCTIONS: tuple[Layer, ...] = (Activation(Sigmoid()), Activation(Tanh()), Softmax())
MOVES: tuple[tuple[Layer, ...], ...] = (
    (),
    (MaxPooling2D((1, 1), (1, 1)), Reshape((4, 4, 3))),
    (Reshape((2, 8, 3)), Reshape((4, 4, 3))),
    (ResizeNearest((4, 4)),),
)
X = TensorType((4, 4, 2))


class Network:
    """Grows by branches, all of 4x4 pixels."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []

    def add(self, layer: Layer, *inputs: str) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(Node((name,), layer, inputs))
        return name

    def conv(self, size: float = 1.0, inputs: int = 2, value: str = "x", activation: Function | None = None) -> str:
        weights = self.rng.normal(0.0, size / np.sqrt(inputs), (1, 1, inputs, 3)).astype(np.float32)
        return self.add(Conv2D(Constant(weights), activation=activation), value)

    def fixed(self, function: Layer, moves: tuple[Layer, ...] = ()) -> str:
        value = self.add(function, self.conv(2.0))
        for move in moves:
            value = self.add(move, value)
        return value

    def graph(self, *outputs: str) -> Graph:
        return Graph("net", (Input("x", X),), tuple(self.nodes), outputs)

    def samples(self) -> Array:
        return np.asarray(self.rng.normal(size=(60, *X.shape)).astype(np.float32))


def integers(graph: Graph, samples: Array, numbers: str = "int8") -> Graph:
    return to_integers(graph, Scheme(samples, numbers), partial(refusals, get("c"))).graph


def ratio(real: Graph, stored: Graph, value: str, samples: Array) -> float:
    """Signal-to-quantisation-noise ratio of a value, in dB."""
    got = evaluate(stored, samples)[value]
    return decibels(evaluate(real, samples)[value], stored.types[value].real(got))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    functions=st.lists(st.tuples(st.sampled_from(FUNCTIONS), st.sampled_from(MOVES)), min_size=1, max_size=3),
    sizes=st.lists(st.sampled_from((0.3, 1.0, 3.0, 10.0)), max_size=2),
    nested=st.booleans(),
    numbers=st.sampled_from(["int8", "int16x8"]),
)
def test_nobody_dictates_a_scale(
    seed: int,
    functions: list[tuple[Layer, tuple[Layer, ...]]],
    sizes: list[float],
    nested: bool,
    numbers: str,
) -> None:
    """Whatever is concatenated, and again, each branch is as good as its own range allows in the common one."""
    net = Network(seed)
    branches = [net.fixed(function, moves) for function, moves in functions] + [net.conv(size) for size in sizes]
    joined = net.add(Concatenate(), *branches)
    if nested:
        joined = net.add(Concatenate(), net.conv(1.0), joined)
    channels = net.graph(joined).types[joined].shape[-1]
    real = net.graph(net.conv(inputs=channels, value=joined), joined)
    samples = net.samples()
    stored = integers(real, samples, numbers)
    assert ratio(real, stored, joined, samples) > (24.0 if numbers == "int8" else 36.0)


@pytest.mark.parametrize("numbers", ["int8", "int16x8"])
def test_a_fixed_scale_stays_with_its_branch(numbers: str) -> None:
    net = Network(0)
    gate = net.fixed(Activation(Sigmoid()), (MaxPooling2D((1, 1), (1, 1)),))
    y = net.add(Concatenate(), net.conv(10.0), gate)
    types = integers(net.graph(y), net.samples(), numbers).types
    assert types[gate].quant == (UNIT if numbers == "int8" else WIDE_UNIT)
    assert types[y].quant not in (UNIT, WIDE_UNIT)


def test_equal_fixed_scales_are_copied() -> None:
    net = Network(0)
    one, other = net.fixed(Activation(Sigmoid())), net.fixed(Softmax())
    both = net.add(Concatenate(), one, other)
    more = net.add(Concatenate(), both, net.conv(4.0))
    types = integers(net.graph(both, more), net.samples()).types
    assert types[one].quant == types[other].quant == types[both].quant == UNIT
    assert types[more].quant != UNIT


def test_two_fixed_scales_find_a_third() -> None:
    net = Network(0)
    one, other = net.fixed(Activation(Sigmoid())), net.fixed(Activation(Tanh()))
    both = net.add(Concatenate(), one, other)
    types = integers(net.graph(both), net.samples()).types
    assert (types[one].quant, types[other].quant) == (UNIT, SYMMETRIC_UNIT)
    assert types[both].quant not in (UNIT, SYMMETRIC_UNIT)


def test_a_value_of_two_concatenations_keeps_its_steps() -> None:
    """Beside a small and beside a large one, and read on its own: the large one must not make it coarse."""
    net = Network(1)
    small, middle, large = net.conv(1.0), net.conv(1.0), net.conv(40.0)
    near, far = net.add(Concatenate(), small, middle), net.add(Concatenate(), middle, large)
    graph = net.graph(near, far, net.conv(inputs=3, value=middle, activation=Relu()))
    ranges = {name: Range(0.0, 1.0) for name in graph.types} | {large: Range(-40.0, 40.0), far: Range(-40.0, 40.0)}
    quants = quantisations(graph, ranges, {node.name for node in graph.nodes}, DType.INT8)
    assert quants[small] == quants[middle] == quants[near] == quantisation(0.0, 1.0)
    assert quants[far] == quants[large] == quantisation(-40.0, 40.0)


def test_what_is_only_concatenated_needs_no_rescaling() -> None:
    net = Network(2)
    small, large = net.conv(0.1), net.conv(40.0)
    y = net.add(Concatenate(), net.add(MaxPooling2D((1, 1), (1, 1)), small), large)
    types = integers(net.graph(y), net.samples()).types
    assert types[small].quant == types[large].quant == types[y].quant


@pytest.mark.usefixtures("cc")
@pytest.mark.parametrize("numbers", ["int8", "int16x8"])
def test_the_code_rescales_as_the_reference_does(numbers: str) -> None:
    net = Network(3)
    parts = [net.fixed(function) for function in FUNCTIONS]
    y = net.add(Concatenate(), *parts, net.conv(6.0))
    samples = net.samples()
    build = mnc.compile(net.graph(y), scheme=Scheme(samples, numbers))
    x = build.graph.inputs[0].type.stored(samples)
    np.testing.assert_array_equal(build.predict(x), build.graph.predict(x))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.0, 0.0),
        (3.0, 3.0),
        (-3.0, -3.0),
        (1e-45, 1e-45),
        (-1e-40, 1e-40),
        (0.0, 1e30),
        (-3e38, 3e38),
        (101315, 101335),
    ],
)
@pytest.mark.parametrize("dtype", [DType.INT8, DType.INT16])
def test_any_range_has_a_scale(low: float, high: float, dtype: DType) -> None:
    quant = quantisation(low, high, dtype)
    (scale,), info = quant.scale, np.iinfo(dtype.numpy)
    assert 2.0**-60 <= scale == np.float32(scale)
    assert info.min <= quant.zero_point <= info.max
    reach = [(end - quant.zero_point) * scale for end in (info.min, info.max)]
    assert reach[0] - scale <= min(low, 0.0) <= max(high, 0.0) <= reach[1] + scale
    assert Range.around(Range(low, high), Range(1.0, 2.0)).low <= 0.0
