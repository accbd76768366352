"""The proof, on every compile, that a memory plan overwrites nothing that is still needed.

Written from the definition alone: it knows neither lifetimes nor overlaps nor
how the plan was made.  It replays which bytes each row of each layer reads and
writes, and remembers for every byte of the arena which byte of which buffer it
holds.  Consecutive bytes are kept as one interval, so time and memory follow
the number of accesses, not the size of the arena.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

_ALIGNMENT = 4
_NO_EXCEPTIONS: Mapping[str, int] = MappingProxyType({})


class PlanError(AssertionError):
    """A plan that would compute garbage: a fault of mnc's, never of the user's."""


@dataclass(frozen=True)
class Access:
    """Bytes `start` (included) to `stop` (excluded) of a buffer, counted from the buffer's beginning."""

    buffer: str
    start: int
    stop: int


@dataclass(frozen=True)
class Accesses:
    """The reads and writes of one call of a kernel, usually for one row of one layer, scratch included.

    Nothing is known of the order in which a kernel goes about its work: it may
    write some of its output before it has read all of its input, and use its
    scratch throughout.  So no byte that a call writes may be one that the same
    call reads, nor be written by it twice, not even within one buffer.

    `in_place` promises more: byte k of a write is never written before bytes
    0 to k of every read have been read for the last time (as an element by
    element kernel works, going upwards, no wider on its way out than on its
    way in).  Then a write may share bytes with a read of the same call if byte
    k of the write lies where byte k of the read lies, or below.  An operand
    that such a kernel comes back to (a scale per channel, used again for every
    pixel) needs a further call after it that reads the operand alone.
    """

    reads: tuple[Access, ...]
    writes: tuple[Access, ...]
    in_place: bool = False


def check(
    offsets: Mapping[str, int],
    sizes: Mapping[str, int],
    size: int,
    calls: Iterable[Accesses],
    *,
    alignments: Mapping[str, int] = _NO_EXCEPTIONS,
    rings: Mapping[str, int] = _NO_EXCEPTIONS,
) -> None:
    """Replay `calls` in an arena of `size` bytes; raise `PlanError` at the first that goes wrong.

    A buffer named in `rings` holds that many bytes, its byte k at byte
    k mod rings[buffer]; every other buffer holds all of its bytes.  Every
    buffer must lie inside the arena, aligned (to 4 bytes where `alignments`
    does not say otherwise), and every access inside its buffer.

    A write makes its bytes of the arena hold these bytes of the buffer.  A read
    must find just the bytes that it names: the right buffer is not enough, as
    a ring that is too short holds bytes of a later row in their place.
    """
    held = {name: rings.get(name, sizes[name]) for name in offsets}
    for name, offset in offsets.items():
        if held[name] < min(sizes[name], 1):
            raise PlanError(f"the ring {name!r} holds no byte")
        if offset < 0 or offset + held[name] > size:
            raise PlanError(f"buffer {name!r}, bytes {offset} to {offset + held[name]}, leaves the arena of {size}")
        if offset % (alignment := alignments.get(name, _ALIGNMENT)):
            raise PlanError(f"buffer {name!r} at byte {offset} is not aligned to {alignment}")
    memory = _Memory(size)
    for number, call in enumerate(calls):
        for access in (*call.reads, *call.writes):
            if access.buffer not in offsets:
                raise PlanError(f"call {number} accesses {access.buffer!r}, which has no place")
            if not 0 <= access.start <= access.stop <= sizes[access.buffer]:
                raise PlanError(f"call {number} accesses {access}, but the buffer has {sizes[access.buffer]} bytes")
        reads, writes = (
            [span for access in accesses for span in _spans(access, offsets[access.buffer], held[access.buffer])]
            for accesses in (call.reads, call.writes)
        )
        for read in reads:
            if (fault := memory.fault(read)) is not None:
                raise PlanError(f"call {number} reads {read}, but {fault}")
        for i, write in enumerate(writes):
            for other in writes[:i]:
                if write.meets(other):
                    raise PlanError(f"call {number} writes {write} and {other}")
            for read in reads:
                if write.meets(read) and not (call.in_place and write.begin <= read.begin):
                    raise PlanError(f"call {number} writes {write} while it reads {read}")
            memory.write(write)


class _Span(NamedTuple):
    """Consecutive addresses that hold consecutive bytes of a buffer: an access, or a part of one that a ring splits."""

    buffer: str
    start: int
    stop: int
    zero: int
    """The address at which the buffer's byte 0 would lie if all before this span were as consecutive."""
    begin: int
    """The address at which the access's first byte would lie, likewise."""

    def meets(self, other: _Span) -> bool:
        return max(self.start, other.start) < min(self.stop, other.stop)

    def __str__(self) -> str:
        return f"{self.buffer!r} (arena bytes {self.start} to {self.stop})"


def _spans(access: Access, offset: int, held: int) -> Iterator[_Span]:
    """Where the bytes of an access lie if the buffer holds `held` bytes from `offset` on."""
    at = access.start
    while at < access.stop:
        zero = offset - at // held * held
        stop = min(access.stop, (at // held + 1) * held)
        yield _Span(access.buffer, zero + at, zero + stop, zero, zero + access.start)
        at = stop


class _Memory:
    """Which byte of which buffer each byte of the arena holds, as intervals in the order of addresses.

    An interval goes from its start to the next one's.  It holds a buffer whose
    byte 0 would lie at an address; neighbours that agree in both are one interval.
    The last interval begins where the arena ends.
    """

    def __init__(self, size: int) -> None:
        self._starts = [0, size]
        self._holds: list[tuple[str | None, int]] = [(None, 0), (None, 0)]

    def write(self, span: _Span) -> None:
        """Let a span's addresses hold its bytes."""
        first, last = bisect_left(self._starts, span.start), bisect_right(self._starts, span.stop)
        holds, after = (span.buffer, span.zero), self._holds[last - 1]
        begins, ends = first == 0 or self._holds[first - 1] != holds, after != holds
        self._starts[first:last] = [span.start] * begins + [span.stop] * ends
        self._holds[first:last] = [holds] * begins + [after] * ends

    def fault(self, span: _Span) -> str | None:
        """The first addresses of a span that do not hold its bytes, in words; None where all hold them."""
        i, start = bisect_right(self._starts, span.start) - 1, span.start
        if self._holds[i] == (span.buffer, span.zero):
            i, start = i + 1, self._starts[i + 1]
        if start >= span.stop:
            return None
        stop = min(self._starts[i + 1], span.stop)
        buffer, zero = self._holds[i]
        if buffer is None:
            return f"arena bytes {start} to {stop} were never written"
        return f"arena bytes {start} to {stop} hold bytes {start - zero} to {stop - zero} of {buffer!r} by then"
