"""Comparisons, and the choice between two values; true is 1 and false 0, in the element type of the operands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from mnc.ir.layers.elementwise import Merge

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison(Merge):
    """Base of the comparisons of two operands, element by element."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)


@dataclass(frozen=True)
class Greater(Comparison):
    """out = activation(1 where in 0 > in 1, else 0)."""


@dataclass(frozen=True)
class GreaterEqual(Comparison):
    """out = activation(1 where in 0 >= in 1, else 0)."""


@dataclass(frozen=True)
class Equal(Comparison):
    """out = activation(1 where in 0 and in 1 are the same, else 0)."""


@dataclass(frozen=True)
class NotEqual(Comparison):
    """out = activation(1 where in 0 and in 1 differ, else 0)."""


@dataclass(frozen=True)
class Where(Merge):
    """out = activation(in 1 where in 0 is not 0, else in 2).

    The operand that is not chosen has no part in the result, a number or not.
    The constant is in 2, or where `operand_first` in 1.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, 3)
    least: ClassVar[int] = 3

    def operands(self, inputs: Sequence[T], operand: T) -> tuple[T, ...]:
        condition, *branches = inputs
        return (condition, operand, *branches) if self.operand_first else (condition, *branches, operand)
