"""One quantised layer: what it is given, and the function that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from mnc.errors import refuse
from mnc.ir.activations import Function, Relu
from mnc.ir.layer import Layer
from mnc.ir.layers import Merge
from mnc.ir.types import Array, DType, Quantisation, TensorType
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale, round_away


@dataclass(frozen=True)
class Operands:
    """The types of a layer's operands, a constant one of a merge included, and of its output."""

    inputs: tuple[TensorType, ...]
    output: TensorType

    @classmethod
    def of(cls, layer: Layer, inputs: Sequence[TensorType], output: TensorType) -> Operands:
        """Those of a layer that has these inputs."""
        if isinstance(layer, Merge) and layer.operand is not None:
            inputs = layer.operands(inputs, layer.operand.type)
        return cls(tuple(inputs), output)

    def quant(self, index: int = 0) -> Quantisation:
        """The quantisation of an input."""
        quant = self.inputs[index].quant
        assert quant is not None
        return quant

    @property
    def is_int16(self) -> bool:
        """Whether the layer works on int16; what it gives then is int16, too."""
        return self.inputs[0].dtype is DType.INT16

    @property
    def scale(self) -> float:
        """The output's scale."""
        assert self.output.quant is not None
        return self.output.quant.scale[0]

    @property
    def zero(self) -> int:
        """The output's zero point."""
        assert self.output.quant is not None
        return self.output.quant.zero_point

    def limits(self, function: Function | None = None) -> tuple[int, int]:
        """The smallest and the largest stored value of the output, after a fused clamp."""
        low, high = self.output.dtype.least, self.output.dtype.most
        if function is None:
            return low, high
        assert isinstance(function, Relu) and function.is_clamp, function
        low = max(low, self.zero)
        if function.max_value is not None:
            steps = round_away(np.float32(function.max_value) / np.float32(self.scale))
            high = min(high, self.zero + int(steps))
        return low, high


def clip(x: Array, low: int, high: int) -> Array:
    """Stored values within the limits of their type."""
    return np.asarray(np.clip(x, low, high))


@singledispatch
def compute_quantised(layer: Layer, operands: Operands, *inputs: Array) -> Array | tuple[Array, ...]:
    """The outputs of `layer` for stored integers, as int64; `apply_quantised` narrows the results.

    A function that is registered here returns the only output, or a tuple where the kind has several.
    """
    raise refuse(
        "",
        f"{type(layer).__name__} has no meaning in integers",
        "Let it run in float32 between Dequantize and Quantize.",
    )


def apply_quantised(
    layer: Layer, types: Sequence[TensorType], outputs: Sequence[TensorType], *inputs: Array
) -> tuple[Array, ...]:
    """All outputs of a layer of which an input or the output is quantised."""
    if isinstance(layer, Merge) and layer.operand is not None:
        inputs = layer.operands(inputs, layer.operand.array[np.newaxis])
    wide = (x if x.dtype == np.float32 else x.astype(np.int64) for x in inputs)
    results = compute_quantised(layer, Operands.of(layer, types, outputs[0]), *wide)
    found = results if isinstance(results, tuple) else (results,)
    return tuple(y.astype(output.dtype.numpy) for y, output in zip(found, outputs, strict=True))


def requantise(x: Array, given: Quantisation, operands: Operands) -> Array:
    """Stored values under the output's quantisation and in its type, unchanged where they have both."""
    if given == operands.output.quant:
        return clip(x, *operands.limits())
    pair = quantise_multiplier(given.scale[0] / operands.scale)
    return clip(rescale(x - given.zero_point, *pair) + operands.zero, *operands.limits())
