"""Which of several memories each buffer and each state lies in: those that are used the most per byte in the fastest.

Buffers in different memories never meet, so each memory is an arena of its own, and the network's is one behind
the other: every offset is of that whole, and the checker needs to know nothing of regions.  States lie behind the
arena of their memory; they are numbered likewise, the first memory's first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mnc.plan.arena import Arena, Buffer, Overlap, place
from mnc.program import struct_layout, up_to

QUICK = 5_000
"""Effort of the packer to see whether one more buffer fits."""


@dataclass(frozen=True)
class Region:
    """A named memory, and the parts of the plan's addresses that lie in it."""

    name: str
    base: int
    """The first address of the arena that lies in it, in bytes."""
    size: int
    """Bytes of the arena."""
    limit: int
    """Bytes that there are."""
    state_base: int
    """The place of the first state that lies in it, in bytes from the beginning of all that outlives a run."""
    state: int
    """Bytes of states."""
    state_offset: int
    """Where they begin, behind the arena, in bytes from the beginning of the region."""
    bytes: int
    """Bytes that are used: the `sizeof` of a struct of arena and states."""


@dataclass(frozen=True)
class Spread:
    """Buffers and states in regions."""

    arena: Arena
    """Of all regions, one behind the other."""
    regions: tuple[Region, ...]
    """Those that are used."""
    states: Mapping[str, int]
    """The places of states, in bytes from the beginning of all that outlives a run."""


class NoRoomError(Exception):
    """Some buffer fits into none of the regions beside the others."""


@dataclass
class _Filling:
    """The contents of a region so far."""

    name: str
    limit: int
    buffers: list[Buffer] = field(default_factory=list)
    states: list[Buffer] = field(default_factory=list)
    arena: Arena = Arena({}, 0, 0, proved=True)
    """A packing of the buffers."""


def spread(
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap],
    states: Sequence[Buffer],
    limits: Sequence[tuple[str, int]],
    traffic: Mapping[str, int],
    units: tuple[int, int],
    effort: int,
) -> Spread:
    """Buffers and states in regions of at most these bytes, the fastest first.

    `traffic` has the bytes that a run reads and writes of each; `units` are the bytes to which C aligns an arena and
    the states of a region.  NoRoomError where one fits nowhere.
    """
    whole = place(buffers, overlaps, effort)
    fillings = [_Filling(name, limit) for name, limit in limits]

    def bytes_of(arena: int, states: Iterable[Buffer]) -> int:
        return struct_layout(zip((arena, _placed(states)[1]), units, strict=True))[1]

    if bytes_of(whole.size, states) <= limits[0][1]:
        fillings = [_Filling(*limits[0], list(buffers), list(states), whole)]
        return _joined(fillings, whole, states, units)

    def packed(inside: Sequence[Buffer], effort: int) -> Arena:
        names = {buffer.name for buffer in inside}
        return place(inside, [each for each in overlaps if {each.written, each.read} <= names], effort)

    def heat(each: tuple[Buffer, bool]) -> tuple[float, int, str]:
        buffer, _ = each
        return traffic.get(buffer.name, 0) / max(buffer.size, 1), buffer.size, buffer.name

    for buffer, outlives in sorted([(b, False) for b in buffers] + [(b, True) for b in states], key=heat, reverse=True):
        for filling in fillings:
            arena = filling.arena if outlives else packed([*filling.buffers, buffer], QUICK)
            kept = [*filling.states, buffer] if outlives else filling.states
            if bytes_of(arena.size, kept) <= filling.limit:
                (filling.states if outlives else filling.buffers).append(buffer)
                filling.arena = arena
                break
        else:
            raise NoRoomError
    for filling in fillings:
        filling.arena = min(packed(filling.buffers, effort), filling.arena, key=lambda arena: arena.size)
    return _joined(fillings, whole, states, units)


def _joined(fillings: Sequence[_Filling], whole: Arena, order: Sequence[Buffer], units: tuple[int, int]) -> Spread:
    """The regions that hold something, one behind the other; `order` is that of the states."""
    offsets: dict[str, int] = {}
    places: dict[str, int] = {}
    regions: list[Region] = []
    end = outliving = 0
    for filling in fillings:
        inside, state = _placed(each for each in order if each in filling.states)
        if not (filling.arena.size or state):
            offsets.update((each, end) for each in filling.arena.offsets)  # of no bytes
            continue
        base, first = up_to(end, max(units)), up_to(outliving, max(units))
        size = filling.arena.size
        (_, behind), taken, _ = struct_layout(zip((size, state), units, strict=True))
        regions.append(Region(filling.name, base, size, filling.limit, first, state, behind, taken))
        offsets.update((each, base + offset) for each, offset in filling.arena.offsets.items())
        places.update((each, first + offset) for each, offset in inside.items())
        end, outliving = base + size if size else end, first + state if state else outliving
    return Spread(Arena(offsets, end, whole.lower_bound, end == whole.lower_bound), tuple(regions), places)


def _placed(states: Iterable[Buffer]) -> tuple[dict[str, int], int]:
    """The place of each state of a region, one behind the other, and the end of the last."""
    places: dict[str, int] = {}
    end = 0
    for each in states:
        places[each.name] = up_to(end, each.alignment)
        end = places[each.name] + each.size
    return places, end
