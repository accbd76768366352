"""A check of HDF5's global heaps, in which strings of variable length lie, before HDF5 itself walks through them.

HDF5 trusts the sizes in a heap: with a damaged one it reads out of bounds or
never comes to an end.  The layout is that of the HDF5 File Format
Specification, section III.E: "GCOL", version 1, three reserved bytes, the
collection's size, then objects, each with its index, reference count, four
reserved bytes and its size, padded to a multiple of eight; an object of index
0 is what is free up to the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SIGNATURE = b"GCOL\x01\x00\x00\x00"
MINIMUM = 4096
"""HDF5 makes no smaller collection."""
HEADER = 16
"""Of a collection and of an object."""


def damaged_heap(data: bytes) -> int | None:
    """The offset of a global heap collection that is not sound; None where all of them are.

    Sound collections do not overlap, so all their objects together fit into
    the data: where there are more, the one that is walked then is damaged.
    """
    left = len(data) // HEADER
    for start in _collections(data):
        lengths = _lengths(data, start, left)
        if lengths is None:
            return start
        left -= len(lengths)
    return None


def largest_object(data: bytes) -> int:
    """Bytes of the largest object in the heaps of sound data."""
    return max((max(_lengths(data, start, len(data)) or (0,)) for start in _collections(data)), default=0)


def _collections(data: bytes) -> Iterator[int]:
    start = data.find(SIGNATURE)
    while start >= 0:
        yield start
        start = data.find(SIGNATURE, start + 1)


def _lengths(data: bytes, start: int, most: int) -> list[int] | None:
    """The lengths of a collection's objects; None where it is not sound, or has more than `most`."""
    if start + HEADER > len(data):
        return None
    size: int = struct.unpack_from("<Q", data, start + 8)[0]
    end = start + size
    if size < MINIMUM or end > len(data):
        return None
    lengths: list[int] = []
    place = start + HEADER
    while end - place >= HEADER:
        index: int = struct.unpack_from("<H", data, place)[0]
        length: int = struct.unpack_from("<Q", data, place + 8)[0]
        taken = length if index == 0 else HEADER + -(-length // 8) * 8
        if taken < HEADER or taken > end - place or len(lengths) >= most:
            return None
        place += taken
        if index == 0:
            break
        lengths.append(length)
    return lengths if end - place < HEADER else None
