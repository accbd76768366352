"""Pooling and padding: windows without weights."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.ir.layer import Layer
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, check_window, image, windows
from mnc.ir.types import ShapeError, TensorType


@dataclass(frozen=True)
class Pooling2D(Layer):
    """Base of the pooling layers: a window slides over each channel by itself."""

    pool: Pair = (2, 2)
    stride: Pair = (2, 2)
    padding: Padding = NO_PADDING

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window(self.stride, (1, 1), self.padding)
        if min(self.pool) < 1:
            raise ShapeError(f"pool {self.pool} must be at least 1")
        if any(max(pad) >= size for pad, size in zip(self.padding, self.pool, strict=True)):
            raise ShapeError(f"padding {self.padding} leaves windows of {self.pool} with nothing in them")
        return TensorType(
            (
                windows(height, self.pool[0], self.stride[0], 1, self.padding[0]),
                windows(width, self.pool[1], self.stride[1], 1, self.padding[1]),
                channels,
            ),
            x.dtype,
            x.quant,
        )


@dataclass(frozen=True)
class MaxPooling2D(Pooling2D):
    """The largest value in each window; what lies outside the input does not count."""


@dataclass(frozen=True)
class AveragePooling2D(Pooling2D):
    """The mean of each window: of the elements inside the input, as Keras has it,
    or where `count_padding` of the whole window with zeros outside.
    """

    count_padding: bool = False


@dataclass(frozen=True)
class GlobalPooling(Layer):
    """Base of the global pooling layers: all axes but the last become one value each."""

    keepdims: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.rank < 2:
            raise ShapeError(f"needs at least one axis before the channels, not {x.rank} axes")
        kept = (1,) * (x.rank - 1) if self.keepdims else ()
        return TensorType((*kept, x.shape[-1]), x.dtype, x.quant)


@dataclass(frozen=True)
class GlobalMaxPooling(GlobalPooling):
    """out[c] = the largest in[..., c]."""


@dataclass(frozen=True)
class GlobalAveragePooling(GlobalPooling):
    """out[c] = the mean of in[..., c]."""


@dataclass(frozen=True)
class ZeroPadding2D(Layer):
    """The image with zeros round it."""

    padding: Padding = ((1, 1), (1, 1))

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window((1, 1), (1, 1), self.padding)
        return TensorType((height + sum(self.padding[0]), width + sum(self.padding[1]), channels), x.dtype, x.quant)
