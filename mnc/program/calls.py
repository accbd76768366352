"""Calls of kernels and their arguments.

Numbers stand for themselves; every other argument is named from inside the layer's own function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RowPointers:
    """The array of pointers to the input rows of the current output row."""

    read: int = 0
    written_out: bool = False
    """There is code for each of them, so that they can stay in registers."""
    offset: int = 0
    """In elements, from the beginning of each row."""


@dataclass(frozen=True)
class RowNumber:
    """The number of the current output row."""


@dataclass(frozen=True)
class In:
    """An input: its current row where the step goes by rows, else all of it."""

    read: int = 0
    offset: int = 0
    """In elements, here and below."""
    stride: int | None = None
    """Elements from one iteration to the next; None: a row, or as many as the step's window moves."""


@dataclass(frozen=True)
class Out:
    """The output: its current row where the step goes by rows, else all of it."""

    offset: int = 0
    write: int = 0
    stride: int | None = None


@dataclass(frozen=True)
class Scratch:
    """Memory of the step's own, of no defined content when the step begins."""

    offset: int = 0


@dataclass(frozen=True)
class State:
    """Memory of the step's own that outlives a run; zero after `<name>_init`."""

    offset: int = 0


@dataclass(frozen=True)
class Const:
    """One of the step's constants."""

    name: str
    offset: int = 0
    stride: int = 0
    """Elements from one iteration to the next."""


@dataclass(frozen=True)
class Name:
    """A macro of the kernel library, or NULL."""

    text: str


NULL = Name("NULL")


Member = int | tuple[int, ...] | Const | Scratch | Name
"""A member of a struct: a number, a struct of numbers, or a pointer."""


@dataclass(frozen=True)
class Record:
    """The address of a struct that a library declares.

    It is a constant in flash, or where it points to memory of the run a local
    variable that is filled before the calls.
    """

    type: str
    members: Mapping[str, Member]
    """In the order of their declaration."""
    label: str = ""
    """The name that all equal constants of a network share, so that there is one of them; empty: the layer's own."""

    @property
    def constant(self) -> bool:
        """Whether all that it holds is known before a run."""
        return not any(isinstance(member, Scratch) for member in self.members.values())

    @property
    def bytes(self) -> int:
        """Its size where numbers and pointers take four bytes each."""
        return 4 * sum(len(member) if isinstance(member, tuple) else 1 for member in self.members.values())


Argument = int | float | RowPointers | RowNumber | In | Out | Scratch | State | Const | Name | Record


@dataclass(frozen=True)
class Call:
    """A call of a kernel, its arguments by parameter name."""

    kernel: str
    arguments: Mapping[str, Argument]
    header: str = ""
    """The header of another library's function, which takes the arguments in their order; empty: mnc's own."""
    checked: bool = False
    """The other library's function returns a status, which generated code hands to MNC_CHECK."""


@dataclass(frozen=True)
class Range:
    """Calls between which a slice of a run may end: a part of one iteration of a step, or several equal parts."""

    calls: tuple[Call, ...]
    """Of the first part; of several parts there is one call."""
    cost: int
    """Operations of a part, as slices count them."""
    count: int = 1
    inner: int = 1
    """Parts that go by in an inner loop while the outer one stands still."""
    moves: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Elements that an operand, by parameter, moves from one round of the outer loop to the next; of the inner one."""

    def __post_init__(self) -> None:
        assert self.calls and self.cost >= 0
        assert self.count > 0 and self.count % self.inner == 0
        assert self.count == 1 or len(self.calls) == 1
