"""Random networks that go along time: a window of frames in, built for any number of frames with the same weights.

sliding()   convolutions and pooling without padding along time, then a window of all rows
lasting()   causal and recurrent layers, whose outputs go along time
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from layer_kinds import Draw

from mnc.ir.activations import Relu
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling,
    MaxPooling2D,
    ReduceMax,
    Reshape,
    SimpleRNN,
    Slice,
)
from mnc.ir.types import Array, Constant, DType, TensorType


@dataclass(frozen=True)
class Timed:
    """A network for windows of any length."""

    build: Callable[[int], Graph]
    """From a number of frames."""
    window: int
    """The fewest frames that it can take, and some more."""
    hop: int
    """The product of its strides along time."""

    def frames(self, count: int) -> Array:
        """Frames of a sequence, (count, ...)."""
        shape = self.build(self.window).inputs[0].type.shape[1:]
        return np.random.default_rng(count).normal(size=(count, *shape)).astype(np.float32)


class _Growing:
    """A network under construction for one number of frames, its weights from a seed."""

    def __init__(self, frames: int, features: int, seed: int) -> None:
        self.nodes: list[Node] = []
        self.input = Input("x", TensorType((frames, features, 1), DType.FLOAT32))
        self.rng = np.random.default_rng(seed)
        self.value = "x"

    def constant(self, *shape: int) -> Constant:
        return Constant((self.rng.normal(size=shape) / math.prod(shape[:-1]) ** 0.5).astype(np.float32))

    def add(self, layer: Layer, *inputs: str) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(Node((name,), layer, inputs or (self.value,), f"layer {name}"))
        self.value = name
        return name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.graph().types[self.value].shape

    def graph(self) -> Graph:
        return Graph("timed", (self.input,), tuple(self.nodes), (self.value,))


@dataclass(frozen=True)
class _Along:
    """A layer along time as it was drawn."""

    kind: str
    span: int
    stride: int
    dilation: int
    channels: int
    padded: int = 0

    @property
    def extent(self) -> int:
        return (self.span - 1) * self.dilation + 1


def _layers(draw: Draw, kinds: tuple[str, ...], *, causal: bool) -> list[_Along]:
    drawn = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
        stride = 1 if causal or kind in ("relu", "residual", "branches") else draw(st.sampled_from((1, 1, 2, 3)))
        span = draw(st.integers(1, 4))
        dilation = draw(st.integers(1, 3)) if stride == 1 and kind in ("conv", "depthwise") else 1
        each = _Along(kind, span, stride, dilation, draw(st.integers(1, 5)))
        drawn.append(each if not causal else _Along(kind, span, 1, dilation, each.channels, each.extent - 1))
    return drawn


def _apply(net: _Growing, each: _Along) -> None:
    _, width, channels = net.shape
    padding, stride = ((each.padded, 0), (0, 0)), (each.stride, 1)
    across = min(2, width)
    match each.kind:
        case "conv":
            net.add(
                Conv2D(
                    net.constant(each.span, across, channels, each.channels),
                    net.constant(each.channels),
                    stride,
                    padding,
                    (each.dilation, 1),
                    activation=Relu(),
                )
            )
        case "depthwise":
            weights = net.constant(each.span, across, channels, 1)
            net.add(DepthwiseConv2D(weights, net.constant(channels), stride, padding, (each.dilation, 1)))
        case "largest":
            net.add(MaxPooling2D((each.span, 1), stride, padding))
        case "mean":
            net.add(AveragePooling2D((each.span, 1), stride, padding, count_padding=True))
        case "relu":
            net.add(Activation(Relu()))
        case "residual":
            own, before = net.value, net.add(Conv2D(net.constant(1, 1, channels, channels)))
            net.add(Add(), own, before)
        case "branches":
            own, before = net.value, net.add(Conv2D(net.constant(1, 1, channels, each.channels)))
            net.add(Concatenate(-1), own, before)


ENDS = ("mean", "dense", "largest", "last")


def _end(net: _Growing, kind: str) -> None:
    match kind:
        case "mean":
            net.add(GlobalAveragePooling())
        case "dense":
            net.add(Flatten())
        case "largest":
            net.add(ReduceMax((0, 1)))
        case "last":
            rows, width, channels = net.shape
            net.add(Slice((rows - 1, 0, 0), (1, width, channels), (1, 1, 1)))
            net.add(Flatten())
    net.add(Dense(net.constant(net.shape[0], 3)))


@st.composite
def sliding(draw: Draw, ends: tuple[str, ...] = ENDS) -> Timed:
    """Networks whose layers have no padding along time, and which end in a window of rows."""
    kinds = ("conv", "depthwise", "largest", "mean", "relu", "residual", "branches")
    layers = _layers(draw, kinds, causal=False)
    features, seed, end = draw(st.integers(1, 6)), draw(st.integers(0, 2**16)), draw(st.sampled_from(ends))

    def build(frames: int) -> Graph:
        net = _Growing(frames, features, seed)
        for each in layers:
            _apply(net, each)
        _end(net, end)
        return net.graph()

    reach, step = 1, 1
    for each in layers:
        reach += (each.extent - 1) * step
        step *= each.stride
    return Timed(build, reach + draw(st.integers(0, 3)) * step + draw(st.integers(0, 2)), step)


@st.composite
def lasting(draw: Draw) -> Timed:
    """Networks of causal and recurrent layers whose outputs go along time."""
    kinds = ("conv", "depthwise", "largest", "mean", "relu", "residual")
    layers = _layers(draw, kinds, causal=True)
    valid = draw(st.integers(1, 3))
    features, seed = draw(st.integers(1, 4)), draw(st.integers(0, 2**16))
    recurrent = draw(st.sampled_from((None, SimpleRNN, GRU, LSTM)))

    def build(frames: int) -> Graph:
        net = _Growing(frames, features, seed)
        _apply(net, _Along("conv", valid, 1, 1, 3))
        for each in layers:
            _apply(net, each)
        rows, width, channels = net.shape
        net.add(Reshape((rows, width * channels)))
        if recurrent is not None:
            units, wide = 3, width * channels
            kernel, again = net.constant(wide, recurrent.gates * units), net.constant(units, recurrent.gates * units)
            more = {"reset_after": False} if recurrent is GRU else {}
            bias = net.constant(recurrent.gates * units)
            net.add(recurrent(kernel, again, bias, return_sequences=True, **more))
        net.add(Dense(net.constant(net.shape[-1], 2)))
        return net.graph()

    return Timed(build, valid, 1)


def stored(graph: Graph, frames: Array) -> Array:
    """Frames as the network stores them."""
    type_ = graph.inputs[0].type
    if type_.quant is None:
        return frames
    return np.clip(np.round(frames * 60), type_.dtype.least, type_.dtype.most).astype(type_.dtype.numpy)
