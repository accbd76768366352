from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnc.plan.arena import Buffer, Overlap, place
from mnc.plan.check import Access, Accesses, PlanError, check

A, B, C = "a", "b", "c"
SIZES = {A: 8, B: 8, C: 4}


def call(reads: Sequence[Access] = (), writes: Sequence[Access] = (), in_place: bool = False) -> Accesses:
    return Accesses(tuple(reads), tuple(writes), in_place)


def whole(buffer: str) -> Access:
    return Access(buffer, 0, SIZES[buffer])


MAKE_A = call(writes=[whole(A)])


def run(offsets: Mapping[str, int], *calls: Accesses, size: int = 16) -> None:
    check(offsets, SIZES, size, calls)


def refusal(offsets: Mapping[str, int], *calls: Accesses, size: int = 16) -> str:
    with pytest.raises(PlanError) as caught:
        run(offsets, *calls, size=size)
    assert isinstance(caught.value, AssertionError)
    return str(caught.value)


def test_what_was_written_can_be_read() -> None:
    run({A: 0, B: 8}, MAKE_A, call([whole(A)], [whole(B)]), call([whole(B)]))


def test_what_was_never_written_cannot() -> None:
    half = call(writes=[Access(A, 0, 4)])
    assert "call 1 reads 'a' (arena bytes 0 to 8), but arena bytes 4 to 8 were never written" in refusal(
        {A: 0}, half, call([whole(A)])
    )


def test_what_another_wrote_over_cannot() -> None:
    text = refusal({A: 0, B: 4}, MAKE_A, call(writes=[Access(B, 0, 2)]), call([whole(A)]))
    assert "call 2 reads 'a' (arena bytes 0 to 8), but arena bytes 4 to 6 hold bytes 0 to 2 of 'b' by then" in text


def test_memory_may_be_reused_once_nobody_reads_it() -> None:
    run({A: 0, B: 0}, MAKE_A, call([whole(A)]), call(writes=[whole(B)]), call([whole(B)]))


def test_a_kernel_must_not_write_what_it_still_reads() -> None:
    text = refusal({A: 0, B: 4}, MAKE_A, call([whole(A)], [Access(B, 2, 6)]))
    assert text == "call 1 writes 'b' (arena bytes 6 to 10) while it reads 'a' (arena bytes 0 to 8)"


def test_not_even_in_its_own_buffer() -> None:
    assert "while it reads" in refusal({A: 0}, MAKE_A, call([whole(A)], [Access(A, 0, 4)]))


def test_nor_write_a_byte_twice() -> None:
    assert "writes 'c' (arena bytes 4 to 8) and 'a' (arena bytes 0 to 8)" in refusal(
        {A: 0, C: 4}, call(writes=[whole(A), whole(C)])
    )


def test_element_by_element_work_may_go_in_place_or_downwards() -> None:
    in_place = call([whole(A)], [whole(B)], in_place=True)
    run({A: 0, B: 0}, MAKE_A, in_place, call([whole(B)]))
    run({A: 4, B: 0}, MAKE_A, in_place, call([whole(B)]))
    assert "while it reads" in refusal({A: 0, B: 4}, MAKE_A, in_place)


def test_but_not_where_the_input_is_wanted_again() -> None:
    in_place = call([whole(A)], [whole(B)], in_place=True)
    assert "call 2 reads 'a'" in refusal({A: 0, B: 0}, MAKE_A, in_place, call([whole(A)]))


def test_scratch_is_written_and_disturbs_nobody() -> None:
    work = call([whole(A)], [Access(B, 0, 4), whole(C)])
    run({A: 0, B: 8, C: 12}, MAKE_A, work)
    assert "'c' (arena bytes 4 to 8) while it reads 'a'" in refusal({A: 0, B: 8, C: 4}, MAKE_A, work)


def test_buffers_lie_inside_the_arena_and_aligned() -> None:
    assert "'b', bytes 12 to 20, leaves the arena of 16" in refusal({A: 0, B: 12})
    assert "leaves the arena" in refusal({A: -4})
    assert "'a' at byte 2 is not aligned to 4" in refusal({A: 2})
    check({A: 2}, SIZES, 16, [], alignments={A: 2})
    with pytest.raises(PlanError, match="not aligned to 8"):
        check({A: 4}, SIZES, 16, [], alignments={A: 8})


@pytest.mark.parametrize("access", [Access(A, 4, 9), Access(A, -1, 4), Access(A, 4, 3)])
def test_accesses_lie_inside_their_buffers(access: Access) -> None:
    assert "but the buffer has 8 bytes" in refusal({A: 0}, call(writes=[access]))
    assert "but the buffer has 8 bytes" in refusal({A: 0}, call([access]))


def test_every_buffer_has_a_place() -> None:
    assert refusal({A: 0}, call(writes=[whole(B)])) == "call 0 accesses 'b', which has no place"


def test_an_arena_of_a_terabyte_is_checked_without_one() -> None:
    half = 2**39
    big = {A: half, B: half}
    calls = [Accesses((), (Access(A, 0, half),)), Accesses((Access(A, 0, half),), (Access(B, 0, half),))]
    check({A: 0, B: half}, big, 2**40, calls)
    with pytest.raises(PlanError, match="while it reads"):
        check({A: 0, B: half - 4}, big, 2**40, calls)


ROWS = {A: 4}


def ring(*calls: Accesses) -> None:
    """Buffer a in a ring of four bytes, one row of it."""
    check({A: 4}, SIZES, 8, calls, rings=ROWS)


def test_a_ring_holds_its_latest_bytes() -> None:
    upper, lower = Access(A, 0, 4), Access(A, 4, 8)
    ring(call(writes=[upper]), call([upper]), call(writes=[lower]), call([lower]))


def test_the_right_buffer_with_bytes_of_another_row_is_not_enough() -> None:
    with pytest.raises(PlanError) as caught:
        ring(call(writes=[Access(A, 0, 4)]), call(writes=[Access(A, 4, 8)]), call([Access(A, 0, 4)]))
    assert str(caught.value) == (
        "call 2 reads 'a' (arena bytes 4 to 8), but arena bytes 4 to 8 hold bytes 4 to 8 of 'a' by then"
    )


def test_an_access_may_go_round_a_ring() -> None:
    ring(call(writes=[Access(A, 0, 2)]), call(writes=[Access(A, 2, 6)]), call([Access(A, 2, 6)]))
    with pytest.raises(PlanError, match=r"reads 'a' .arena bytes 4 to 8., but arena bytes 4 to 6 hold bytes 4 to 6"):
        ring(call(writes=[Access(A, 0, 2)]), call(writes=[Access(A, 2, 6)]), call([Access(A, 0, 4)]))


def test_a_call_writes_no_more_than_a_ring_holds() -> None:
    with pytest.raises(PlanError, match=r"writes 'a' \(arena bytes 4 to 5\) and 'a' \(arena bytes 4 to 8\)"):
        ring(call(writes=[Access(A, 0, 5)]))
    with pytest.raises(PlanError, match="the ring 'a' holds no byte"):
        check({A: 0}, SIZES, 8, [], rings={A: 0})


def slow_check(
    offsets: Mapping[str, int],
    sizes: Mapping[str, int],
    size: int,
    calls: Sequence[Accesses],
    rings: Mapping[str, int],
) -> bool:
    """The checker's judgement once more, byte by byte, by playing the most awkward kernel that each call allows."""
    held = {name: rings.get(name, sizes[name]) for name in offsets}
    if any(offset < 0 or offset % 4 or offset + held[name] > size for name, offset in offsets.items()):
        return False
    holds: dict[int, tuple[str, int]] = {}

    def spread(accesses: Sequence[Access]) -> list[list[tuple[int, tuple[str, int]]]]:
        return [
            [(offsets[a.buffer] + k % held[a.buffer], (a.buffer, k)) for k in range(a.start, a.stop)] for a in accesses
        ]

    for now in calls:
        reads, writes = spread(now.reads), spread(now.writes)
        written = [byte for each in writes for byte, _ in each]
        if len(set(written)) < len(written):
            return False
        if not now.in_place and any(byte in written for each in reads for byte, _ in each):
            return False
        if not all(holds.get(byte) == content for each in reads for byte, content in each):
            return False
        fresh: set[int] = set()
        for k in range(max(map(len, reads + writes), default=0)):
            if any(each[k][0] in fresh for each in reads if k < len(each)):
                return False
            for each in writes:
                if k < len(each):
                    holds.update([each[k]])
                    fresh.add(each[k][0])
    return True


@dataclass(frozen=True)
class Layer:
    """Rows of output from rows of input: y reads rows y * stride - padding + 0 ... kernel - 1."""

    kernel: int
    stride: int
    padding: int
    in_place: bool

    def rows(self, y: int, height: int) -> list[int]:
        return [
            r
            for r in range(y * self.stride - self.padding, y * self.stride - self.padding + self.kernel)
            if 0 <= r < height
        ]


@dataclass(frozen=True)
class Chain:
    """Tensors (height, bytes per row), and the layers between them."""

    tensors: list[tuple[int, int]]
    layers: list[Layer]

    @property
    def sizes(self) -> dict[str, int]:
        return {f"t{i}": height * row for i, (height, row) in enumerate(self.tensors)}

    def buffers(self) -> list[Buffer]:
        return [
            Buffer(name, size, i, min(i + 1, len(self.layers))) for i, (name, size) in enumerate(self.sizes.items())
        ]

    def overlaps(self) -> list[Overlap]:
        return [
            Overlap(f"t{i + 1}", f"t{i}", 0) if layer.in_place else Overlap(f"t{i + 1}", f"t{i}", *self.distances(i))
            for i, layer in enumerate(self.layers)
        ]

    def distances(self, i: int) -> tuple[int, int]:
        """The least distances below and above, from the definition: no row lands on one that is still to be read."""
        (height, read), (rows, written) = self.tensors[i : i + 2]
        needs = [(y, r) for y in range(rows) for r in self.layers[i].rows(y, height)]
        below = max((y + 1) * written - r * read for y in range(rows) for later, r in needs if later >= y)
        above = max((r + 1) * read - y * written for y in range(rows) for earlier, r in needs if earlier <= y)
        return max(0, below), max(0, above)

    def calls(self, offsets: Mapping[str, int]) -> list[Accesses]:
        """Layer by layer, each from its first or its last row on."""
        height, row = self.tensors[0]
        calls = [Accesses((), (Access("t0", 0, height * row),))]
        for i, layer in enumerate(self.layers):
            x, y = f"t{i}", f"t{i + 1}"
            (height, read), (rows, written) = self.tensors[i : i + 2]
            rising = offsets[x] < offsets[y] < offsets[x] + height * read
            for r in reversed(range(rows)) if rising else range(rows):
                needs = tuple(Access(x, k * read, (k + 1) * read) for k in layer.rows(r, height))
                calls.append(Accesses(needs, (Access(y, r * written, (r + 1) * written),), layer.in_place))
        last = list(self.sizes)[-1]
        return [*calls, Accesses((Access(last, 0, self.sizes[last]),), ())]

    def firings(self) -> list[tuple[int, int]]:
        """All layers row by row, as (tensor, row made): whenever one can, the last that can makes its next row."""
        made, firings = [0] * len(self.tensors), []

        def can(i: int) -> bool:
            needs = self.layers[i - 1].rows(made[i], self.tensors[i - 1][0]) if i else []
            return made[i] < self.tensors[i][0] and all(row < made[i - 1] for row in needs)

        while able := [i for i in range(len(self.tensors)) if can(i)]:
            firings.append((able[-1], made[able[-1]]))
            made[able[-1]] += 1
        return firings

    def rings(self) -> dict[str, int]:
        """The fewest rows that a ring needs for each tensor but the last, which is kept whole."""
        firings = self.firings()
        when = {firing: at for at, firing in enumerate(firings)}
        rows = {}
        for i, layer in enumerate(self.layers):
            height = self.tensors[i][0]
            last = dict.fromkeys(range(height), -1)
            for y in range(self.tensors[i + 1][0]):
                last.update((r, max(last[r], when[i + 1, y])) for r in layer.rows(y, height))
            fits = (n for n in range(1, height + 1) if all(last[r] < when[i, r + n] for r in range(height - n)))
            rows[f"t{i}"] = next(fits)
        return rows

    def interleaved(self) -> list[Accesses]:
        """The accesses of `firings`, and a last look at the result."""
        calls = []
        for i, row in self.firings():
            height, size = self.tensors[i - 1] if i else (0, 0)
            needs = (
                [Access(f"t{i - 1}", r * size, (r + 1) * size) for r in self.layers[i - 1].rows(row, height)]
                if i
                else []
            )
            size = self.tensors[i][1]
            calls.append(Accesses(tuple(needs), (Access(f"t{i}", row * size, (row + 1) * size),)))
        last = list(self.sizes)[-1]
        return [*calls, Accesses((Access(last, 0, self.sizes[last]),), ())]


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    tensors = [(draw(st.integers(1, 6)), 4 * draw(st.integers(1, 5)))]
    layers: list[Layer] = []
    for _ in range(draw(st.integers(1, 5))):
        height, row = tensors[-1]
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        layer = Layer(kernel, stride, kernel // 2, False)
        if draw(st.booleans()):
            layer = Layer(1, 1, 0, True)
        else:
            height, row = -(-height // stride), 4 * draw(st.integers(1, 5))
        assume(all(layer.rows(y, tensors[-1][0]) for y in range(height)))
        tensors.append((height, row))
        layers.append(layer)
    return Chain(tensors, layers)


@settings(max_examples=200, deadline=None)
@given(chains())
def test_it_accepts_what_the_planner_places(net: Chain) -> None:
    arena = place(net.buffers(), net.overlaps())
    check(arena.offsets, net.sizes, arena.size, net.calls(arena.offsets))


@settings(max_examples=300, deadline=None)
@given(chains(), st.data())
def test_it_judges_other_plans_as_the_definition_does(net: Chain, data: st.DataObject) -> None:
    arena = place(net.buffers(), net.overlaps())
    offsets = dict(arena.offsets)
    for name in data.draw(st.lists(st.sampled_from(sorted(offsets)), min_size=1, max_size=2)):
        offsets[name] += 4 * data.draw(st.integers(-3, 3))
    agrees(offsets, net.sizes, arena.size, net.calls(arena.offsets), {})


def agrees(
    offsets: Mapping[str, int],
    sizes: Mapping[str, int],
    size: int,
    calls: Sequence[Accesses],
    rings: Mapping[str, int],
) -> None:
    """The checker judges as the slow definition does."""
    if slow_check(offsets, sizes, size, calls, rings):
        check(offsets, sizes, size, calls, rings=rings)
    else:
        with pytest.raises(PlanError):
            check(offsets, sizes, size, calls, rings=rings)


def side_by_side(sizes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Offsets of buffers that share nothing, and the size of their arena."""
    tops = list(itertools.accumulate(sizes.values()))
    return {name: top - size for (name, size), top in zip(sizes.items(), tops, strict=True)}, tops[-1]


@settings(max_examples=200, deadline=None)
@given(chains())
def test_every_ring_a_row_too_short_is_refused(net: Chain) -> None:
    """The buffer is the right one; only its bytes are those of a later row."""
    sizes, calls = net.sizes, net.interleaved()
    rings = {name: rows * net.tensors[i][1] for i, (name, rows) in enumerate(net.rings().items())}
    offsets, size = side_by_side({**sizes, **rings})
    check(offsets, sizes, size, calls, rings=rings)
    for i, name in enumerate(rings):
        shorter = {**rings, name: rings[name] - net.tensors[i][1]}
        with pytest.raises(PlanError):
            check(offsets, sizes, size, calls, rings=shorter)


@settings(max_examples=300, deadline=None)
@given(chains(), st.data())
def test_it_judges_other_rings_as_the_definition_does(net: Chain, data: st.DataObject) -> None:
    """Rings of other lengths at other places, and rows in another order."""
    sizes, calls = net.sizes, net.interleaved()
    rings = {name: rows * net.tensors[i][1] for i, (name, rows) in enumerate(net.rings().items())}
    offsets, size = side_by_side({**sizes, **rings})
    name = data.draw(st.sampled_from(sorted(rings)))
    rings[name] = max(4, rings[name] + 4 * data.draw(st.integers(-3, 3)))
    moved = data.draw(st.sampled_from(sorted(offsets)))
    offsets[moved] += 4 * data.draw(st.integers(-2, 2))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(calls) - 2))
        calls[at : at + 2] = calls[at + 1], calls[at]
    agrees(offsets, sizes, size, calls, rings)


@settings(max_examples=100, deadline=None)
@given(chains())
def test_the_distances_are_the_least(net: Chain) -> None:
    """One step closer, and the checker sees the layer overwrite its own input."""
    for i, layer in enumerate(net.layers):
        below, _ = net.distances(i)
        pair = Chain(net.tensors[i : i + 2], [layer])
        if not layer.in_place and below >= 4:
            offsets = {"t0": below, "t1": 0}
            space = sum(pair.sizes.values()) + below
            check(offsets, pair.sizes, space, pair.calls(offsets))
            if below <= pair.sizes["t1"]:
                closer = {"t0": below - 4, "t1": 0}
                with pytest.raises(PlanError):
                    check(closer, pair.sizes, space, pair.calls(closer))
