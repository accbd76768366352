"""STRIDED_SLICE's begin, end, strides and masks as plain slices."""

from __future__ import annotations

from collections.abc import Callable

from mnc.ir.types import Array, Shape


def strided(
    shape: Shape, begin: Array, end: Array, stride: Array, option: Callable[[str], int]
) -> tuple[slice | int, ...]:
    """A slice for each axis, or the place on it where the axis is dropped; ValueError for what is not supported.

    Bit i of a mask concerns axis i: begin and end that do not count, axes that
    are dropped.  Negative places count from the end.
    """
    if option("EllipsisMask") or option("NewAxisMask") or option("Offset"):
        raise ValueError("ellipses, new axes and offsets are not supported")
    if not begin.size == end.size == stride.size <= len(shape):
        raise ValueError("begin, end and strides differ in length")
    if any(array.dtype.kind != "i" for array in (begin, end, stride)):
        raise ValueError("begin, end and strides must be whole numbers")
    begins, ends, dropped = option("BeginMask"), option("EndMask"), option("ShrinkAxisMask")
    places: list[slice | int] = []
    for axis, (first, last, step) in enumerate(zip(begin.ravel(), end.ravel(), stride.ravel(), strict=True)):
        if step == 0:
            raise ValueError("a stride is 0")
        if dropped >> axis & 1:
            if not -shape[axis] <= first < shape[axis]:
                raise ValueError(f"place {first} is not on axis {axis}")
            places.append(int(first))
        else:
            places.append(
                slice(None if begins >> axis & 1 else int(first), None if ends >> axis & 1 else int(last), int(step))
            )
    return (*places, *(slice(None) for _ in range(len(shape) - len(places))))
