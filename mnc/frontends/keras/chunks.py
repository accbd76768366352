"""Datasets of HDF5 in chunks, and the filters that pack them, undone here: HDF5 would unpack without a limit.

The filters are those that h5py offers for any data and that need no library
of their own: shuffle, deflate (gzip) and fletcher32.  Numbers, order and
checksum are those of the HDF5 File Format Specification, section IV.A.2.l, and
of the HDF5 reference manual on filters.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from mnc.errors import refuse
from mnc.frontends.budget import Budget
from mnc.ir.types import Array, Shape

PLAIN = "write it anew without: `h5repack -f NONE old.h5 new.h5`"
BROKEN = "the file is damaged or incomplete; copy it again"
CHECKSUM = 4
"""Bytes that fletcher32 puts behind a chunk."""


@dataclass(frozen=True)
class Filter:
    """One of a dataset's filters."""

    number: int
    name: str
    values: Sequence[int]
    """Its parameters in the dataset."""


def filters(where: str, what: str, handle: h5py.Dataset) -> tuple[Filter, ...]:
    """A dataset's filters in the order of writing; CompileError where one is not undone here."""
    if handle.chunks is None:  # HDF5 packs nothing but chunks
        return ()
    properties = handle.id.get_create_plist()
    found: list[Filter] = []
    for i in range(properties.get_nfilters()):
        number, _, values, name = properties.get_filter(i)
        spelt = bytes(name).split(b"\0")[0].decode("utf-8", "replace") or f"of number {number}"
        if number not in _UNDONE:
            raise refuse(where, f"{what} is packed by the filter {spelt!r}; known are gzip, shuffle, fletcher32", PLAIN)
        if any(number == other.number for other in found):
            raise refuse(where, f"{what} is packed by the filter {spelt!r} twice", PLAIN)
        found.append(Filter(number, spelt, values))
    return tuple(found)


def take(where: str, handle: h5py.Dataset, budget: Budget) -> None:
    """Count a dataset's elements, as float32 or as stored, and its chunks, which are read whole, before it is read."""
    size = handle.dtype.itemsize
    budget.take(where, "bytes of weights", max(handle.size * max(size, 4), _count(handle) * _bytes(handle)))
    budget.take(where, "chunks of datasets", _count(handle))


def unpacked(where: str, what: str, handle: h5py.Dataset, packing: Sequence[Filter]) -> Array:
    """The elements of a dataset that filters have packed; it is to be counted before."""
    dtype = handle.dtype
    if dtype.kind != "V" and handle.id.get_type() != h5py.h5t.py_create(dtype):
        raise refuse(where, f"{what} is packed, and its numbers have a layout of their own", PLAIN)
    size = _bytes(handle)
    values = np.full(handle.shape, handle.fillvalue, dtype)
    room = np.empty(size + size // 64 + 1024, np.uint8)  # more than any filter makes of a chunk
    stored = 0
    for corner in itertools.product(*map(range, [0] * values.ndim, handle.shape, handle.chunks)):
        try:
            skipped, packed = handle.id.read_direct_chunk(corner, out=room)
        except (OSError, RuntimeError, ValueError):  # it is not stored, or damaged: the number of them tells
            continue
        stored += 1
        content = _undone(where, what, bytes(packed), packing, skipped, size)
        chunk: Array = np.frombuffer(content, dtype).reshape(handle.chunks)
        inside = values[tuple(slice(start, start + n) for start, n in zip(corner, handle.chunks, strict=True))]
        inside[...] = chunk[tuple(slice(0, n) for n in inside.shape)]
    if stored != handle.id.get_num_chunks():
        raise refuse(where, f"not all chunks of {what} can be read", BROKEN)
    return values


def _undone(where: str, what: str, content: bytes, packing: Sequence[Filter], skipped: int, size: int) -> bytes:
    """A chunk of `size` bytes, of which the filters whose bits are in `skipped` have not packed it."""
    limit = size + CHECKSUM + 1  # more than any filter has been given
    for i, each in reversed(list(enumerate(packing))):
        if not skipped >> i & 1:
            undone = _UNDONE[each.number](content, each.values, limit)
            if undone is None:
                raise refuse(where, f"a chunk of {what} is not what its filter {each.name!r} writes", BROKEN)
            content = undone
    if len(content) != size:
        raise refuse(where, f"a chunk of {what} unpacks to {len(content)} bytes or more instead of {size}", BROKEN)
    return content


def _inflated(content: bytes, _: Sequence[int], limit: int) -> bytes | None:
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(content, limit)
    except zlib.error:
        return None
    return plain if stream.eof else None


def _unshuffled(content: bytes, values: Sequence[int], _: int) -> bytes | None:
    """All first bytes of the elements, then all second ones, and so on; what is less than an element stays behind."""
    if len(values) != 1 or values[0] < 1:
        return None
    each = values[0]
    whole = len(content) // each * each
    planes: Array = np.frombuffer(content, np.uint8, whole).reshape(each, whole // each)
    return bytes(planes.T.tobytes()) + content[whole:]


def _checked(content: bytes, _: Sequence[int], __: int) -> bytes | None:
    """Without the checksum, where it is right: sums modulo 65535 of 16-bit words, the first byte the upper half."""
    data, stored = content[:-CHECKSUM], int.from_bytes(content[-CHECKSUM:], "little")
    words = np.frombuffer(data + bytes(len(data) % 2), ">u2").astype(np.uint64)
    weighed = words * (np.arange(len(words), 0, -1, dtype=np.uint64) % 65535)
    first, second = int(words.sum()) % 65535, int(weighed.sum()) % 65535
    right = (stored & 0xFFFF) % 65535 == first and (stored >> 16) % 65535 == second
    return data if right and len(content) >= CHECKSUM else None


_UNDONE: dict[int, Callable[[bytes, Sequence[int], int], bytes | None]] = {
    h5py.h5z.FILTER_DEFLATE: _inflated,
    h5py.h5z.FILTER_SHUFFLE: _unshuffled,
    h5py.h5z.FILTER_FLETCHER32: _checked,
}


def _count(handle: h5py.Dataset) -> int:
    """A dataset's chunks, whether they are stored or not; 0 where it has none."""
    chunks: Shape | None = handle.chunks
    return 0 if chunks is None else math.prod(-(-n // c) for n, c in zip(handle.shape, chunks, strict=True))


def _bytes(handle: h5py.Dataset) -> int:
    """Of a chunk, not packed."""
    return math.prod(handle.chunks or ()) * int(handle.dtype.itemsize)
