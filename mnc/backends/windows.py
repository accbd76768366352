"""Rows of windows and of rings as terms in C."""

from __future__ import annotations

from collections.abc import Mapping

from mnc.program import Value, Window, ring_rows


def first_row(window: Window, turn: str = "y") -> str:
    """The first row of the window of iteration `turn`.

    C's division rounds towards 0 (C89: either way), so only a positive number is divided.  A dividend need not fit
    an `int` of 16 bits.
    """
    below = max(-(-window.padding // window.divisor), 0) if window.divisor > 1 else 0
    y = turn if window.divisor == 1 else f"(long){turn}"
    first = plus(y if window.stride == 1 else f"{y} * {window.stride}", below * window.divisor - window.padding)
    return first if window.divisor == 1 else plus(f"(int)(({first}) / {window.divisor})", -below)


def plus(term: str, offset: int) -> str:
    """A term plus a number."""
    return f"{term} {'-' if offset < 0 else '+'} {abs(offset)}" if offset else term


def row_of(value: Value, rings: Mapping[str, int], number: str, stride: int) -> str:
    """The way from a value's beginning to a row, by its number as a term; `stride` elements to the next."""
    held = ring_rows(value, rings)
    if held is not None:
        number = f"{number if number.isidentifier() else f'({number})'} % {held}"
    return f" {'-' if stride < 0 else '+'} {number} * {abs(stride)}" if stride and held != 1 else ""
