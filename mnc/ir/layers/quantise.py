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

from dataclasses import dataclass, replace

from mnc.ir.layer import Layer
from mnc.ir.types import DType, ElementType, Quantisation, ShapeError, TensorType


@dataclass(frozen=True)
class Quantize(Layer):
    """out = clamp(round(in / scale) + zero_point), `output` giving scale and zero point.

    From float32, rounding half away from zero; from a quantised value to another
    scale or type, by an integer multiplier.  Between uint8 and int8 the scale stays
    and the zero point of uint8 is 128 more, so that out = in -+ 128.
    """

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if self.output is None or self.output.quant is None:
            raise ShapeError("its output must be a quantised type")
        if x.dtype is not DType.FLOAT32 and x.quant is None:
            raise ShapeError(f"{x} has no scale to convert from")
        ends = {x.dtype, self.output.dtype}
        if DType.UINT8 in ends and (DType.INT8 not in ends or x.inside.quant != shifted(self.output)):
            raise ShapeError("uint8 is converted from and to int8 of its scale, whose zero point is 128 less")
        return TensorType(x.shape, self.output.dtype, self.output.quant)


def shifted(element: ElementType) -> Quantisation | None:
    """The quantisation of the int8 that a uint8 is less 128, or of the uint8 that an int8 is plus 128; else None."""
    by = {DType.UINT8: -128, DType.INT8: 128}.get(element.dtype)
    if by is None or element.quant is None:
        return None
    return replace(element.quant, zero_point=element.quant.zero_point + by)


@dataclass(frozen=True)
class Dequantize(Layer):
    """out = scale * (in - zero_point), the scale and zero point being the input's."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.quant is None:
            raise ShapeError(f"{x} is not quantised")
        return TensorType(x.shape)
