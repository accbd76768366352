"""Reductions along any axes, and products of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnc.ir.layer import Layer
from mnc.ir.types import DType, ShapeError, TensorType, show


@dataclass(frozen=True)
class Reduction(Layer):
    """Base of the layers that make one element of all elements along some axes."""

    axes: tuple[int, ...] = (-1,)
    """Among the axes without batch, ascending; negative counts from the last."""
    keepdims: bool = False
    """Whether the axes stay, with one element each."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        places = self.places(x.rank)
        shape = (1 if i in places else size for i, size in enumerate(x.shape) if self.keepdims or i not in places)
        return TensorType(tuple(shape), x.dtype, x.quant)

    def places(self, rank: int) -> tuple[int, ...]:
        """The axes counted from 0; ShapeError unless they exist, each once and in ascending order."""
        if not self.axes or not all(-rank <= axis < rank for axis in self.axes):
            raise ShapeError(f"axes {self.axes} are not all among the {rank} axes of its input")
        places = tuple(axis % rank for axis in self.axes)
        if tuple(sorted(set(places))) != places:
            raise ShapeError(f"axes {self.axes} must ascend")
        return places


@dataclass(frozen=True)
class ReduceSum(Reduction):
    """out = the sum of in along `axes`."""


@dataclass(frozen=True)
class ReduceMean(Reduction):
    """out = the mean of in along `axes`."""


@dataclass(frozen=True)
class ReduceMax(Reduction):
    """out = the largest in along `axes`."""


@dataclass(frozen=True)
class ReduceMin(Reduction):
    """out = the smallest in along `axes`."""


@dataclass(frozen=True)
class ArgExtreme(Layer):
    """Base of the layers that tell where along an axis an element lies."""

    axis: int = -1
    """Among the axes without batch; negative counts from the last.  The output has all others."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not among the {x.rank} axes of its input")
        place = self.axis % x.rank
        return TensorType((*x.shape[:place], *x.shape[place + 1 :]), DType.INT32)


@dataclass(frozen=True)
class ArgMax(ArgExtreme):
    """out = the index along `axis` of the largest element, in int32; of equal ones the first."""


@dataclass(frozen=True)
class ArgMin(ArgExtreme):
    """out = the index along `axis` of the smallest element, in int32; of equal ones the first."""


@dataclass(frozen=True)
class MatMul(Layer):
    """out[..., i, j] = sum over k of in 0[..., i, k] * in 1[..., k, j], the axes before being the same in both."""

    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    transpose_a: bool = False
    """Whether the last two axes of in 0 are exchanged: it is (..., k, i)."""
    transpose_b: bool = False
    """Whether those of in 1 are: it is (..., j, k)."""

    def infer(self, *inputs: TensorType) -> TensorType:
        a, b = inputs
        if a.rank < 2 or a.rank != b.rank or a.shape[:-2] != b.shape[:-2]:
            raise ShapeError(f"{show(a.shape)} and {show(b.shape)} are not equally many matrices")
        rows, inner = a.shape[-1:-3:-1] if self.transpose_a else a.shape[-2:]
        other, columns = b.shape[-1:-3:-1] if self.transpose_b else b.shape[-2:]
        if inner != other:
            raise ShapeError(f"matrices of {inner} columns and of {other} rows have no product")
        return TensorType((*a.shape[:-2], rows, columns), a.dtype)

    def macs(self, *inputs: TensorType) -> int:
        return self.infer(*inputs).elements * inputs[0].shape[-2 if self.transpose_a else -1]
