"""Frames among noise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mnc.board.frames import LONGEST, SYNC, Frame, first_frame

FRAMES = st.builds(Frame, st.sampled_from("HWRAILODB"), st.integers(0, 255), st.binary(max_size=140))
NOISE = st.lists(st.sampled_from([b"\x9a", b"\x6d", SYNC, b"ets Jun  8", b"\0", b"\xff\xff"]), max_size=8).map(b"".join)


def all_frames(received: bytes) -> tuple[list[Frame], bytes]:
    found: list[Frame] = []
    noise = b""
    while True:
        frame, before, received = first_frame(received)
        noise += before
        if frame is None:
            return found, noise
        found.append(frame)


@given(st.lists(st.tuples(NOISE, FRAMES), max_size=5), NOISE)
def test_frames_are_found_between_noise(sent: list[tuple[bytes, Frame]], last: bytes) -> None:
    line = b"".join(noise + bytes(frame) for noise, frame in sent) + last
    assert all_frames(line)[0] == [frame for _, frame in sent]


@given(FRAMES, st.data())
def test_a_frame_with_a_wrong_bit_is_none(frame: Frame, data: st.DataObject) -> None:
    whole = bytearray(bytes(frame))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert all_frames(bytes(whole))[0] == []


@given(FRAMES, FRAMES, st.data())
def test_a_frame_may_come_in_pieces(one: Frame, two: Frame, data: st.DataObject) -> None:
    line = bytes(one) + bytes(two)
    cut = data.draw(st.integers(0, len(line)))
    found: list[Frame] = []
    left = b""
    for piece in (line[:cut], line[cut:]):
        left += piece
        while True:
            frame, noise, left = first_frame(left)
            assert noise == b""
            if frame is None:
                break
            found.append(frame)
    assert (found, left) == ([one, two], b"")


def test_what_waits_to_be_completed_is_never_long() -> None:
    flood = SYNC * 5000
    frame, noise, left = first_frame(flood)
    assert frame is None
    assert noise + left == flood
    assert len(left) <= LONGEST + 10
