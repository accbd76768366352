"""TFLite files in the making: what a maker of test networks draws of values, weights, windows and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from tflite_files import File, Operator, Tensor

from mnc.ir.types import Array

T = TypeVar("T")
SAME, VALID = 0, 1
SPREAD = 74.0
"""Standard deviation of int8 values that are drawn evenly."""


@dataclass
class Case:
    """A file in the making."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    quantised: bool
    rng: np.random.Generator
    stored: str = "INT8"
    """The element type of quantised values: INT8 or INT16."""
    reach: int = 0
    """The largest int64 bias."""
    tensors: list[Tensor] = field(default_factory=list)
    given: list[int] = field(default_factory=list)

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.integer(low, high), self.integer(low, high)

    def choice(self, *options: T) -> T:
        return options[self.integer(0, len(options) - 1)]

    def scale(self, middle: float = 0.03, octaves: float = 3.0) -> float:
        """A scale round `middle`, as float32 has it."""
        return float(np.float32(middle * 2 ** self.rng.uniform(-octaves, octaves)))

    @property
    def steps(self) -> int:
        """How many steps of its type make one of int8."""
        return 256 if self.stored == "INT16" else 1

    def value_scale(self, middle: float = 0.03, octaves: float = 3.0) -> float:
        """As `scale` for a value: `middle` is that of int8."""
        return self.scale(middle / self.steps, octaves)

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def value(self, shape: Sequence[int], scale: float | None = None, zero_point: int | None = None) -> int:
        """A tensor that the network computes."""
        if not self.quantised:
            return self.add(Tensor(tuple(shape)))
        zero = self.choice(-128, 0, 127, self.integer(-128, 127)) if zero_point is None else zero_point
        zero = zero if self.stored == "INT8" else 0
        return self.add(Tensor(tuple(shape), self.stored, [self.value_scale() if scale is None else scale], [zero]))

    def input(self, shape: Sequence[int], scale: float | None = None) -> int:
        index = self.value(shape, scale)
        self.given.append(index)
        return index

    def like(self, index: int, shape: Sequence[int]) -> int:
        """A result on the same scale."""
        tensor = self.tensors[index]
        return self.add(Tensor(tuple(shape), tensor.type, tensor.scale, tensor.zero_point))

    def constant(self, array: Array) -> int:
        return self.add(Tensor.of(array))

    def integers(self, *numbers: int) -> int:
        return self.constant(np.array(numbers, np.int32))

    def operand(self, shape: Sequence[int], like: int | None = None) -> int:
        """A constant where a value may stand, too; on the scale of the value `like`, or on its own."""
        if not self.quantised:
            return self.constant(self.rng.standard_normal(shape).astype(np.float32))
        index = self.value(shape) if like is None else self.like(like, shape)
        tensor = self.tensors[index]
        self.tensors[index] = replace(tensor, data=self.sample(tensor))
        return index

    def weights(self, shape: Sequence[int], axis: int) -> int:
        if not self.quantised:
            return self.constant(self.rng.standard_normal(shape).astype(np.float32))
        scales = [self.scale(0.01) for _ in range(self.choice(1, shape[axis]))]
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        return self.add(Tensor.of(values, scales, axis=axis if len(scales) > 1 else 0))

    def keep(self, index: int) -> None:
        """Make a value one that is kept from run to run."""
        self.tensors[index] = replace(self.tensors[index], variable=True)

    def bias(self, x: int, weights: int, count: int, *, short: bool = False) -> int:
        """A bias on the products' scales, or none; where it may be `short`, that of int16 values has 32 bits or 64."""
        if self.integer(0, 3) == 0:
            return -1
        if not self.quantised:
            return self.constant(self.rng.standard_normal(count).astype(np.float32))
        scales = [self.tensors[x].scale[0] * scale for scale in self.tensors[weights].scale]
        if self.stored == "INT8":
            return self.add(Tensor.of(self.rng.integers(-20000, 20000, count).astype(np.int32), scales))
        if short and self.choice(True, False):
            return self.add(Tensor.of(self.rng.integers(-(2**22), 2**22, count).astype(np.int32), scales))
        self.reach = largest = self.choice(2**22, 2**40)
        return self.add(Tensor.of(self.rng.integers(-largest, largest, count), scales))

    def sum_scale(self, x: int, weights: int, terms: int) -> float | None:
        """A scale on which a sum of this many products neither drowns nor saturates throughout."""
        if not self.quantised:
            return None
        product = self.tensors[x].scale[0] * max(self.tensors[weights].scale)
        return self.scale(product * max(SPREAD * max(terms, 1) ** 0.5, self.reach / 2**14), 2.0)

    def file(self, kind: str, inputs: Sequence[int], output: int | Sequence[int], **options: Any) -> File:
        outputs = [output] if isinstance(output, int) else list(output)
        return File(self.tensors, [Operator(kind, inputs, outputs, options)], self.given, outputs)

    def inputs(self) -> list[Array]:
        """A sample for each input."""
        return [self.sample(self.tensors[i]) for i in self.given]

    def sample(self, tensor: Tensor) -> Array:
        if tensor.type == "INT16":
            drawn = self.rng.integers(-32768, 32768, tensor.shape)
            ends = self.rng.choice([-32768, 0, 32767], tensor.shape)
            return np.where(self.rng.random(tensor.shape) < 0.1, ends, drawn).astype(np.int16)
        if tensor.type == "INT8":
            every = np.resize(np.arange(-128, 128), tensor.shape)  # large ones have every value
            drawn = every if every.size >= 256 else self.rng.integers(-128, 128, tensor.shape)
            return drawn.astype(np.int8)
        if tensor.type == "BOOL":
            return self.rng.integers(0, 2, tensor.shape).astype(np.bool_)
        return (3 * self.rng.standard_normal(tensor.shape)).astype(np.float32)


def windows(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    span = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - span) // stride + 1


@dataclass
class Window:
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: int

    @property
    def out(self) -> tuple[int, int]:
        rows, columns = (
            windows(self.size[i], self.kernel[i], self.stride[i], self.dilation[i], self.padding) for i in (0, 1)
        )
        return rows, columns


def window(c: Case, dilated: bool = True) -> Window:
    kernel = c.pair(1, 4)
    strided = not dilated or c.choice(True, False)
    stride = c.pair(1, 3) if strided else (1, 1)
    dilation = (1, 1) if strided else c.pair(1, 3)
    padding = c.choice(SAME, VALID)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    rows, columns = (c.integer(1 if padding == SAME else span, 9 + span) for span in spans)
    return Window((rows, columns), kernel, stride, dilation, padding)


def strides(w: Window) -> dict[str, int]:
    return {"Padding": w.padding, "StrideH": w.stride[0], "StrideW": w.stride[1]}


def dilations(w: Window) -> dict[str, int]:
    return {"DilationHFactor": w.dilation[0], "DilationWFactor": w.dilation[1]}


def fused(c: Case) -> dict[str, int]:
    return {"FusedActivationFunction": c.choice(0, 1, 3)}


Maker = Callable[[Case], File]
CASES: dict[str, Maker] = {}
"""How a network of each operator is drawn, by the operator's name in small letters."""


def case(maker: Maker) -> Maker:
    CASES[maker.__name__] = maker
    return maker


def image(c: Case) -> tuple[int, int, int, int]:
    return 1, c.integer(1, 6), c.integer(1, 6), c.integer(1, 5)


def moved(c: Case, kind: str, x: int, inputs: Sequence[int], shape: Sequence[int], **options: Any) -> File:
    return c.file(kind, (x, *inputs), c.like(x, shape), **options)
