"""Where each buffer lies in the arena: an exact packer.

Time runs in steps; a buffer holds its bytes from one step to another.  Two
buffers that live in a common step must be apart, or, where a layer may chase
its dying input, keep a distance.  Both are one rule: for buffers i and j that
meet, either j begins at least gap[i][j] above i's beginning, or i at least
gap[j][i] above j's.  Without an overlap the gap is the lower one's size.

Whatever the best packing looks like, letting every buffer sink in ascending
order of offset leaves each at 0 or at exactly its gap above another one.  So
it is enough to choose the *order* in which buffers are laid down from the
bottom upwards; each then has one place.  `_pack` searches these orders for a
packing of a given height and is exact unless its budget runs out.  The view
of packings as orders by offset, and the rule that nothing may be laid above a
hole that another buffer would fill, are those of Moffitt, "MiniMalloc"
(ASPLOS 2023); overlaps are this project's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType

_BUDGET = 20_000
"""Buffers laid down during the search before the best packing so far is taken; a count, so the plan is reproducible."""


@dataclass(frozen=True)
class Buffer:
    """`size` bytes that must stay undisturbed from step `first` to step `last`, both included."""

    name: str
    size: int
    first: int
    last: int
    alignment: int = 4


@dataclass(frozen=True)
class Overlap:
    """Leave for `written` to take over the memory of `read` while it is being written.

    `written` begins to live in the very step in which `read` ends.  Where its
    rows are processed from the first to the last, the two may share memory if
    offset(read) - offset(written) >= below (bytes, not negative).  Below 0 and
    equal sizes: in place.  Where they may also go from the last to the first,
    offset(written) - offset(read) >= above will do as well.  Layers that follow
    one another alternate: without the second way each would push its output
    further down than the last.
    """

    written: str
    read: str
    below: int
    above: int | None = None


@dataclass(frozen=True)
class Arena:
    """A packing: the offset of every buffer, in bytes.

    Sizes are multiples of the alignment that all buffers have in common, as
    C's `sizeof` is of a type's.
    """

    offsets: Mapping[str, int]
    size: int
    lower_bound: int
    """The fewest bytes that any packing can take, judged step by step; `size` is never less."""

    @property
    def optimal(self) -> bool:
        """Whether the packing is proved to be the smallest by the bound alone."""
        return self.size == self.lower_bound


def place(buffers: Sequence[Buffer], overlaps: Sequence[Overlap] = ()) -> Arena:
    """The smallest arena for `buffers` that the search finds; the same one every time."""
    puzzle = _Puzzle(buffers, overlaps)
    bound = max(map(puzzle.fewest, puzzle.crowds), default=0)
    best = min((puzzle.first_fit(order) for order in puzzle.greedy_orders()), key=puzzle.height)
    if puzzle.height(best) > bound:
        best = _Search(puzzle).pack(bound) or best
    search = _Search(puzzle)
    while puzzle.height(best) > bound and (better := search.pack(puzzle.height(best) - puzzle.unit)):
        best = better
    offsets = {buffer.name: 0 for buffer in buffers}
    offsets.update((buffer.name, offset) for buffer, offset in zip(puzzle.buffers, best, strict=True))
    return Arena(MappingProxyType(offsets), puzzle.height(best), bound)


class _Puzzle:
    """The buffers by rank (the largest area of bytes times steps first), and what they demand of each other."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Sequence[Overlap]) -> None:
        assert len({buffer.name for buffer in buffers}) == len(buffers)
        assert all(b.size >= 0 and b.first <= b.last and b.alignment > 0 for b in buffers)
        self.buffers = sorted(
            (buffer for buffer in buffers if buffer.size),
            key=lambda b: (-b.size * (b.last - b.first + 1), b.first, b.name),
        )
        self.unit = gcd(*(buffer.alignment for buffer in self.buffers)) or 1
        self.size = [_round_up(buffer.size, self.unit) for buffer in self.buffers]
        self.heirs: set[tuple[int, int]] = set()
        """(written, read) that may have memory in common."""
        self.gap = self._gaps(overlaps)
        self.crowds = self._crowds()

    def _gaps(self, overlaps: Sequence[Overlap]) -> list[dict[int, int]]:
        """`gap[i][j]`: how far above i's beginning j's must be where j is the upper one; only for buffers that meet."""
        rank = {buffer.name: i for i, buffer in enumerate(self.buffers)}
        gap = [
            {j: self.size[i] for j, b in enumerate(self.buffers) if i != j and a.first <= b.last and b.first <= a.last}
            for i, a in enumerate(self.buffers)
        ]
        for overlap in overlaps:
            if overlap.written in rank and overlap.read in rank:
                written, read = rank[overlap.written], rank[overlap.read]
                assert self.buffers[written].first == self.buffers[read].last and overlap.below >= 0, overlap
                self.heirs.add((written, read))
                gap[written][read] = min(self.size[written], _round_up(overlap.below, self.unit))
                if overlap.above is not None:
                    assert overlap.above >= 0, overlap
                    gap[read][written] = min(self.size[read], _round_up(overlap.above, self.unit))
        return gap

    def _crowds(self) -> list[list[int]]:
        """The largest sets of buffers that live in one step; every other step's are a part of one of them."""
        starts = sorted({buffer.first for buffer in self.buffers})
        alive = [{i for i, b in enumerate(self.buffers) if b.first <= step <= b.last} for step in starts]
        return [sorted(now) for now, then in zip(alive, [*alive, set[int]()][1:], strict=True) if not now <= then]

    def inherits(self, i: int, j: int) -> bool:
        """Whether i, being written, may take over memory of j, which dies."""
        return (i, j) in self.heirs

    def fewest(self, crowd: Sequence[int]) -> int:
        """Bytes that the buffers of one step take at the least.

        Groups tied together by overlaps stack up.  Within a group, what one
        written buffer and its reads take is the least of two ways: with the
        written one at the bottom the reads stack above it in the order of
        their distances, each as soon as its distance allows; with it on top,
        the single read that allows this lies below.  That is exact for a pair,
        and for several reads of which none lies below; elsewhere it is a bound.
        """
        total, left = 0, set(crowd)
        while left:
            group = [left.pop()]
            for i in group:
                tied = {j for j in left if self.inherits(i, j) or self.inherits(j, i)}
                group.extend(tied)
                left -= tied
            written = [i for i in group if any(self.inherits(i, j) for j in group)] or group
            read = [i for i in group if i not in written]
            total += max(sum(self.size[i] for i in written), *(self._pair(i, read) for i in written))
        return total

    def _pair(self, written: int, reads: Sequence[int]) -> int:
        below = self._stack(reads, self.gap[written], 0)
        rising = [i for i in reads if self.gap[i].get(written, self.size[i]) < self.size[i]]
        if not rising:
            return below
        if len(reads) > 1:
            return min(below, sum(self.size[i] for i in reads))
        (read,) = reads
        return min(below, max(self.size[read], self.gap[read][written] + self.size[written]))

    def _stack(self, group: Iterable[int], low: Mapping[int, int], floor: int) -> int:
        """The top of buffers that exclude each other, stacked from `floor`, none below its `low`."""
        for i in sorted(group, key=low.__getitem__):
            floor = max(floor, low[i]) + self.size[i]
        return floor

    def height(self, offsets: Sequence[int]) -> int:
        return max((offset + size for offset, size in zip(offsets, self.size, strict=True)), default=0)

    def aligned(self, i: int, offset: int) -> int:
        return _round_up(offset, self.buffers[i].alignment)

    def greedy_orders(self) -> list[list[int]]:
        """By area, size, beginning and end, and length of life."""
        keys: list[Callable[[int], int]] = [
            lambda i: i,
            lambda i: -self.size[i],
            lambda i: self.buffers[i].first,
            lambda i: -self.buffers[i].last,
            lambda i: self.buffers[i].first - self.buffers[i].last,
        ]
        return [sorted(range(len(self.buffers)), key=key) for key in keys]

    def first_fit(self, order: Sequence[int]) -> list[int]:
        """Each buffer in turn at the lowest place where it gets along with those before it."""
        at: dict[int, int] = {}
        for i in order:
            near = [j for j in self.gap[i] if j in at]
            above = [at[j] + self.gap[j][i] for j in near]
            below = [at[j] - self.gap[i][j] - self.buffers[i].alignment + 1 for j in near]
            at[i] = next(
                place
                for place in sorted(self.aligned(i, max(0, place)) for place in [0, *above, *below])
                if all(place >= at[j] + self.gap[j][i] or at[j] >= place + self.gap[i][j] for j in near)
            )
        return [at[i] for i in range(len(order))]


class _Search:
    """Depth first through the orders in which buffers may be laid down, lowest first."""

    def __init__(self, puzzle: _Puzzle, budget: int = _BUDGET) -> None:
        self.puzzle = puzzle
        self.left = budget
        self.offsets = [0] * len(puzzle.buffers)

    def pack(self, capacity: int) -> list[int] | None:
        """Offsets below `capacity`, or None where there are none or the budget ran out."""
        puzzle = self.puzzle
        self.capacity = capacity
        self.stacks = [
            {i for i in crowd if not any(puzzle.inherits(*((i, j) if upper else (j, i))) for j in crowd)}
            for crowd in puzzle.crowds
            for upper in (False, True)
        ]
        everything = sorted(range(len(puzzle.buffers)), key=lambda i: puzzle.buffers[i].first)
        low = dict.fromkeys(everything, 0)
        return list(self.offsets) if all(self._fill(part, low, -1, -1) for part in self._parts(everything)) else None

    def _parts(self, rest: list[int]) -> list[list[int]]:
        buffers = self.puzzle.buffers
        parts: list[list[int]] = []
        end = -1
        for i in rest:
            if not parts or buffers[i].first > end:
                parts.append([])
                end = -1
            parts[-1].append(i)
            end = max(end, buffers[i].last)
        return parts

    def _fill(self, part: list[int], low: Mapping[int, int], floor: int, previous: int) -> bool:
        """Lay down `part`, which is connected in time, at `floor` or above; `previous` was laid last, at `floor`."""
        puzzle = self.puzzle
        ceiling = min(low[i] + puzzle.size[i] for i in part)
        for i in sorted(part, key=lambda i: (low[i], i)):
            at = low[i]
            if at >= ceiling:
                break
            if at < floor or (at == floor and i < previous and previous not in puzzle.gap[i]):
                continue
            if self.left <= 0:
                return False
            self.left -= 1
            gap = puzzle.gap[i]
            rest = [j for j in part if j != i]
            above = {j: max(low[j], puzzle.aligned(j, at + gap[j])) if j in gap else low[j] for j in rest}
            if at + puzzle.size[i] > self.capacity or any(
                puzzle._stack([j for j in stack if j in above], above, at) > self.capacity
                for stack in self.stacks
                if i in stack
            ):
                continue
            self.offsets[i] = at
            if all(self._fill(p, above, at, i) for p in self._parts(rest)):
                return True
        return False


def _round_up(number: int, unit: int) -> int:
    return -(-number // unit) * unit
