"""Types of values: shape, element type and quantisation; and constants."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

MAX_ELEMENTS = 2**31 - 1
"""Sizes and offsets are `int` in the generated C, at least on every 32-bit core."""


class DType(enum.Enum):
    """The type of one element, named as NumPy and the network language name it."""

    FLOAT32 = "float32"
    INT8 = "int8"
    UINT8 = "uint8"
    """Of inputs and outputs, as cameras give pixels: `Quantize` makes int8 of it, and it of int8."""
    INT16 = "int16"
    INT32 = "int32"
    """Of biases, and of values that layers give out: places, and numbers of 32 bits that a scale belongs to."""
    INT64 = "int64"
    """Of constants only: biases of int16 layers."""

    @cached_property
    def bytes(self) -> int:
        """Size of one element in bytes."""
        return self.numpy.itemsize

    @cached_property
    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.value)

    @property
    def c(self) -> str:
        """Its name in C."""
        return _ELEMENTS[self].c

    @property
    def suffix(self) -> str:
        """The end of the names of kernels that work on it, as in CMSIS."""
        return _ELEMENTS[self].suffix

    @property
    def zero_points(self) -> range:
        """The zero points that values of it may have; empty for types that no quantised value has."""
        return _ELEMENTS[self].zero_points

    @property
    def is_symmetric(self) -> bool:
        """Whether the only zero point of its quantised values is 0."""
        return self.zero_points == range(1)

    @property
    def least(self) -> int:
        """The smallest number of an integer type; ValueError for float32."""
        return int(np.iinfo(self.numpy).min)

    @property
    def most(self) -> int:
        """The largest number of an integer type; ValueError for float32."""
        return int(np.iinfo(self.numpy).max)

    @classmethod
    def of(cls, array: Array) -> DType:
        """The element type of a NumPy array; ValueError where the IR has none."""
        return cls(_name(array.dtype))


@lru_cache(64)
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy's name of its type, which NumPy composes anew each time."""
    return str(dtype.name)


@dataclass(frozen=True)
class _Element:
    """The part of an element type that NumPy does not know."""

    c: str
    suffix: str
    zero_points: range = range(0)


_ELEMENTS = {
    DType.FLOAT32: _Element("float", "f32"),
    DType.INT8: _Element("int8_t", "s8", range(-128, 128)),
    DType.UINT8: _Element("uint8_t", "u8", range(256)),
    DType.INT16: _Element("int16_t", "s16", range(1)),
    DType.INT32: _Element("int32_t", "s32", range(1)),
    DType.INT64: _Element("int64_t", "s64"),
}


@dataclass(frozen=True)
class Features:
    """Of an input: a scale and an offset for each index along an axis.

    real = offset + scale * (stored - zero_point): what the network computes with
    is the real number after a normalisation that is part of storing it.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    axis: int
    """Among the axes without batch, from 0."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(each) and each != 0.0 for each in self.scale) or not all(
            map(math.isfinite, self.offset)
        ):
            raise ValueError("the scales and offsets of features must be finite, and no scale 0")
        if len(self.scale) != len(self.offset):
            raise ValueError(f"{len(self.scale)} scales and {len(self.offset)} offsets of features do not fit")


@dataclass(frozen=True)
class Quantisation:
    """real = scale * (stored - zero_point).

    One scale for the whole tensor, or one for each index along `axis` (then
    the zero point is 0).  The schemes are TensorFlow Lite's: int8 activations
    are asymmetric per tensor, int16 ones symmetric, weights symmetric per channel.
    """

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int | None = None
    features: Features | None = field(default=None, repr=False)
    """Of an input only: how real numbers become what the network computes with; no layer sees it."""

    def __post_init__(self) -> None:
        if not all(s > 0 and math.isfinite(s) for s in self.scale):
            raise ValueError("a scale must be positive and finite")
        if self.axis is None and len(self.scale) != 1:
            raise ValueError("per-tensor quantisation has exactly one scale")
        if self.axis is not None and self.zero_point != 0:
            raise ValueError("per-channel quantisation is symmetric: its zero point is 0")


@dataclass(frozen=True)
class ElementType:
    """The element type of a value: the type of the stored numbers, and their scale where they are quantised."""

    dtype: DType
    quant: Quantisation | None = None


@dataclass(frozen=True)
class TensorType:
    """The type of a value: shape without the batch axis, element type, quantisation."""

    shape: Shape
    dtype: DType = DType.FLOAT32
    quant: Quantisation | None = None

    def __post_init__(self) -> None:
        if any(n < 1 for n in self.shape):
            raise ShapeError(f"every axis must have at least one element, not {show(self.shape)}")
        if self.elements > MAX_ELEMENTS:
            raise ShapeError(f"{show(self.shape)} has {self.elements:,} elements; the limit is 2^31 - 1")
        features = None if self.quant is None else self.quant.features
        if features is not None and len(features.scale) not in self.shape[features.axis : features.axis + 1]:
            raise ShapeError(f"{len(features.scale)} features do not fit axis {features.axis} of {show(self.shape)}")

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size of the whole value in bytes."""
        return self.elements * self.dtype.bytes

    def stored(self, real: Array) -> Array:
        """Real numbers as this type stores them: rounded half away from zero, saturated; float32 as they are."""
        if self.quant is None:
            return real
        scale, offset = self._affine(self.quant)
        scaled = (np.asarray(real, np.float64) - offset) / scale
        rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + self.quant.zero_point
        return np.asarray(np.clip(rounded, self.dtype.least, self.dtype.most).astype(self.dtype.numpy))

    def real(self, stored: Array) -> Array:
        """The real numbers that stored ones stand for, float64; without quantisation the stored numbers themselves."""
        if self.quant is None:
            return stored
        scale, offset = self._affine(self.quant)
        return np.asarray((stored.astype(np.float64) - self.quant.zero_point) * scale + offset)

    def _affine(self, quant: Quantisation) -> tuple[Array, Array]:
        """The scale and the offset of every element, as arrays that broadcast to the shape."""
        if quant.features is None:
            return np.array(quant.scale[0]), np.array(0.0)
        along = (-1, *(1,) * (self.rank - quant.features.axis - 1))
        return np.reshape(quant.features.scale, along), np.reshape(quant.features.offset, along)

    @property
    def inside(self) -> TensorType:
        """The type of an input as layers see it."""
        if self.quant is None or self.quant.features is None:
            return self
        return replace(self, quant=replace(self.quant, features=None))

    def __str__(self) -> str:
        return f"{self.dtype.value}[{', '.join(map(str, self.shape))}]"


class ShapeError(ValueError):
    """Operands that a layer cannot take.  `Graph` adds where it happened."""


class Constant:
    """An immutable array: trained weights, or what a pass computed from them.

    Two constants are equal where element type, shape, bits and quantisation are.
    """

    __slots__ = ("array", "quant")
    array: Array
    quant: Quantisation | None

    def __init__(self, array: npt.ArrayLike, quant: Quantisation | None = None) -> None:
        fixed = np.array(array, order="C")  # a copy: nobody else can write to it
        if fixed.dtype == np.float64:
            fixed = fixed.astype(np.float32)
        DType.of(fixed)
        fixed.flags.writeable = False
        object.__setattr__(self, "array", fixed)
        object.__setattr__(self, "quant", quant)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Constant is immutable")

    @property
    def shape(self) -> Shape:
        return self.array.shape

    @property
    def type(self) -> TensorType:
        return TensorType(self.array.shape, DType.of(self.array), self.quant)

    @property
    def bytes(self) -> int:
        return int(self.array.nbytes)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Constant)
            and self.array.dtype == other.array.dtype
            and self.array.shape == other.array.shape
            and self.quant == other.quant
            and self.array.tobytes() == other.array.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.array.shape, self.array.tobytes()))

    def __repr__(self) -> str:
        return f"Constant({self.type})"


def show(shape: Sequence[int]) -> str:
    """A shape as people write it: 96x96x1; a scalar is `()`."""
    return "x".join(map(str, shape)) if len(shape) > 0 else "()"
