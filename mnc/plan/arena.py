"""Where each buffer lies in the arena: an exact packer.

Time runs in steps; a buffer holds its bytes from one step to another.  Two
buffers that live in a common step must be apart, or, where a layer may write
over its dying input, keep a distance.  Both are one rule: for buffers i and j that
meet, either j begins at least gap[i][j] above i's beginning, or i at least
gap[j][i] above j's.  Without an overlap the gap is the lower one's size.

Whatever the best packing looks like, letting every buffer sink in ascending
order of offset leaves each at 0 or at exactly its gap above another one.  So
it is enough to choose the *order* in which buffers are laid down from the
bottom upwards; each then has one place.  `_Search` goes through these orders
and is exact unless its budget runs out.  Packings as orders by offset, and the
rule that nothing is laid above a hole that another buffer would fill, are
those of Moffitt, "MiniMalloc" (ASPLOS 2023); the overlaps are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType

from mnc.program import up_to

BUDGET = 1_000_000
"""Work, in buffers looked at, after which the best packing so far is taken; counted, not timed, so plans reproduce."""
_DEPTH = 250
"""Largest recursion depth, in buffers laid; beyond it the search gives up as when its budget is spent."""


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
    offset(read) - offset(written) >= below (bytes; negative: the written one may
    begin that far above the other's beginning).  Below 0 and equal sizes: in
    place.  Where they may also go from the last to the first,
    offset(written) - offset(read) >= above will do as well.  Layers that follow
    one another alternate: without the second way each would push its output
    further down than the last.

    A buffer may overlap several; all of them must then go from the first row to
    the last, and `above` is ignored.
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
    """The fewest bytes that the buffers of any one step can take; `size` is never less."""
    proved: bool
    """Whether nothing smaller exists: `size` is the bound, or the search went to its end."""

    @property
    def optimal(self) -> bool:
        """Whether the bound is met."""
        return self.size == self.lower_bound


def place(buffers: Sequence[Buffer], overlaps: Sequence[Overlap] = (), effort: int = BUDGET) -> Arena:
    """The smallest arena for `buffers` that the search finds with this effort; the same one every time.

    Greedy packings come first.  Then the search tries the bound itself, and
    next to improve on the best packing step by step; once a pass gives up
    undecided, the heights between are tried by halves instead.
    """
    puzzle = _Puzzle(buffers, overlaps)
    least = max(map(puzzle.fewest, puzzle.live_sets), default=0)
    best = min((puzzle.first_fit(order) for order in puzzle.greedy_orders()), key=puzzle.height)
    size, failed, target = puzzle.height(best), least - puzzle.unit, least
    proved, halving, budget = True, False, effort
    while size - failed > puzzle.unit:
        search = _Search(puzzle, target, budget // 4)
        if found := search.run():
            best, size = found, puzzle.height(found)
        else:
            failed, proved = target, search.complete
        halving = halving or not search.complete
        budget -= search.spent
        target = failed + up_to((size - failed) // 2, puzzle.unit) if halving else size - puzzle.unit
    offsets = {buffer.name: 0 for buffer in buffers}
    size = puzzle.total(size)
    offsets.update((buffer.name, puzzle.offset(i, best[i], size)) for i, buffer in enumerate(puzzle.buffers))
    return Arena(MappingProxyType(offsets), size, least, proved or size == least)


def bound(buffers: Sequence[Buffer], overlaps: Sequence[Overlap], moment: int) -> int:
    """The fewest bytes that the buffers which live at a moment can take."""
    puzzle = _Puzzle(buffers, overlaps)
    alive = [i for i, buffer in enumerate(puzzle.buffers) if buffer.first <= moment <= buffer.last]
    return puzzle.fewest(alive)


class _Puzzle:
    """The buffers by rank (the largest area of bytes times steps first), and their demands on each other."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Sequence[Overlap]) -> None:
        assert len({buffer.name for buffer in buffers}) == len(buffers), "two buffers share a name"
        assert all(b.size >= 0 and b.first <= b.last and b.alignment > 0 for b in buffers), buffers
        self.buffers = sorted((b for b in buffers if b.size), key=lambda b: (b.size * (b.first - b.last - 1), b.first))
        self.unit = gcd(*(buffer.alignment for buffer in self.buffers)) or 1
        self.from_top = any(overlap.below < 0 for overlap in overlaps)
        self.size = [up_to(b.size, b.alignment if self.from_top else self.unit) for b in self.buffers]
        self.gap: list[dict[int, int]] = [{} for _ in self.buffers]
        """`gap[i][j]`: how far above i's beginning j's must be where j is the upper one; only for buffers that meet."""
        self.live_sets: list[tuple[int, ...]] = []
        """The largest sets of buffers that live in one step; every other step's are a part of one of them."""
        self._meet()
        self.overlapped: list[dict[int, int]] = [{} for _ in self.buffers]
        """Per buffer the dying ones that it may take over memory from, and how far below them it must begin."""
        self.above: dict[int, int] = {}
        """Per buffer that overlaps one and may be written downwards, how far above it must begin then."""
        self._narrow(overlaps)

    def _meet(self) -> None:
        """Go through the buffers in the order in which they begin to live, and note who lives with whom."""
        live: set[int] = set()
        for i in sorted(range(len(self.buffers)), key=lambda i: (self.buffers[i].first, i)):
            dead = {j for j in live if self.buffers[j].last < self.buffers[i].first}
            if dead:
                self.live_sets.append(tuple(sorted(live)))
                live -= dead
            for j in live:
                self.gap[i][j], self.gap[j][i] = self.size[i], self.size[j]
            live.add(i)
        if live:
            self.live_sets.append(tuple(sorted(live)))

    def _narrow(self, overlaps: Sequence[Overlap]) -> None:
        """Bring the gaps down to the least that the overlaps allow."""
        rank = {buffer.name: i for i, buffer in enumerate(self.buffers)}
        # A buffer without bytes has no rank, and nothing to share.
        pairs = [(rank[o.written], rank[o.read], o) for o in overlaps if o.written in rank and o.read in rank]
        for written, read, overlap in pairs:
            assert self.buffers[read].first < self.buffers[read].last == self.buffers[written].first, overlap
            assert overlap.above is None or overlap.above >= 0, overlap
            self.overlapped[written][read] = min(self.size[written], up_to(overlap.below, self.unit))
        for written, read, overlap in pairs:
            if overlap.above is not None and len(self.overlapped[written]) == 1:
                self.above[written] = min(self.size[read], up_to(overlap.above, self.unit))
        for written, reads in enumerate(self.overlapped):
            for read, below in reads.items():
                longer = self.size[read] - self.size[written] if self.from_top else 0
                low, high = (read, written) if self.from_top else (written, read)
                self.gap[low][high] = max(below + longer, 0)
                if written in self.above:
                    self.gap[high][low] = max(self.above[written] - longer, 0)

    def total(self, height: int) -> int:
        """The size of an arena of some height: seen from its top, offsets keep their alignment."""
        return up_to(height, max(buffer.alignment for buffer in self.buffers)) if self.from_top else height

    def offset(self, i: int, at: int, total: int) -> int:
        """The offset of a buffer from the place that it was laid at."""
        return total - at - self.size[i] if self.from_top else at

    def fewest(self, live: Sequence[int]) -> int:
        """Bytes that buffers of one step take at the least.

        Groups tied together by overlaps stack up, as bytes that one group
        leaves free could be closed up.  Within a group, each written buffer
        with its own reads (see `_star`) and the others' reads beside them are
        a bound, and so is the sum of the written buffers; it is exact where a
        group has one written buffer.
        """
        here = set(live)
        reads = {i: found for i in live if (found := here.intersection(self.overlapped[i]))}
        total = sum(self.size[i] for i in here.difference(reads, *reads.values()))
        while reads:
            group = dict([reads.popitem()])
            taken = set().union(*group.values())
            while tied := [i for i in reads if not reads[i].isdisjoint(taken)]:
                group.update((i, reads.pop(i)) for i in tied)
                taken = set().union(*group.values())
            stars = [self._star(i, own) + sum(self.size[j] for j in taken - own) for i, own in group.items()]
            total += max(sum(self.size[i] for i in group), *stars)
        return total

    def _star(self, written: int, reads: set[int]) -> int:
        """Bytes that a written buffer and its reads take at the least.

        With the written one at the bottom, the reads stack above it in the
        order of their distances; to put one of them below would cost its whole
        size, and above it never costs more.  A single read may lie below if
        rows may go backwards.
        """
        upwards = max(self.size[written], self.stack(reads, self.overlapped[written], 0))
        if len(reads) != 1:
            return upwards
        (read,) = reads
        downwards = self.above.get(written, self.size[read]) + self.size[written]
        return min(upwards, max(self.size[read], downwards))

    def stack(self, buffers: Iterable[int], low: Mapping[int, int], floor: int) -> int:
        """The top of buffers that exclude each other, stacked from `floor`, none below its `low`."""
        for bottom, size in sorted([(low[i], self.size[i]) for i in buffers]):
            floor = (bottom if bottom > floor else floor) + size
        return floor

    def height(self, offsets: Sequence[int]) -> int:
        return max((offset + size for offset, size in zip(offsets, self.size, strict=True)), default=0)

    def greedy_orders(self) -> list[list[int]]:
        """By area, size, beginning, end, and length of life."""
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
            place = 0
            for bottom, top in sorted((at[j] - self.gap[i][j], at[j] + self.gap[j][i]) for j in self.gap[i] if j in at):
                if bottom < place < top:
                    place = up_to(top, self.buffers[i].alignment)
            at[i] = place
        return [at[i] for i in range(len(order))]


class _Search:
    """One pass, depth first, through the orders in which buffers may be laid down, the lowest first."""

    def __init__(self, puzzle: _Puzzle, capacity: int, budget: int) -> None:
        self.puzzle = puzzle
        self.capacity = capacity
        self.budget = budget
        self.spent = 0
        self.offsets = [0] * len(puzzle.size)
        self.laid: list[bool] = [False] * len(puzzle.size)
        self.depth = 0
        self.failed: set[tuple[tuple[int, ...], tuple[int, ...], int]] = set()
        self.views: dict[tuple[int, ...], tuple[list[list[int]], int]] = {}
        self.members: list[list[int]] = [[] for _ in puzzle.size]
        """Per buffer its live sets, by number."""
        for k, live in enumerate(puzzle.live_sets):
            for i in live:
                self.members[i].append(k)

    @property
    def complete(self) -> bool:
        """Whether every order has been tried or ruled out."""
        return self.spent < self.budget

    def run(self) -> list[int] | None:
        """Offsets of a packing within the capacity; None where there is none, or none within the budget."""
        by_time = sorted(range(len(self.offsets)), key=lambda i: self.puzzle.buffers[i].first)
        return self.offsets if self._lay(by_time, dict.fromkeys(by_time, 0), 0, None) else None

    def _lay(self, rest: list[int], low: Mapping[int, int], floor: int, latest: int | None) -> bool:
        """Lay down `rest` (in time order), part by part: what never meets needs no common search."""
        buffers = self.puzzle.buffers
        part: list[int] = []
        end = 0
        for i in rest:
            if part and buffers[i].first > end:
                if not self._lay_part(part, low, floor, latest):
                    return False
                part = []
            end = max(end, buffers[i].last) if part else buffers[i].last
            part.append(i)
        return not part or self._lay_part(part, low, floor, latest)

    def _lay_part(self, part: list[int], low: Mapping[int, int], floor: int, latest: int | None) -> bool:
        """Lay down `part` at or above `floor`, where `latest` was laid; `low` is where each would come to rest.

        Of buffers at one height that do not meet, the one of lower rank comes
        first.  Nobody is laid as high as the top that another would reach: in
        the packing with the smallest sum of offsets it would have sunk there.
        """
        self.spent += len(part)
        if not self.complete or self.depth == _DEPTH:
            self.spent = self.budget
            return False
        puzzle = self.puzzle
        state = (tuple(part), tuple([low[i] for i in part]), floor)
        if state in self.failed or self._too_high(part, low, floor):
            return False
        ceiling = min([low[i] + puzzle.size[i] for i in part])
        for at, i in sorted([(low[i], i) for i in part if floor <= low[i] < ceiling]):
            if latest is not None and at == floor and i < latest and latest not in puzzle.gap[i]:
                continue
            self.spent += len(puzzle.gap[i])
            above = {j: low[j] for j in part if j != i}
            for j, gap in puzzle.gap[i].items():
                if j in above:
                    above[j] = max(above[j], up_to(at + gap, puzzle.buffers[j].alignment))
            self.offsets[i] = at
            self.laid[i] = True
            self.depth += 1
            done = self._lay(list(above), above, at, i)
            self.depth -= 1
            self.laid[i] = False
            if done or not self.complete:
                return done
        self.failed.add(state)
        return False

    def _too_high(self, part: list[int], low: Mapping[int, int], floor: int) -> bool:
        """Whether in some step the buffers that are not laid yet must reach above the capacity."""
        stack, room = self.puzzle.stack, self.capacity
        for k in sorted({k for i in part for k in self.members[i]}):
            left = tuple([i for i in self.puzzle.live_sets[k] if not self.laid[i]])
            self.spent += len(left)
            if left not in self.views:
                self.views[left] = self._view(left)
            stacks, fewest = self.views[left]
            if any(stack(part, low, floor) > room for part in stacks):
                return True
            if fewest and max(floor, min([low[i] for i in left])) + fewest > room:
                return True
        return False

    def _view(self, live: tuple[int, ...]) -> tuple[list[list[int]], int]:
        """The largest parts of a live set that are sure to stack up; and its `fewest`, where they do not say it all.

        Of each pair that may have memory in common, one part leaves out the
        written buffer and the other the read.
        """
        overlapped = self.puzzle.overlapped
        written = {i for i in live if not overlapped[i].keys().isdisjoint(live)}
        if not written:
            return [list(live)], 0
        read = {j for i in written for j in overlapped[i]}
        stacks = [[i for i in live if i not in written], [i for i in live if i not in read]]
        return stacks, self.puzzle.fewest(live)
