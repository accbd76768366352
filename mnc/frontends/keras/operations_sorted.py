"""Operations by the order of elements along an axis, and products along it.

The place of an element among the sorted ones is counted: how many are before
it.  What is at the place r is then the sum of all elements whose place is r, so
that n elements take n times n comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.frontends.assembly import Value
from mnc.frontends.keras.operations import Operands, Result, operation
from mnc.frontends.keras.operations_reduce import axes_of
from mnc.frontends.keras.operations_shape import along, permuted
from mnc.ir.layers import Add, Concatenate, Dense, Equal, Greater, Multiply, ReduceSum, Reshape, Where
from mnc.ir.types import Constant

MOST = 64
"""Elements along an axis that is sorted: their comparisons have its square."""


@dataclass(frozen=True)
class _Sorted:
    """The elements along one axis with their places."""

    op: Operands
    x: Value
    """The axis last."""
    order: tuple[int, ...]
    """The axes of the operand with the sorted one last; this order also leads back."""
    matches: Value
    """(..., place, element): 1 where the element is at the place, else 0."""

    @classmethod
    def along(cls, op: Operands, x: Value, axis: int, *, falling: bool) -> _Sorted:
        size, last = x.shape[axis], len(x.shape) - 1
        if size > MOST:
            raise op.call.fault(f"{size} elements along an axis are too many to be sorted; the limit is {MOST}")
        order = tuple(last if k == axis else axis if k == last else k for k in range(last + 1))
        x = permuted(op, x, order, "turned")
        column = op.emit(Reshape((*x.shape, 1)), x, part="column")
        row = op.emit(Reshape((*x.shape[:-1], 1, size)), x, part="row")
        before = (row, column) if falling else (column, row)
        less = op.emit(Greater(), *before, part="less")  # (..., element, other): whether the other is before it
        equal = op.emit(Equal(), row, column, part="equal")
        earlier = Constant(np.tri(size, k=-1, dtype=np.float32))
        ties = op.emit(Multiply(operand=earlier), equal, part="ties")
        places = op.emit(ReduceSum((len(x.shape),)), op.emit(Add(), less, ties, part="before"), part="places")
        of_each = op.emit(Reshape((*x.shape[:-1], 1, size)), places, part="of_each")
        wanted = Constant(np.arange(size, dtype=np.float32).reshape(size, 1))
        return cls(op, x, order, op.emit(Equal(operand=wanted), of_each, part="matches"))

    def values(self, part: str = "") -> Value:
        """The elements in their order."""
        size = self.x.shape[-1]
        row = self.op.emit(Reshape((*self.x.shape[:-1], 1, size)), self.x, part="elements")
        chosen = self.op.emit(Where(operand=Constant(np.float32(0.0))), self.matches, row, part="chosen")
        return self._back(self.op.emit(ReduceSum((len(self.x.shape),)), chosen, part="values"), part)

    def indices(self, part: str = "") -> Value:
        """Where the elements were."""
        size = self.x.shape[-1]
        numbers = Constant(np.arange(size, dtype=np.float32).reshape(size, 1))
        found = self.op.emit(Dense(numbers), self.matches, part="found")
        return self._back(self.op.emit(Reshape(self.x.shape), found, part="indices"), part)

    def _back(self, x: Value, part: str) -> Value:
        return permuted(self.op, x, self.order, part)


@operation("Sort", "x axis", axis=-1)
def sort(op: Operands) -> Result:
    """Elements from the smallest to the largest."""
    return _sorted(op).values()


@operation("Argsort", "x axis", axis=-1)
def argsort(op: Operands) -> Result:
    """The places of the elements from the smallest to the largest; of equal ones the first comes first."""
    return _sorted(op).indices()


def _sorted(op: Operands) -> _Sorted:
    x = op.value()
    falling = op.config.choice("direction", "ASCENDING", "DESCENDING", default="ASCENDING") == "DESCENDING"
    op.config.ignore("stable")
    return _Sorted.along(op, x, op.axis("axis", x), falling=falling)


@operation("TopK", "x k sorted", k=1)
def top_k(op: Operands) -> Result:
    """The largest elements of the last axis, and where they were."""
    x, count = op.value(), op.config.integer("k")
    op.config.ignore("sorted", "index_type")  # they are in order in any case
    last = len(x.shape) - 1
    if last < 0 or count > x.shape[last]:
        raise op.call.fault(f"there are no {count} largest elements of {x.shape[-1:]}")
    found = _Sorted.along(op, x, last, falling=True)
    values, indices = found.values("in_order"), found.indices("found_in_order")
    return along(op, values, last, 0, count, ""), along(op, indices, last, 0, count, "places")


@operation("Median", "x axis keepdims")
def median(op: Operands) -> Result:
    """The middle element along an axis, or the mean of the two in the middle."""
    x, keepdims = op.value(), op.config.boolean("keepdims", False)
    axes = axes_of(op, x)
    if len(axes) > 1:
        raise op.call.fault(
            "the median goes along one axis", "put a Reshape in front of it, so that the elements lie along one axis"
        )
    size = x.shape[axes[0]]
    values = _Sorted.along(op, x, axes[0], falling=False).values("in_order")
    low, high = (along(op, values, axes[0], k, 1, part) for k, part in (((size - 1) // 2, "low"), (size // 2, "high")))
    middle = op.affine(op.emit(Add(), low, high, part="both"), 0.5, part="middle")
    kept = tuple(1 if k == axes[0] else n for k, n in enumerate(x.shape) if keepdims or k != axes[0])
    return op.emit(Reshape(kept), middle)


@operation("Prod", "x axis keepdims dtype")
def product(op: Operands) -> Result:
    """The product of the elements along axes: one half times the other until one is left."""
    x, keepdims = op.value(), op.config.boolean("keepdims", False)
    axes = axes_of(op, x)
    kept = tuple(1 if k in axes else n for k, n in enumerate(x.shape) if keepdims or k not in axes)
    for axis in axes:
        while (size := x.shape[axis]) > 1:
            half = size // 2
            first, second = (along(op, x, axis, k, half, f"axis{axis}_{size}_{k}") for k in (0, half))
            x_half = op.emit(Multiply(), first, second, part=f"axis{axis}_{size}")
            rest = [along(op, x, axis, size - 1, 1, f"axis{axis}_{size}_last")] if size % 2 else []
            x = op.emit(Concatenate(axis), x_half, *rest, part=f"axis{axis}_{size}_with") if rest else x_half
    return op.emit(Reshape(kept), x)


@operation("Cumprod", "x axis dtype", exclusive=False, reverse=False)
def products(op: Operands) -> Result:
    """The product of all elements up to each: times those 1, 2, 4, ... places before."""
    x = op.value()
    op.config.only("exclusive", False)
    op.config.only("reverse", False)
    if "axis" not in op:
        raise op.call.fault("without axis the operation goes over the batch, too", "name the axis")
    axis = op.axis("axis", x)
    size, step = x.shape[axis], 1
    while step < size:
        first = along(op, x, axis, 0, step, f"first{step}")
        earlier, later = (along(op, x, axis, k, size - step, f"from{k}_{step}") for k in (0, step))
        x = op.emit(
            Concatenate(axis), first, op.emit(Multiply(), earlier, later, part=f"times{step}"), part=f"to{2 * step}"
        )
        step *= 2
    return op.nothing(x)
