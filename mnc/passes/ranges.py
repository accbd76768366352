"""Between which bounds the elements of each value lie, whatever the inputs are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mnc.ir.activations import Function, Relu
from mnc.ir.graph import Graph
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    NO_PADDING,
    Activation,
    Average,
    AveragePooling2D,
    Broadcast,
    Comparison,
    Concatenate,
    Cropping2D,
    Flatten,
    GlobalPooling,
    Identity,
    Linear,
    Maximum,
    MaxPooling2D,
    Merge,
    Minimum,
    Permute,
    Reshape,
    Resize,
    Reverse,
    SeparableConv2D,
    Slice,
    Softmax,
    Sparsemax,
    Take,
    Where,
    ZeroPadding2D,
)


@dataclass(frozen=True)
class Range:
    """Every element x has low <= x <= high."""

    low: float
    high: float

    def including(self, value: float) -> Range:
        return Range(min(self.low, value), max(self.high, value))


ANYTHING = Range(-math.inf, math.inf)


def ranges(graph: Graph) -> dict[str, Range]:
    """The range of every value, by name; `ANYTHING` where the layer is not understood."""
    known: dict[str, Range] = dict.fromkeys(graph.given, ANYTHING)
    for node in graph.nodes:
        result = _range(node.layer, [known[name] for name in node.inputs])
        known.update(dict.fromkeys(node.outputs, result))
    return known


def _range(layer: Layer, inputs: list[Range]) -> Range:
    match layer:
        case Reshape() | Flatten() | Permute() | Reverse() | Cropping2D() | Concatenate():
            return _union(inputs)
        case Identity() | Slice() | Take() | Broadcast() | MaxPooling2D() | GlobalPooling() | Resize():
            return inputs[0]
        case ZeroPadding2D():
            return inputs[0] if layer.padding == NO_PADDING else inputs[0].including(0.0)
        case AveragePooling2D():
            zeros_count = layer.count_padding and layer.padding != NO_PADDING
            return inputs[0].including(0.0) if zeros_count else inputs[0]
        case Activation():
            return activated(layer.function, inputs[0])
        case Softmax():
            return Range(0.0, 1.0)
        case Sparsemax():
            return Range(0.0, math.inf)
        case Merge(activation=None):
            return _merged(layer, inputs)
        case Linear() | SeparableConv2D() | Merge():
            return _bounds(layer.activation)
    return ANYTHING


def _merged(layer: Merge, inputs: list[Range]) -> Range:
    if layer.operand is not None:
        real = layer.operand.type.real(layer.operand.array)
        inputs = [*inputs, Range(float(real.min()), float(real.max()))]
    match layer:
        case Average():
            return _union(inputs)
        case Maximum():
            return Range(max(x.low for x in inputs), max(x.high for x in inputs))
        case Comparison():
            return Range(0.0, 1.0)
        case Where():
            return _union(inputs[1:])
        case Minimum():
            return Range(min(x.low for x in inputs), min(x.high for x in inputs))
    return ANYTHING


def _union(inputs: list[Range]) -> Range:
    return Range(min(x.low for x in inputs), max(x.high for x in inputs))


def is_identity(function: Function, within: Range) -> bool:
    """Whether the function gives every value in the range back."""
    if not (isinstance(function, Relu) and within.low >= function.threshold):
        return False
    return function.max_value is None or within.high <= function.max_value


def activated(function: Function, x: Range) -> Range:
    """The range of the function's values on `x`."""
    if is_identity(function, x):
        return x
    bounds = _bounds(function)
    if isinstance(function, Relu) and function.is_clamp:
        return Range(max(x.low, bounds.low), max(bounds.low, min(x.high, bounds.high)))
    return bounds


def _bounds(function: Function | None) -> Range:
    return ANYTHING if function is None else Range(*function.bounds())
