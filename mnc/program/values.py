"""Values in memory: how one lies there, which buffer holds it, and which of its rows a row of output reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mnc.ir.types import DType, Shape, TensorType


@dataclass(frozen=True)
class Layout:
    """Element (y, x, c) of a value lies at y * row + x * pixel + c * channel."""

    row: int
    pixel: int
    channel: int

    @classmethod
    def interleaved(cls, shape: Shape) -> Layout:
        """Rows of pixels, the channels of a pixel together: HWC, as Keras has it."""
        _, width, channels = image_shape(shape)
        return cls(width * channels, channels, 1)

    @classmethod
    def planar(cls, shape: Shape) -> Layout:
        """Rows of channel planes, the pixels of a channel together: HCW."""
        _, width, channels = image_shape(shape)
        return cls(width * channels, 1, width)


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """A shape as (height, width, channels): missing axes are 1, extra ones join the height."""
    axes = (1, 1, 1, *shape)
    return math.prod(axes[:-2]), axes[-2], axes[-1]


def dense(shape: Shape) -> tuple[int, ...]:
    """The strides of the axes of a row-major array."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


@dataclass(frozen=True)
class Value:
    """A value of the graph in memory."""

    name: str
    type: TensorType
    layout: Layout
    buffer: str

    @cached_property
    def image(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return image_shape(self.type.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance in elements from one index to the next along each axis of its shape."""
        rank = self.type.rank
        if rank <= 3:
            return (self.layout.row, self.layout.pixel, self.layout.channel)[3 - rank :]
        assert self.layout == Layout.interleaved(self.type.shape)
        return dense(self.type.shape)


@dataclass(frozen=True)
class Buffer:
    """Memory that one value, or several views of it, live in."""

    name: str
    kind: Literal["input", "output", "arena", "state"]
    """The caller's memory, memory that layers share, or memory that outlives a run."""
    bytes: int
    index: int = 0
    """Which input or output of the network it is; the place of a state, in bytes, where its next value lies as well."""
    dtype: DType = DType.FLOAT32


@dataclass(frozen=True)
class Window:
    """Output row y reads the input rows floor((y * stride - padding) / divisor) + k * dilation, 0 <= k < size."""

    size: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    divisor: int = 1
    """More than 1 where the output has more rows than the input."""

    def rows(self, y: int, height: int) -> list[int]:
        """The rows inside an input of `height` rows that output row y reads."""
        first = (y * self.stride - self.padding) // self.divisor
        return [r for k in range(self.size) if 0 <= (r := first + k * self.dilation) < height]

    def is_inside(self, count: int, height: int) -> bool:
        """Whether the first `count` output rows read no row outside an input of `height` rows."""
        return all(len(self.rows(y, height)) == self.size for y in (0, count - 1))

    def last(self, y: int, height: int) -> int:
        """The last of the rows inside an input of `height` rows that must be there for output row y; -1: none."""
        reach = (y * self.stride - self.padding) // self.divisor + (self.size - 1) * self.dilation
        return max(min(reach, height - 1), -1)


def ring_rows(value: Value, rings: Mapping[str, int]) -> int | None:
    """How many rows of a value are held where some buffers hold that many bytes only; None where all are."""
    return None if value.buffer not in rings else rings[value.buffer] * value.image[0] // value.type.bytes


def up_to(size: int, unit: int) -> int:
    """The first multiple of a unit that is no less."""
    return -(-size // unit) * unit


def struct_layout(members: Iterable[tuple[int, int]]) -> tuple[list[int], int, int]:
    """A C struct whose types are aligned to their sizes: offsets of its members, its `sizeof`, its alignment.

    A member is an array of this many bytes, and the bytes of an element; one of no bytes is not there.
    """
    offsets, end, alignment = [], 0, 1
    for size, unit in members:
        if size:
            end, alignment = up_to(end, unit), max(alignment, unit)
        offsets.append(end)
        end += up_to(size, unit)
    return offsets, up_to(end, alignment), alignment
