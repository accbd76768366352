"""Values of a loop's body: vectors and known numbers, the iteration's number, and rows."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.frontends.tflite.loops.terms import OtherLoopError, Vector
from mnc.ir.types import Array, Shape


@dataclass(frozen=True)
class Iteration:
    """The number of the iteration, counted from 0, and so many more; it stands beside numbers in arrays of objects."""

    plus: int = 0

    def __add__(self, other: int) -> Iteration:
        return Iteration(self.plus + int(other))

    __radd__ = __add__


Place = Iteration | int


@dataclass(frozen=True)
class Steps:
    """A variable that the loop leaves as it is: rows that the network has computed."""

    variable: int
    shape: Shape


@dataclass(frozen=True)
class Rows:
    """A variable of which each iteration sets a row; or the rows in front of a place, or from one on."""

    variable: int
    shape: Shape
    """Of all rows."""
    before: Place | None = None
    behind: Place | None = None


@dataclass(frozen=True)
class Written:
    """Rows, and a vector in the place of one of them."""

    rows: Rows
    place: Place
    row: Vector


@dataclass(frozen=True)
class Limit:
    """Whether the number of the iteration is less than this."""

    count: int


Term = Array | Vector | Steps | Rows | Written | Limit


def shape_of(term: Term) -> Shape:
    """The shape of what has one."""
    if isinstance(term, Written):
        return term.rows.shape
    if isinstance(term, Limit) or (isinstance(term, Rows) and (term.before, term.behind) != (None, None)):
        raise OtherLoopError("it asks for a shape that the iteration makes")
    return tuple(term.shape)
