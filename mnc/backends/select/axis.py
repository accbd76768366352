"""A loop of a kernel, by ranges of whose indices the kernel's work can be cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Sizes = Mapping[str, int]
"""A call's numbers, by parameter."""
Measure = str | Callable[[Sizes], int]
"""A number that follows from a call's: parameters and numbers with `*` between them, or a function."""


def measured(measure: Measure, sizes: Sizes) -> int:
    """The number for a call."""
    if not isinstance(measure, str):
        return measure(sizes)
    product = 1
    for factor in measure.split("*"):
        product *= int(factor) if factor.isdigit() else sizes[factor]
    return product


@dataclass(frozen=True)
class Axis:
    """One loop of a kernel."""

    size: str
    """The parameter that states how many indices there are."""
    moves: Mapping[str, Measure]
    """Elements that an operand, by its parameter, moves from one index to the next."""
    unit: Measure = "1"
    """Indices of a block, which go at once."""
    overlaps: bool = False
    """The last block reaches back over the one before where blocks do not divide the indices; else it is cut."""
    blocks: Mapping[str, Measure] = field(default_factory=dict)
    """Elements that operands which are laid out by blocks move from one block to the next; they do not reach back."""
    within: tuple[str, ...] = ()
    """Parameters that must be 1: the loops round this one, where operands move on through all of them."""


@dataclass(frozen=True)
class Cut:
    """The loops of one kernel, and its work."""

    axes: tuple[Axis, ...] = ()
    """From the outermost loop inwards."""
    work: Measure = ""
    """A number in proportion to a call's multiply-accumulate operations; empty: it makes none."""
