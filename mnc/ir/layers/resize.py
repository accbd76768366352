"""Images made larger or smaller: repeating, interpolating, cutting."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.ir.layer import Layer
from mnc.ir.layers.window import NO_PADDING, Padding, Pair, check_window, image
from mnc.ir.types import ShapeError, TensorType


@dataclass(frozen=True)
class Resize(Layer):
    """Base of the layers that sample an image anew.

    Output row y lies at y' = (y + 1/2) * input height / output height - 1/2 of
    the input (pixels are areas, their values are those of their centres);
    likewise x.
    """

    size: Pair
    """The output's (height, width)."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels = image(x.shape)[2]
        return TensorType((*self.size, channels), x.dtype, x.quant)


@dataclass(frozen=True)
class ResizeNearest(Resize):
    """out[y, x] = in[floor(y' + 1/2), floor(x' + 1/2)]; by whole factors that is repeating rows and columns.

    y' = (y + 1/2) * input height / output height - 1/2, likewise x'.
    """


@dataclass(frozen=True)
class ResizeBilinear(Resize):
    """out[y, x] is interpolated linearly between the four pixels round (y', x'); beyond the border it is the border's.

    y' = (y + 1/2) * input height / output height - 1/2, likewise x'.  Nothing
    is smoothed where the image becomes smaller.  Without `half_pixel` y' is
    y * input height / output height, and with `align_corners`
    y * (input height - 1) / (output height - 1), as TensorFlow Lite has them.
    """

    half_pixel: bool = True
    align_corners: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        if self.half_pixel and self.align_corners:
            raise ShapeError("half_pixel and align_corners exclude each other")
        return super().infer(*inputs)

    def places(self, size: int, n: int) -> tuple[int, int, int]:
        """Output pixel p of `size` lies at (p * step + start) / divisor of `n` pixels: (step, start, divisor)."""
        if self.align_corners and size > 1:
            return n - 1, 0, size - 1
        return (2 * n, n - size, 2 * size) if self.half_pixel else (n, 0, size)


@dataclass(frozen=True)
class Cropping2D(Layer):
    """The image without some rows and columns at its sides."""

    cropping: Padding = NO_PADDING
    """((top, bottom), (left, right)) rows and columns that are cut off."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        height, width, channels = image(x.shape)
        check_window((1, 1), (1, 1), self.cropping)
        size = (height - sum(self.cropping[0]), width - sum(self.cropping[1]))
        if min(size) < 1:
            raise ShapeError(f"cropping {self.cropping} leaves nothing of {height}x{width}")
        return TensorType((*size, channels), x.dtype, x.quant)
