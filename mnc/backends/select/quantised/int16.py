"""Which function selects the int16 kernels of which layer kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mnc.backends.program import Step
from mnc.backends.select import shape
from mnc.backends.select.quantised import move
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import (
    Concatenate,
    Cropping2D,
    Dequantize,
    Identity,
    Permute,
    Quantize,
    ResizeNearest,
    Reverse,
    ZeroPadding2D,
)

INT16: Mapping[type[Layer], Callable[[Site[Any]], Step]] = {
    Concatenate: move.copied(shape.concatenate),
    Cropping2D: move.copied(shape.cropping2d),
    Dequantize: move.dequantize,
    Identity: move.copied(shape.copy),
    Permute: move.copied(shape.permute),
    Quantize: move.quantize,
    ResizeNearest: move.resize_nearest,
    Reverse: move.copied(shape.reverse),
    ZeroPadding2D: shape.zero_padding2d,
}
"""The int16 kernels of the C backends; views need none."""
