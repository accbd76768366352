"""Rows of windows and of rings as terms in C."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mnc.program import Value, Window, ring_rows


def first_row(window: Window, turn: str = "y") -> str:
    """The first row of the window of iteration `turn`.

    C's division rounds towards 0 (C89: either way), so only a positive number is divided.  A dividend need not fit
    an `int` of 16 bits.
    """
    below = max(-(-window.padding // window.divisor), 0) if window.divisor > 1 else 0
    y = turn if window.divisor == 1 else f"(long){turn}"
    first = plus(times(y, window.stride), below * window.divisor - window.padding)
    return first if window.divisor == 1 else plus(f"(int)({operand(first)} / {window.divisor})", -below)


def operand(term: str) -> str:
    """A term beside an operator: in parentheses, unless it is a name, an element or a member."""
    return term if re.fullmatch(r"[\w.>\[\]-]+", term) else f"({term})"


def both(terms: Sequence[str]) -> str:
    """The condition that all of several hold."""
    return " && ".join(map(operand, terms)) if len(terms) > 1 else terms[0]


def times(term: str, stride: int) -> str:
    """A name or an element times a number."""
    return term if stride == 1 else f"{term} * {stride}"


def plus(term: str, offset: int) -> str:
    """A term plus a number."""
    if not offset:
        return term
    return f"{operand(term) if ' * ' in term else term} {'-' if offset < 0 else '+'} {abs(offset)}"


def row_of(value: Value, rings: Mapping[str, int], number: str, stride: int) -> str:
    """The way from a value's beginning to a row, by its number as a term; `stride` elements to the next."""
    held = ring_rows(value, rings)
    if held is not None:
        number = f"{operand(number)} % {held}"
    return f" {'-' if stride < 0 else '+'} {operand(times(number, abs(stride)))}" if stride and held != 1 else ""
