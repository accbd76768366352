"""STRIDED_SLICE's begin, end, strides and masks as NumPy's indices."""

from __future__ import annotations

from collections.abc import Callable

from mnc.ir.types import Array, Shape

Place = slice | int | None
"""A part of an axis, one place on an axis that is then dropped, or a new axis of one element."""


def strided(shape: Shape, begin: Array, end: Array, stride: Array, option: Callable[[str], int]) -> tuple[Place, ...]:
    """The part of each axis that is taken, and where new axes come in; ValueError where that makes no sense.

    Bit i of a mask concerns entry i of begin, end and strides: ends that do not
    count, axes that are dropped or new, an ellipsis.  Negative places count
    from the end; with `Offset` an end counts from its begin.
    """
    if not begin.size == end.size == stride.size:
        raise ValueError("begin, end and strides differ in length")
    if any(array.dtype.kind != "i" for array in (begin, end, stride)):
        raise ValueError("begin, end and strides must be whole numbers")
    masks = [option(name) for name in ("BeginMask", "EndMask", "ShrinkAxisMask", "NewAxisMask", "EllipsisMask")]
    places: list[Place] = []
    axis = 0
    for i, (first, last, step) in enumerate(zip(*(map(int, a.ravel()) for a in (begin, end, stride)), strict=True)):
        begins, ends, dropped, new, ellipsis = (bool(mask >> i & 1) for mask in masks)
        if ellipsis:
            read = sum(not masks[3] >> k & 1 for k in range(i + 1, begin.size))
            count = len(shape) - axis - read
            places.extend([slice(None)] * count)
            axis += max(count, 0)
        elif new:
            places.append(None)
        elif axis == len(shape):
            raise ValueError(f"it has more entries than the {len(shape)} axes")
        elif step == 0:
            raise ValueError("a stride is 0")
        elif dropped:
            if not -shape[axis] <= first < shape[axis]:
                raise ValueError(f"place {first} is not on axis {axis}")
            places.append(first)
            axis += 1
        else:
            stop = first + last if option("Offset") else last
            places.append(slice(None if begins else first, None if ends else stop, step))
            axis += 1
    return (*places, *[slice(None)] * (len(shape) - axis))
