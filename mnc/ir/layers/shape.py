"""Layers that only rearrange: what is computed elsewhere, laid out anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnc.ir.layer import Layer
from mnc.ir.types import Shape, ShapeError, TensorType, show


@dataclass(frozen=True)
class Reshape(Layer):
    """The input's elements in their order (row-major, channels last) under another shape."""

    shape: Shape
    """The whole new shape, without batch."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        out = TensorType(self.shape, x.dtype, x.quant)
        if out.elements != x.elements:
            raise ShapeError(f"{show(x.shape)} has {x.elements} elements, {show(self.shape)} has {out.elements}")
        return out


@dataclass(frozen=True)
class Flatten(Layer):
    """All elements in row-major order on one axis."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType((x.elements,), x.dtype, x.quant)


@dataclass(frozen=True)
class Permute(Layer):
    """The axes in another order: the output's axis k is the input's axis `axes[k]`."""

    axes: tuple[int, ...]
    """Every axis once, without batch, counted from 0."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if sorted(self.axes) != list(range(x.rank)):
            raise ShapeError(f"axes {self.axes} must name each of the {x.rank} axes of its input once")
        return TensorType(tuple(x.shape[axis] for axis in self.axes), x.dtype, x.quant)


@dataclass(frozen=True)
class Reverse(Layer):
    """The input's elements, in reverse order along `axis`."""

    axis: int = 0
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not among the {x.rank} axes of its input")
        return x


@dataclass(frozen=True)
class Concatenate(Layer):
    """The inputs one behind the other along `axis`."""

    arity: ClassVar[tuple[int, int | None]] = (1, None)

    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        first = inputs[0]
        if not -first.rank <= self.axis < first.rank:
            raise ShapeError(f"axis {self.axis} is not among the {first.rank} axes of its inputs")
        axis = self.axis % first.rank
        total = 0
        for x in inputs:
            if x.rank != first.rank or x.dtype != first.dtype or _without(x.shape, axis) != _without(first.shape, axis):
                raise ShapeError(f"{first} and {x} differ in more than axis {axis}")
            total += x.shape[axis]
        return TensorType((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype, first.quant)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]
