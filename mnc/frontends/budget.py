"""Limits for one reading of a model file as a whole, not piece by piece.

A small file can mean endless work: it names one part of itself many times, or
states sizes that it does not have.  So whatever is read, opened or called is
counted by the one `Budget` of the reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mnc.errors import CompileError, Problem

LEAST_BYTES = 2**26
"""Bytes of weights that any file may take, however small it is."""
RATIO = 8
"""How many times its size a larger one may: weights of 8 bits are held as float32, and layers may share them."""

LIMITS: Mapping[str, int] = {
    "JSON values": 2**21,
    "groups and datasets": 2**16,
    "chunks of datasets": 2**15,
    "bytes of text": 2**27,
    "weights looked at by name": 2**20,
    "layers": 2**15,
    "calls of layers": 2**16,
}
"""Limits of everything else that is counted, far above the needs of a network for a microcontroller."""


class SpentError(CompileError):
    """The budget is spent: whoever collects refusals must let this one through, as nothing more may be read."""


@dataclass
class Budget:
    """The counts of one reading so far."""

    size: int
    """Bytes of the file."""
    _taken: dict[str, int] = field(default_factory=dict)

    def take(self, where: str, what: str, count: int = 1) -> None:
        """Count what is about to be read; SpentError at `where` if that is too much."""
        taken = self._taken.get(what, 0) + count
        limit = self.limit(what)
        if taken > limit:
            hint = "a file that asks for more is damaged, or no network for a microcontroller"
            raise SpentError(
                Problem(where, f"reading the file takes {taken:,} {what} or more; the limit is {limit:,}", (hint,))
            )
        self._taken[what] = taken

    def limit(self, what: str) -> int:
        return max(LEAST_BYTES, RATIO * self.size) if what == "bytes of weights" else LIMITS[what]
