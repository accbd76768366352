"""Which of several memories each buffer lies in: those that are used the most per byte in the fastest.

Buffers in different memories never meet, so each memory is an arena of its own, and the network's is one behind
the other: every offset is of that whole, and the checker needs to know nothing of regions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnc.plan.arena import Arena, Buffer, Overlap, place

QUICK = 5_000
"""Effort of the packer to see whether one more buffer fits."""


@dataclass(frozen=True)
class Region:
    """A named memory, and the part of the plan's addresses that lies in it."""

    name: str
    base: int
    """Its first address in the plan, in bytes."""
    size: int
    """Bytes that are used."""
    limit: int
    """Bytes that there are."""

    def holds(self, offset: int) -> bool:
        """Whether an address of the plan lies in it."""
        return self.base <= offset < self.base + self.size


class NoRoomError(Exception):
    """Some buffer fits into none of the regions beside the others."""


def spread(
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap],
    limits: Sequence[tuple[str, int]],
    traffic: Mapping[str, int],
    effort: int,
) -> tuple[Arena, tuple[Region, ...]]:
    """The buffers in regions of at most these bytes, the fastest first, and the regions that are used.

    `traffic` has the bytes that a run reads and writes of each buffer.  NoRoomError where one fits nowhere.
    """
    whole = place(buffers, overlaps, effort)
    if whole.size <= limits[0][1]:
        return whole, (Region(limits[0][0], 0, whole.size, limits[0][1]),) if whole.size else ()
    members: list[list[Buffer]] = [[] for _ in limits]
    arenas: dict[int, Arena] = {}
    """The packing of each region's members that was found to fit."""

    def packed(inside: Sequence[Buffer], effort: int) -> Arena:
        names = {buffer.name for buffer in inside}
        return place(inside, [each for each in overlaps if {each.written, each.read} <= names], effort)

    def heat(buffer: Buffer) -> tuple[float, int, str]:
        return traffic.get(buffer.name, 0) / max(buffer.size, 1), buffer.size, buffer.name

    for buffer in sorted(buffers, key=heat, reverse=True):
        for i, (_, limit) in enumerate(limits):
            arena = packed([*members[i], buffer], QUICK)
            if arena.size <= limit:
                members[i].append(buffer)
                arenas[i] = arena
                break
        else:
            raise NoRoomError
    unit = max((buffer.alignment for buffer in buffers), default=1)
    offsets: dict[str, int] = {}
    regions: list[Region] = []
    end = 0
    for i, fitting in sorted(arenas.items()):
        name, limit = limits[i]
        arena = min(packed(members[i], effort), fitting, key=lambda arena: arena.size)
        base = -(-end // unit) * unit
        regions.append(Region(name, base, arena.size, limit))
        offsets.update((each, base + offset) for each, offset in arena.offsets.items())
        end = base + arena.size
    return Arena(offsets, end, whole.lower_bound, end == whole.lower_bound), tuple(regions)
