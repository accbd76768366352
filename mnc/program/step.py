"""A step: one layer as kernel calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mnc.ir.graph import Node
from mnc.ir.types import Constant, DType
from mnc.program.calls import Call, Const
from mnc.program.values import Value, Window


@dataclass(frozen=True)
class Step:
    """One layer as kernel calls."""

    node: Node
    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    calls: tuple[Call, ...]
    """What computes one row of output (all of it where `rows` is 1)."""
    before: tuple[Call, ...] = ()
    """What comes before the first row."""
    after: tuple[Call, ...] = ()
    """What comes after the last row."""
    rows: int = 1
    windows: tuple[Window, ...] = ()
    """For each read; empty: the calls read everything."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Laid out for the kernel."""
    scratch: int = 0
    """Bytes."""
    scratch_dtype: DType = DType.FLOAT32
    state: int = 0
    """Bytes."""
    band: int = 1
    """So many rows of every value are one where rows are counted here."""
    sweeps: bool = False
    """The calls are made once, and go through the rows on their own, from the first to the last."""
    in_place: bool = False
    """Element by element: the output may take the very place of an input as large as it."""

    @property
    def kernel(self) -> str:
        """The kernel that does the work, by name: the one that reads the constants, where there are any."""
        reading = (c for c in self.calls if any(isinstance(a, Const) for a in c.arguments.values()))
        return next(reading, self.calls[0]).kernel

    @property
    def all_calls(self) -> tuple[Call, ...]:
        """All calls, in order."""
        return (*self.before, *self.calls, *self.after)

    @property
    def scratch_buffer(self) -> str:
        """The name of the buffer that is its scratch memory; a value cannot be called so."""
        return f"{self.node.name}\0scratch"

    @property
    def state_buffer(self) -> str:
        """The name of the buffer that is its state."""
        return f"{self.node.name}\0state"
