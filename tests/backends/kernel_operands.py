"""Operands of kernels under test: rows, windows and images in any layout, with the memory that they lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from kernel_trials import NULL, Argument, Given, GivenRows, Macro
from layer_kinds import Draw

from mnc.ir.types import Array

Size = st.integers(1, 7)
Narrow = st.integers(1, 4)


def numbers(draw: Draw, *shape: int) -> Array:
    return np.random.default_rng(draw(st.integers(0, 2**16))).normal(size=shape).astype(np.float32)


@dataclass(frozen=True)
class Row:
    """Where a row of pixels x channels lies: interleaved, in planes, or either with gaps."""

    width: int
    channels: int
    pixel: int
    channel: int

    @classmethod
    def drawn(cls, draw: Draw, width: int, channels: int) -> Row:
        gap = draw(st.integers(0, 2))
        if draw(st.booleans()):
            return cls(width, channels, channels + gap, 1)
        return cls(width, channels, 1, width + gap)

    @property
    def size(self) -> int:
        return (self.width - 1) * self.pixel + (self.channels - 1) * self.channel + 1

    def laid(self, values: Array) -> Array:
        """A (width, channels) array in memory, NaN in the gaps."""
        memory = np.full(self.size, np.nan)
        for p in range(self.width):
            for c in range(self.channels):
                memory[p * self.pixel + c * self.channel] = values[p, c]
        return memory

    def strides(self, operand: str) -> dict[str, Argument]:
        return {f"{operand}_pixel": self.pixel, f"{operand}_channel": self.channel}


@dataclass(frozen=True)
class Rows:
    """The input rows under a window: some of them outside, the others anywhere in memory."""

    row: Row
    values: list[Array | None]
    argument: GivenRows

    @classmethod
    def drawn(cls, draw: Draw, count: int, width: int, channels: int) -> Rows:
        row = Row.drawn(draw, width, channels)
        inside = draw(st.lists(st.booleans() | st.just(True), min_size=count, max_size=count).filter(any))
        values = [numbers(draw, width, channels) if there else None for there in inside]
        memory = [np.zeros(0)]
        offsets: list[int | None] = [None] * count
        for k in draw(st.permutations(range(count))):
            if (value := values[k]) is not None:
                offsets[k] = sum(part.size for part in memory)
                memory.append(np.nan_to_num(row.laid(value)))
        return cls(row, values, GivenRows(np.concatenate(memory), offsets))

    def at(self, k: int, x: int) -> Array | None:
        """The channels of pixel x in the window's row k, None outside."""
        value = self.values[k]
        return value[x].astype(np.float64) if value is not None and 0 <= x < self.row.width else None


def clamp(draw: Draw, out: Array) -> tuple[Array, dict[str, Argument]]:
    """A fused activation, and its function of values."""
    match draw(st.integers(0, 3)):
        case 0:
            return out, {"activation": Macro("MNC_LINEAR"), "high": 0.0}
        case 1:
            return out.clip(0.0), {"activation": Macro("MNC_RELU"), "high": 0.0}
        case 2:
            return out.clip(0.0, 2.0), {"activation": Macro("MNC_CLAMP"), "high": 2.0}
        case _:
            return out.clip(0.0, 0.75), {"activation": Macro("MNC_CLAMP"), "high": 0.75}


def bias(draw: Draw, size: int) -> tuple[Array, Argument]:
    if draw(st.booleans()):
        return np.zeros(size), NULL
    values = numbers(draw, size)
    return values, Given(values)


def divisor(draw: Draw, n: int, limit: int) -> int:
    return int(draw(st.sampled_from([d for d in range(1, min(n, limit) + 1) if n % d == 0])))


@dataclass(frozen=True)
class Sliding:
    """A window along a row: which output pixels see no border."""

    kernel: int
    stride: int
    dilation: int
    padding: int
    in_width: int
    out_width: int
    begin: int
    end: int

    @classmethod
    def drawn(cls, draw: Draw, kernel: int, *, dilates: bool = True) -> Sliding:
        stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, kernel))
        dilation = draw(st.integers(1, 2)) if dilates else 1
        in_width, out_width = draw(st.integers(1, 12)), draw(st.integers(1, 9))
        starts = [p * stride - padding for p in range(out_width)]
        inner = [p for p, x in enumerate(starts) if x >= 0 and x + (kernel - 1) * dilation < in_width]
        begin, end = (inner[0], inner[-1] + 1) if inner else (0, 0)
        return cls(kernel, stride, dilation, padding, in_width, out_width, begin, end)

    def input(self, p: int, k: int) -> int:
        return p * self.stride - self.padding + k * self.dilation

    @property
    def arguments(self) -> dict[str, Argument]:
        return {
            "kernel_width": self.kernel,
            "stride": self.stride,
            "dilation": self.dilation,
            "padding": self.padding,
            "in_width": self.in_width,
            "out_width": self.out_width,
        }


def image(draw: Draw, shape: tuple[int, int, int], *, broadcasts: bool = False) -> tuple[Array, Array, list[int]]:
    """Values, the memory that they lie in, and the strides of rows, pixels and channels; 0 where values repeat."""
    own = tuple(1 if broadcasts and draw(st.booleans()) else size for size in shape)
    order = draw(st.permutations(range(3)))
    values = numbers(draw, *own)
    memory = values.transpose(order).ravel()
    strides = np.zeros(3, int)
    step = 1
    for axis in reversed(order):
        strides[axis] = step if own[axis] > 1 or not broadcasts else 0
        step *= own[axis]
    return np.broadcast_to(values, shape), memory, strides.tolist()


def named(operand: str, strides: list[int]) -> dict[str, Argument]:
    return dict(zip((f"{operand}_row", f"{operand}_pixel", f"{operand}_channel"), strides, strict=True))


def written(values: Array, strides: list[int]) -> Array:
    """An image in memory without gaps."""
    memory = np.full(values.size, np.nan)
    for at in np.ndindex(*values.shape):
        memory[int(np.dot(at, strides))] = values[at]
    return memory


def dense_strides(shape: tuple[int, ...], order: list[int]) -> list[int]:
    """The strides of an array that lies in memory with its axes in this order."""
    return [math.prod(shape[axis] for axis in order[order.index(i) + 1 :]) for i in range(len(shape))]
