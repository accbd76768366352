"""Layers that choose elements by their indices: parts, tables of places, repetition."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.ir.layer import Layer
from mnc.ir.types import Shape, ShapeError, TensorType, show


@dataclass(frozen=True)
class Slice(Layer):
    """out[i, j, ...] = in[starts[0] + i * steps[0], starts[1] + j * steps[1], ...], of the shape `sizes`."""

    starts: Shape
    """The first index along each axis without batch, from 0."""
    sizes: Shape
    """How many elements stay along each axis."""
    steps: tuple[int, ...]
    """From one index to the next along each axis; negative ones go backwards."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not len(self.starts) == len(self.sizes) == len(self.steps) == x.rank:
            raise ShapeError(f"needs a start, a size and a step for each of the {x.rank} axes of its input")
        for axis, (size, first, count, step) in enumerate(
            zip(x.shape, self.starts, self.sizes, self.steps, strict=True)
        ):
            if not (0 <= first < size and 0 <= first + (count - 1) * step < size):
                raise ShapeError(
                    f"{count} elements from {first} in steps of {step} leave axis {axis} of {show(x.shape)}"
                )
        return TensorType(self.sizes, x.dtype, x.quant)

    @property
    def is_forward(self) -> bool:
        """Whether it keeps the elements in their order."""
        return all(step > 0 or size == 1 for step, size in zip(self.steps, self.sizes, strict=True))


@dataclass(frozen=True)
class Take(Layer):
    """out[..., i, ...] = in[..., indices[i], ...], the index being that of `axis`."""

    indices: tuple[int, ...]
    """From 0, in any order, any of them more than once."""
    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not among the {x.rank} axes of its input")
        axis = self.axis % x.rank
        wrong = next((i for i in self.indices if not 0 <= i < x.shape[axis]), None)
        if wrong is not None:
            raise ShapeError(f"index {wrong} is not on axis {axis} of {show(x.shape)}")
        return TensorType((*x.shape[:axis], len(self.indices), *x.shape[axis + 1 :]), x.dtype, x.quant)


@dataclass(frozen=True)
class Broadcast(Layer):
    """The input under another shape, its elements repeated along new axes and those of size 1, as NumPy does."""

    shape: Shape
    """The whole new shape, without batch."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        lacking = len(self.shape) - x.rank
        if lacking < 0 or any(
            own not in (1, size) for own, size in zip(x.shape, self.shape[max(lacking, 0) :], strict=False)
        ):
            raise ShapeError(f"{show(x.shape)} cannot be repeated to {show(self.shape)}")
        return TensorType(self.shape, x.dtype, x.quant)
