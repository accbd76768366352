from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnc.plan.arena import Buffer, Overlap, place
from mnc.plan.check import Moment, PlanError, Touch, check

A, B, C = "a", "b", "c"
SIZES = {A: 8, B: 8, C: 4}


def moment(reads: Sequence[Touch] = (), writes: Sequence[Touch] = (), in_place: bool = False) -> Moment:
    return Moment(tuple(reads), tuple(writes), in_place)


def whole(buffer: str) -> Touch:
    return Touch(buffer, 0, SIZES[buffer])


MAKE_A = moment(writes=[whole(A)])


def run(offsets: Mapping[str, int], *moments: Moment, size: int = 16) -> None:
    check(offsets, SIZES, size, moments)


def refusal(offsets: Mapping[str, int], *moments: Moment, size: int = 16) -> str:
    with pytest.raises(PlanError) as caught:
        run(offsets, *moments, size=size)
    assert isinstance(caught.value, AssertionError)
    return str(caught.value)


def test_what_was_written_can_be_read() -> None:
    run({A: 0, B: 8}, MAKE_A, moment([whole(A)], [whole(B)]), moment([whole(B)]))


def test_what_was_never_written_cannot() -> None:
    half = moment(writes=[Touch(A, 0, 4)])
    assert "moment 1 reads 'a' (arena bytes 0 to 8), but arena bytes 4 to 8 were never written" in refusal(
        {A: 0}, half, moment([whole(A)])
    )


def test_what_another_wrote_over_cannot() -> None:
    text = refusal({A: 0, B: 4}, MAKE_A, moment(writes=[Touch(B, 0, 2)]), moment([whole(A)]))
    assert "moment 2 reads 'a' (arena bytes 0 to 8), but arena bytes 4 to 6 belong to 'b' by then" in text


def test_memory_may_be_reused_once_nobody_reads_it() -> None:
    run({A: 0, B: 0}, MAKE_A, moment([whole(A)]), moment(writes=[whole(B)]), moment([whole(B)]))


def test_a_kernel_must_not_write_what_it_still_reads() -> None:
    text = refusal({A: 0, B: 4}, MAKE_A, moment([whole(A)], [Touch(B, 2, 6)]))
    assert text == "moment 1 writes 'b' (arena bytes 6 to 10) while it reads 'a' (arena bytes 0 to 8)"


def test_not_even_in_its_own_buffer() -> None:
    assert "while it reads" in refusal({A: 0}, MAKE_A, moment([whole(A)], [Touch(A, 0, 4)]))


def test_nor_write_a_byte_twice() -> None:
    assert "writes 'c' (arena bytes 4 to 8) and 'a' (arena bytes 0 to 8)" in refusal(
        {A: 0, C: 4}, moment(writes=[whole(A), whole(C)])
    )


def test_element_by_element_work_may_go_in_place_or_downwards() -> None:
    in_place = moment([whole(A)], [whole(B)], in_place=True)
    run({A: 0, B: 0}, MAKE_A, in_place, moment([whole(B)]))
    run({A: 4, B: 0}, MAKE_A, in_place, moment([whole(B)]))
    assert "while it reads" in refusal({A: 0, B: 4}, MAKE_A, in_place)


def test_but_not_where_the_input_is_wanted_again() -> None:
    in_place = moment([whole(A)], [whole(B)], in_place=True)
    assert "moment 2 reads 'a'" in refusal({A: 0, B: 0}, MAKE_A, in_place, moment([whole(A)]))


def test_scratch_is_written_and_disturbs_nobody() -> None:
    work = moment([whole(A)], [Touch(B, 0, 4), whole(C)])
    run({A: 0, B: 8, C: 12}, MAKE_A, work)
    assert "'c' (arena bytes 4 to 8) while it reads 'a'" in refusal({A: 0, B: 8, C: 4}, MAKE_A, work)


def test_buffers_lie_inside_the_arena_and_aligned() -> None:
    assert "'b', bytes 12 to 20, leaves the arena of 16" in refusal({A: 0, B: 12})
    assert "leaves the arena" in refusal({A: -4})
    assert "'a' at byte 2 is not aligned to 4" in refusal({A: 2})
    check({A: 2}, SIZES, 16, [], alignments={A: 2})
    with pytest.raises(PlanError, match="not aligned to 8"):
        check({A: 4}, SIZES, 16, [], alignments={A: 8})


@pytest.mark.parametrize("touch", [Touch(A, 4, 9), Touch(A, -1, 4), Touch(A, 4, 3)])
def test_touches_lie_inside_their_buffers(touch: Touch) -> None:
    assert "but the buffer has 8 bytes" in refusal({A: 0}, moment(writes=[touch]))
    assert "but the buffer has 8 bytes" in refusal({A: 0}, moment([touch]))


def test_every_buffer_has_a_place() -> None:
    assert refusal({A: 0}, moment(writes=[whole(B)])) == "moment 0 touches 'b', which has no place"


def slow_check(offsets: Mapping[str, int], sizes: Mapping[str, int], size: int, moments: Sequence[Moment]) -> bool:
    """The same judgement byte by byte, by playing the most awkward kernel that each moment allows."""
    if any(offset < 0 or offset % 4 or offset + sizes[name] > size for name, offset in offsets.items()):
        return False
    owner: dict[int, str] = {}

    def spread(touch: Touch) -> list[int]:
        return [offsets[touch.buffer] + k for k in range(touch.start, touch.stop)]

    for now in moments:
        reads = [(touch.buffer, spread(touch)) for touch in now.reads]
        writes = [(touch.buffer, spread(touch)) for touch in now.writes]
        written = [byte for _, bytes_ in writes for byte in bytes_]
        if len(set(written)) < len(written):
            return False
        if not now.in_place and any(byte in written for _, bytes_ in reads for byte in bytes_):
            return False
        if not all(owner.get(byte) == name for name, bytes_ in reads for byte in bytes_):
            return False
        fresh: set[int] = set()
        for k in range(max(map(len, [bytes_ for _, bytes_ in reads + writes]), default=0)):
            if any(bytes_[k] in fresh for _, bytes_ in reads if k < len(bytes_)):
                return False
            for name, bytes_ in writes:
                if k < len(bytes_):
                    owner[bytes_[k]] = name
                    fresh.add(bytes_[k])
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

    def moments(self, offsets: Mapping[str, int]) -> list[Moment]:
        height, row = self.tensors[0]
        moments = [Moment((), (Touch("t0", 0, height * row),))]
        for i, layer in enumerate(self.layers):
            x, y = f"t{i}", f"t{i + 1}"
            (height, read), (rows, written) = self.tensors[i : i + 2]
            rising = offsets[x] < offsets[y] < offsets[x] + height * read
            for r in reversed(range(rows)) if rising else range(rows):
                needs = tuple(Touch(x, k * read, (k + 1) * read) for k in layer.rows(r, height))
                moments.append(Moment(needs, (Touch(y, r * written, (r + 1) * written),), layer.in_place))
        last = list(self.sizes)[-1]
        return [*moments, Moment((Touch(last, 0, self.sizes[last]),), ())]


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
    check(arena.offsets, net.sizes, arena.size, net.moments(arena.offsets))


@settings(max_examples=300, deadline=None)
@given(chains(), st.data())
def test_it_judges_other_plans_as_the_definition_does(net: Chain, data: st.DataObject) -> None:
    arena = place(net.buffers(), net.overlaps())
    offsets = dict(arena.offsets)
    for name in data.draw(st.lists(st.sampled_from(sorted(offsets)), min_size=1, max_size=2)):
        offsets[name] += 4 * data.draw(st.integers(-3, 3))
    moments = net.moments(arena.offsets)
    if slow_check(offsets, net.sizes, arena.size, moments):
        check(offsets, net.sizes, arena.size, moments)
    else:
        with pytest.raises(PlanError):
            check(offsets, net.sizes, arena.size, moments)


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
            check(offsets, pair.sizes, space, pair.moments(offsets))
            if below <= pair.sizes["t1"]:
                closer = {"t0": below - 4, "t1": 0}
                with pytest.raises(PlanError):
                    check(closer, pair.sizes, space, pair.moments(closer))
