"""A step: one layer as kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from mnc.ir.graph import Node
from mnc.ir.types import Constant, DType
from mnc.program.calls import Argument, Call, Const, In, Member, Out, Range, Record, RowPointers, Scratch, State
from mnc.program.values import Value, Window

ROW = "zeros"
"""The name of a constant that a kernel reads as a row of its input, and so from the memory that inputs lie in."""


@dataclass(frozen=True)
class Rows:
    """The calls compute one row of the outputs from windows of rows of the inputs."""

    windows: tuple[Window, ...]
    """For each input."""
    count: int
    band: int = 1
    """The step counts rows in bands of this many."""
    in_place: bool = False
    """Within a row as for `Once`, by the first of the calls; the others go over the output alone."""


@dataclass(frozen=True)
class Times:
    """The calls are repeated, and may touch everything each time."""

    count: int


@dataclass(frozen=True)
class Fold:
    """The calls take one row of the only input into scratch memory; `after`, the output is written at once."""

    count: int
    """Rows of the input."""


@dataclass(frozen=True)
class Once:
    """The calls compute everything at once."""

    in_place: bool = False
    """Element by element, upwards: the output may lie where an input at least as large as it lies, or below."""
    count: ClassVar[int] = 1


Loop = Rows | Times | Fold | Once


@dataclass(frozen=True)
class Step:
    """One layer as kernel calls."""

    node: Node
    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    calls: tuple[Call, ...]
    """They compute one iteration of the loop."""
    loop: Loop = Once()
    before: tuple[Call, ...] = ()
    """Made before the first iteration."""
    after: tuple[Call, ...] = ()
    """Made after the last iteration."""
    whole: tuple[Call, ...] = ()
    """Made instead of all iterations: they go through the rows on their own, from the first to the last."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Laid out for the kernel."""
    scratch: int = 0
    """Bytes of scratch memory."""
    scratch_dtype: DType = DType.FLOAT32
    scratch_on_stack: bool = False
    """The scratch memory is a local array of the layer's function, not a buffer of the arena."""
    state: int = 0
    """Bytes."""
    state_dtype: DType = DType.FLOAT32
    reason: str = ""
    """Why a kernel that the backend would rather call does not compute the layer, or does less at a time; or by how
    much the results of a kernel that the user has asked for differ from the layer's definition."""
    fallback: Step | None = None
    """The layer with less scratch memory in the arena, for where this much would enlarge the arena."""
    by_row: Step | None = None
    """The layer a row at a time, to the same bits, where this step does not compute it so; for a stage."""
    ranges: tuple[Range, ...] = ()
    """The calls of an iteration in parts that write a range of its outputs each, where slices end within one.
    They touch no more than `calls`, and nothing else runs between them, so a plan is made for `calls`."""

    def __post_init__(self) -> None:
        where = self.node.name
        assert self.writes and (self.calls or self.whole), where
        assert self.loop.count > 0, where
        rows = self.rows
        if rows is not None:
            assert len(rows.windows) == len(self.reads), where
            assert all(value.image[0] % rows.band == 0 for value in (*self.reads, *self.writes)), where
            assert all(value.image[0] // rows.band == rows.count for value in self.writes), where
        assert rows is not None or not self.whole, where
        assert not self.in_place or len(self.writes) == 1, where
        assert not self.in_place or rows is not None or len(self.calls) == 1, where
        if isinstance(self.loop, Fold):
            assert len(self.reads) == 1 and self.reads[0].image[0] == self.loop.count and self.scratch, where
        assert self.by_row is None or (self.by_row.rowwise is self.by_row and self.by_row.node is self.node), where
        for argument in self._arguments():
            assert self._has(argument), (where, argument)

    def _arguments(self) -> Iterator[Argument | Member]:
        """The arguments of all calls that are no numbers, and the members of their structs."""
        for call in self.all_calls:
            for argument in call.arguments.values():
                if not isinstance(argument, int | float):
                    yield argument
                if isinstance(argument, Record):
                    yield from argument.members.values()

    def _has(self, argument: Argument | Member) -> bool:
        """Whether the step has what an argument names."""
        match argument:
            case RowPointers(read):
                return self.rows is not None and read < len(self.reads)
            case In(read, stride=stride):
                if read >= len(self.reads):
                    return False
                return stride is not None or self.rows is None or self.rows.windows[read].divisor == 1
            case Out(write=write):
                return write < len(self.writes)
            case Const(name):
                return name in self.constants
            case Scratch():
                return self.scratch > 0
            case State():
                return self.state > 0
        return True

    @property
    def rows(self) -> Rows | None:
        """The loop where it goes by rows."""
        return self.loop if isinstance(self.loop, Rows) else None

    @property
    def in_place(self) -> bool:
        """Whether the output may lie where an input at least as large as it lies, or below."""
        return isinstance(self.loop, Once | Rows) and self.loop.in_place

    @property
    def rowwise(self) -> Step | None:
        """The step that computes the layer in a stage: this one, or `by_row`; None where neither goes by rows."""
        if self.by_row is not None:
            return self.by_row
        match self.loop:
            case Fold():
                return self
            case Rows(band=1) if self.calls and not self.before and not self.after:
                return self
        return None

    @property
    def kernel(self) -> str:
        """The kernel that does the work, by name: the one that reads the constants, where there are any."""
        calls = self.whole or self.calls
        reading = (c for c in calls if any(isinstance(a, Const) for a in c.arguments.values()))
        return next(reading, calls[0]).kernel

    @property
    def all_calls(self) -> tuple[Call, ...]:
        """All calls that are made, in order."""
        calls = tuple(call for each in self.ranges for call in each.calls) or self.calls
        return (*self.before, *calls, *self.whole, *self.after)

    def with_calls(self, change: Callable[[Call], Call]) -> Step:
        """The step with other calls that do the work of its own."""
        before, calls, whole, after = (
            tuple(map(change, each)) for each in (self.before, self.calls, self.whole, self.after)
        )
        ranges = tuple(replace(each, calls=tuple(map(change, each.calls))) for each in self.ranges)
        return replace(self, before=before, calls=calls, whole=whole, after=after, ranges=ranges)

    @property
    def parts(self) -> int:
        """The parts of an iteration between which a slice may end."""
        return sum(each.count for each in self.ranges) or 1

    @property
    def row_bytes(self) -> int:
        """Bytes of constants that take the place of an input's row."""
        return self.constants[ROW].bytes if ROW in self.constants else 0

    @property
    def arena_scratch(self) -> int:
        """Bytes of scratch memory in the arena."""
        return 0 if self.scratch_on_stack else self.scratch

    @property
    def scratch_buffer(self) -> str:
        """The name of the buffer that is its scratch memory; a value cannot be called so."""
        return f"{self.node.name}\0scratch"

    @property
    def state_buffer(self) -> str:
        """The name of the buffer that is its state."""
        return f"{self.node.name}\0state"
