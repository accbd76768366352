"""Between real numbers and quantised ones.

A quantised network is made of the same layers as any other.  Its values are
int8 or int16 with a scale and a zero point (`TensorType.quant`), its weights
int8 with a scale for each output channel (`Constant.quant`), its biases at the
product of the scales, and every layer that computes says in `output` what it
requantises its result to.  The zero point of int16 is 0.  A layer works on one
type; `Quantize` converts between them.  The arithmetic is that of TensorFlow
Lite Micro, to the bit; `mnc.reference` has it.

Of int8 values sums are int32, and so is the bias.  Of int16 values sums have
64 bits, and the bias is int64; a bias of int32 asks for sums of 32 bits, which
are rounded as those of int8.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnc.ir.layer import Layer
from mnc.ir.types import DType, ShapeError, TensorType


@dataclass(frozen=True)
class Quantize(Layer):
    """out = clamp(round(in / scale) + zero_point), `output` giving scale and zero point.

    From float32, rounding half away from zero; from a quantised value to another
    scale or type, by an integer multiplier.
    """

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if self.output is None or self.output.quant is None:
            raise ShapeError("its output must be a quantised type")
        if x.dtype is not DType.FLOAT32 and x.quant is None:
            raise ShapeError(f"{x} has no scale to convert from")
        return TensorType(x.shape, self.output.dtype, self.output.quant)


@dataclass(frozen=True)
class Dequantize(Layer):
    """out = scale * (in - zero_point), the scale and zero point being the input's."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.quant is None:
            raise ShapeError(f"{x} is not quantised")
        return TensorType(x.shape)
