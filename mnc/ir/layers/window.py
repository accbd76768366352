"""Sliding windows: how padding, stride and dilation give an output's size."""

from __future__ import annotations

from mnc.ir.types import ShapeError

Pair = tuple[int, int]
"""(height, width)."""
Padding = tuple[Pair, Pair]
"""((top, bottom), (left, right)) rows and columns added round an image."""

NO_PADDING: Padding = ((0, 0), (0, 0))


def extent(kernel: int, dilation: int) -> int:
    """How many elements a dilated window spans."""
    return (kernel - 1) * dilation + 1


def windows(size: int, kernel: int, stride: int, dilation: int, padding: Pair) -> int:
    """How many windows fit; ShapeError where none does."""
    padded = size + sum(padding)
    span = extent(kernel, dilation)
    if padded < span:
        raise ShapeError(f"a window of {span} does not fit into {padded}")
    return (padded - span) // stride + 1


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Keras' SAME: ceil(size / stride) windows, the odd element after the end."""
    wanted = -(-size // stride)
    total = max((wanted - 1) * stride + extent(kernel, dilation) - size, 0)
    return (total // 2, total - total // 2)


def image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A (height, width, channels) shape, or ShapeError."""
    if len(shape) != 3:
        raise ShapeError(f"needs an image (height, width, channels), not {len(shape)} axes")
    height, width, channels = shape
    return height, width, channels


def check_window(stride: Pair, dilation: Pair, padding: Padding) -> None:
    """ShapeError unless strides and dilations are positive and paddings not negative."""
    if min(stride) < 1 or min(dilation) < 1:
        raise ShapeError(f"stride {stride} and dilation {dilation} must be at least 1")
    if min(min(padding)) < 0:
        raise ShapeError(f"padding {padding} must not be negative")
    if max(stride) > 1 and max(dilation) > 1:
        raise ShapeError(f"stride {stride} and dilation {dilation} cannot both exceed 1, as in Keras")
