"""Which scale and zero point each value is stored with, from the range of real numbers that it shall cover.

A layer that only moves its input, or chooses from it, stores its output as its
input is stored.  A concatenation brings every input to its output's scale, so
its inputs take that scale over where this costs them little, and then nothing
is left to do; a value whose scale is fixed by TensorFlow Lite keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from mnc.ir.activations import Sigmoid, Tanh
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    LSTM,
    Activation,
    AveragePooling2D,
    Broadcast,
    Comparison,
    Concatenate,
    Cropping2D,
    Flatten,
    GlobalMaxPooling,
    Identity,
    LogSoftmax,
    MaxPooling2D,
    Permute,
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
)
from mnc.ir.types import DType, Quantisation

KEEPING = (
    AveragePooling2D,
    Broadcast,
    Cropping2D,
    Flatten,
    GlobalMaxPooling,
    Identity,
    MaxPooling2D,
    Permute,
    Reshape,
    ReduceMax,
    ReduceMin,
    ResizeNearest,
    Reverse,
    Slice,
    Take,
    ZeroPadding2D,
)
"""Layers whose output has the quantisation of their input."""

SYMMETRIC_UNIT = Quantisation((1.0 / 128.0,), 0)
"""TFLite's fixed quantisation of values from -1 to 1: tanh, unit length."""

UNIT = Quantisation((1.0 / 256.0,), -128)
"""TFLite's fixed quantisation of values from 0 to 1: softmax and sigmoid."""

WIDE_UNIT = Quantisation((1.0 / 32768.0,), 0)
"""TFLite's fixed quantisation of either in int16."""

LOGARITHM = Quantisation((1.0 / 16.0,), 127)
"""TFLite's fixed quantisation of the logarithm of a softmax: from -16 to 0."""

WHOLE = {DType.INT8: Quantisation((1.0,), -128), DType.INT16: Quantisation((1.0,), 0)}
"""The quantisation that keeps whole numbers as they are."""

TRUTH = Quantisation((1.0,), 0)
"""The quantisation of 1 and 0, as TensorFlow Lite stores true and false."""

COARSER = 2.0
"""By this factor at most a concatenation makes the steps coarser of an input that others compute with: a bit."""

SMALLEST_SCALE = 2.0**-60
"""Quotients of smaller scales are no longer numbers in float32; a value that would need one is as good as 0."""


class Range(NamedTuple):
    """An interval of real numbers."""

    low: float
    high: float

    @classmethod
    def around(cls, *ranges: Range) -> Range:
        """The smallest interval that has all of these, and 0, in it: what is stored covers 0 exactly."""
        return cls(min(0.0, *(each.low for each in ranges)), max(0.0, *(each.high for each in ranges)))


def quantisation(low: float, high: float, dtype: DType = DType.INT8) -> Quantisation:
    """The quantisation that covers a range, 0 exactly among its values; symmetric for int16."""
    span = Range.around(Range(low, high))
    scale = float(np.float32(_width(span, dtype) / (255.0 if dtype is DType.INT8 else 32767.0)))
    scale = 1.0 if scale == 0.0 else max(scale, SMALLEST_SCALE)
    zero = int(np.clip(np.round(-128.0 - span.low / scale), -128, 127)) if dtype is DType.INT8 else 0
    return Quantisation((scale,), zero)


def _width(span: Range, dtype: DType) -> float:
    """Of a range that has 0 in it: the length that is divided into steps."""
    return span.high - span.low if dtype is DType.INT8 else max(span.high, -span.low)


def quantisations(
    graph: Graph,
    ranges: Mapping[str, Range],
    own: Collection[str],
    dtype: DType,
    fixed: Mapping[str, Quantisation] = MappingProxyType({}),
    whole: Collection[str] = (),
) -> dict[str, Quantisation]:
    """The quantisation in `dtype` of every value that has a range; `own` names the nodes that work on that type.

    `fixed` are those that some values have whatever their range; `whole` are values of whole numbers that a layer
    takes exactly: their step is 1 where their range allows it.
    """
    groups = _Groups(graph, ranges, own, dtype, fixed)
    step = WHOLE[dtype]
    for name in ranges.keys() & set(whole):
        low, high = groups.span[name]
        if dtype.least - step.zero_point <= low and high <= dtype.most - step.zero_point:
            groups.fixed[name] = step
    for state in graph.states:
        groups.join(state.next, state.name)
    for node in graph.nodes:
        if node.name in own and isinstance(node.layer, LSTM):
            groups.join(node.name, *node.outputs[1:2])
    for node in graph.nodes:
        if node.name in own and isinstance(node.layer, KEEPING):
            groups.join(node.inputs[0], node.name)
    for node in graph.nodes:
        if node.name in own and isinstance(node.layer, Concatenate):
            groups.concatenate(node)
    return {name: groups.quantisation(name) for name in ranges}


def fixed_quantisation(layer: Layer, dtype: DType) -> Quantisation | None:
    """The quantisation that TFLite fixes for a layer's output."""
    if isinstance(layer, UnitNormalization):
        return SYMMETRIC_UNIT
    if isinstance(layer, LogSoftmax):
        return LOGARITHM
    if isinstance(layer, Comparison) and layer.activation is None:
        return TRUTH
    function = layer.function if isinstance(layer, Activation) else layer
    if not isinstance(function, (Softmax, Sigmoid, Tanh)):
        return None
    if dtype is DType.INT16:
        return WIDE_UNIT
    return SYMMETRIC_UNIT if isinstance(function, Tanh) else UNIT


class _Groups:
    """Values that are stored with one quantisation, each group known by one of them."""

    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[str, Range],
        own: Collection[str],
        dtype: DType,
        given: Mapping[str, Quantisation],
    ) -> None:
        self.dtype = dtype
        self.parent = {name: name for name in graph.types}
        self.span = {name: Range.around(span) for name, span in ranges.items()}
        """The range that the group of this name has to cover."""
        self.finest = {
            name: _width(span, dtype) if _is_computed_with(graph, name, own) else np.inf
            for name, span in self.span.items()
        }
        """The width of the narrowest value of the group that a layer computes with."""
        fixed = {node.name: fixed_quantisation(node.layer, dtype) for node in graph.nodes if node.name in own}
        fixed.update(given)
        self.fixed = {name: fixed.get(name) for name in ranges}
        """The quantisation of the group, whatever it has to cover."""

    def find(self, name: str) -> str:
        """The name of a value's group."""
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def quantisation(self, name: str) -> Quantisation:
        group = self.find(name)
        return self.fixed[group] or quantisation(*self.span[group], self.dtype)

    def join(self, one: str, *others: str) -> None:
        """Make the groups of values one."""
        for other in others:
            one, other = self.find(one), self.find(other)
            if one == other or not {one, other} <= self.span.keys():
                continue
            self.parent[other] = one
            self.span[one] = Range.around(self.span[one], self.span[other])
            self.finest[one] = min(self.finest[one], self.finest[other])
            self.fixed[one] = self.fixed[one] or self.fixed[other]

    def concatenate(self, node: Node) -> None:
        """Let the inputs of a concatenation take over its output's scale, as far as that does good.

        Where all have one fixed scale, so has the output.  An input of another
        fixed scale keeps it, as does one to which the common scale would be
        too coarse: the concatenation rescales it.
        """
        fixed = {self.fixed[self.find(name)] for name in node.inputs}
        if len(fixed) == 1 and None not in fixed:
            self.fixed[self.find(node.name)] = fixed.pop()
            return
        for name in node.inputs:
            part, whole = self.find(name), self.find(node.name)
            if self.fixed[part] is not None:
                continue
            width = _width(Range.around(self.span[part], self.span[whole]), self.dtype)
            if width <= COARSER * min(self.finest[part], self.finest[whole]):
                self.join(whole, part)


def _is_computed_with(graph: Graph, name: str, own: Collection[str]) -> bool:
    """Whether a value is given out, or read by a layer that does more than move it."""
    return name in graph.outputs or not all(
        reader.name in own and isinstance(reader.layer, (*KEEPING, Concatenate)) for reader in graph.consumers[name]
    )
