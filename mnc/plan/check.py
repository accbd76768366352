"""The proof, on every compile, that a memory plan overwrites nothing that is still needed.

Written from the definition alone: it knows neither lifetimes nor overlaps nor
how the plan was made.  It replays which bytes each row of each layer reads
and writes, and remembers for every byte of the arena whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

import numpy as np

from mnc.ir.types import Array

_NOBODY = -1
_ALIGNMENT = 4
_NO_EXCEPTIONS: Mapping[str, int] = MappingProxyType({})


class PlanError(AssertionError):
    """A plan that would compute garbage: a fault of mnc's, never of the user's."""


@dataclass(frozen=True)
class Touch:
    """Bytes `start` (included) to `stop` (excluded) of a buffer, counted from the buffer's beginning."""

    buffer: str
    start: int
    stop: int


@dataclass(frozen=True)
class Moment:
    """One call of a kernel, usually one row of one layer: what it reads, and what it writes, scratch included.

    Nothing is known of the order in which a kernel goes about its work: it may
    write some of its output before it has read all of its input, and use its
    scratch throughout.  So no byte that a moment writes may be one that the
    same moment reads, nor be written by it twice, not even within one buffer.

    `in_place` promises more: byte k of a write is never written before bytes
    0 to k of every read have been read for the last time (as an element by
    element kernel works, going upwards, no wider on its way out than on its
    way in).  Then a write may share bytes with a read of the same moment if it
    begins at the same address or below.  An operand that such a kernel comes
    back to (a scale per channel, used again for every pixel) needs a further
    moment after it that reads the operand alone.
    """

    reads: tuple[Touch, ...]
    writes: tuple[Touch, ...]
    in_place: bool = False


def check(
    offsets: Mapping[str, int],
    sizes: Mapping[str, int],
    size: int,
    moments: Iterable[Moment],
    *,
    alignments: Mapping[str, int] = _NO_EXCEPTIONS,
) -> None:
    """Replay `moments` in an arena of `size` bytes; raise `PlanError` at the first that goes wrong.

    Every buffer must lie inside the arena, aligned (to 4 bytes where
    `alignments` does not say otherwise), and every touch inside its buffer.
    A write makes its bytes the buffer's; a read must find all of its bytes to
    be its own buffer's, that is, written and since then not overwritten by
    another.
    """
    for name, offset in offsets.items():
        if offset < 0 or offset + sizes[name] > size:
            raise PlanError(f"buffer {name!r}, bytes {offset} to {offset + sizes[name]}, leaves the arena of {size}")
        if offset % (alignment := alignments.get(name, _ALIGNMENT)):
            raise PlanError(f"buffer {name!r} at byte {offset} is not aligned to {alignment}")
    names = list(offsets)
    number = {name: i for i, name in enumerate(names)}
    owner: Array = np.full(size, _NOBODY, np.int32)
    for step, moment in enumerate(moments):
        reads = [_Span.of(touch, offsets, sizes, step) for touch in moment.reads]
        writes = [_Span.of(touch, offsets, sizes, step) for touch in moment.writes]
        for read in reads:
            if (owner[read.start : read.stop] != number[read.buffer]).any():
                _lost(read, owner, number[read.buffer], names, step)
        for i, write in enumerate(writes):
            for other in writes[:i]:
                if write.meets(other):
                    raise PlanError(f"moment {step} writes {write} and {other}")
            for read in reads:
                if write.meets(read) and not (moment.in_place and write.start <= read.start):
                    raise PlanError(f"moment {step} writes {write} while it reads {read}")
            owner[write.start : write.stop] = number[write.buffer]


@dataclass(frozen=True)
class _Span:
    """A touch in the arena's own addresses."""

    buffer: str
    start: int
    stop: int

    @staticmethod
    def of(touch: Touch, offsets: Mapping[str, int], sizes: Mapping[str, int], step: int) -> _Span:
        if touch.buffer not in offsets:
            raise PlanError(f"moment {step} touches {touch.buffer!r}, which has no place")
        if not 0 <= touch.start <= touch.stop <= sizes[touch.buffer]:
            raise PlanError(f"moment {step} touches {touch}, but the buffer has {sizes[touch.buffer]} bytes")
        offset = offsets[touch.buffer]
        return _Span(touch.buffer, offset + touch.start, offset + touch.stop)

    def meets(self, other: _Span) -> bool:
        return max(self.start, other.start) < min(self.stop, other.stop)

    def __str__(self) -> str:
        return f"{self.buffer!r} (arena bytes {self.start} to {self.stop})"


def _lost(read: _Span, owner: Array, number: int, names: list[str], step: int) -> NoReturn:
    """Say which bytes of a failed read are not its own, and whose they are."""
    found = owner[read.start : read.stop]
    first = int(np.argmax(found != number))
    length = int(np.argmax(np.append(found[first:] != found[first], True)))
    culprit = found[first]
    fate = "were never written" if culprit == _NOBODY else f"belong to {names[culprit]!r} by then"
    start = read.start + first
    raise PlanError(f"moment {step} reads {read}, but arena bytes {start} to {start + length} {fate}")
