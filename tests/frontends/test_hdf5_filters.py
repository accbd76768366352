"""Weights that filters of HDF5 have packed are read chunk by chunk, and never more of them than a chunk states."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_files import save_h5
from limited import limited

from mnc.frontends import check, load
from mnc.frontends.budget import Budget, SpentError
from mnc.frontends.keras import chunks

KERNEL = "model_weights/conv/conv/kernel:0"
FILTERS = (
    {"compression": "gzip"},
    {"shuffle": True},
    {"fletcher32": True},
    {"compression": "gzip", "shuffle": True},
    {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True},
)


def stored(path: Path, **options: Any) -> None:
    """Store the kernel of the small model in `path`, (3, 3, 2, 3), anew with these options."""
    with h5py.File(path, "r+") as file:
        values = file[KERNEL][()]
        del file[KERNEL]
        file.create_dataset(KERNEL, **{"data": values, **options})


@pytest.mark.parametrize("packing", FILTERS, ids=lambda packing: "+".join(packing))
@pytest.mark.parametrize("within", [(3, 3, 2, 3), (2, 2, 2, 2), (1, 3, 1, 2)])
def test_packed_weights_are_the_plain_ones(packing: dict[str, Any], within: tuple[int, ...], tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    expected = load(path)
    stored(path, chunks=within, **packing)
    assert load(path) == expected


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i1", ">i2", "u4"])
def test_packed_numbers_of_any_type_are_what_hdf5_reads(dtype: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 20, (3, 3, 2, 3)).astype(dtype)
    path = save_h5(tmp_path / "m.h5")
    stored(path, data=values)
    expected = load(path)
    stored(path, data=values, chunks=(2, 2, 1, 3), compression="gzip", shuffle=True, fletcher32=True)
    assert load(path) == expected


def test_a_chunk_that_is_not_stored_holds_what_fills_it(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    graphs = []
    for options in ({}, {"compression": "gzip", "chunks": (2, 2, 2, 2)}):
        stored(path, data=None, shape=(3, 3, 2, 3), dtype="f4", fillvalue=0.25, **options)
        with h5py.File(path, "r+") as file:
            file[KERNEL][2, 2] = 7
        graphs.append(load(path))
    assert graphs[0] == graphs[1]


def test_a_chunk_that_a_filter_has_skipped_is_taken_as_it_is(tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    expected = load(path)
    with h5py.File(path, "r") as file:
        values = file[KERNEL][()]
    stored(path, data=None, shape=values.shape, dtype="f4", chunks=values.shape, shuffle=True, compression="gzip")
    with h5py.File(path, "r+") as file:
        file[KERNEL].id.write_direct_chunk((0, 0, 0, 0), values.tobytes(), filter_mask=0b11)
    assert load(path) == expected


def _packed(path: Path, content: bytes, **options: Any) -> Path:
    """The small model with a kernel of one chunk that has this packed content."""
    save_h5(path)
    stored(path, data=None, shape=(3, 3, 2, 3), dtype="f4", chunks=(3, 3, 2, 3), **options)
    with h5py.File(path, "r+") as file:
        file[KERNEL].id.write_direct_chunk((0, 0, 0, 0), content)
    return path


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A chunk of 216 bytes whose stream gives 4 GB; `limited` allows 10 s and 1 GB."""
    squeezed, zeros = zlib.compressobj(wbits=-15), bytes(2**24)
    block = squeezed.compress(zeros) + squeezed.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", 256 * len(zeros) % 65521, 1)
    bomb = b"\x78\x9c" + 256 * block + squeezed.flush() + checksum
    ended = limited("check", _packed(tmp_path / "m.h5", bomb, compression="gzip"))
    assert ended.status == 1
    assert "not all chunks of the kernel can be read" in ended.said  # one that large is no chunk of 216 bytes


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"no stream", {"compression": "gzip"}, "is not what its filter 'deflate' writes"),
        (zlib.compress(bytes(216))[:-2], {"compression": "gzip"}, "is not what its filter 'deflate' writes"),
        (zlib.compress(bytes(10**6)), {"compression": "gzip"}, "is not what its filter 'deflate' writes"),
        (zlib.compress(bytes(215)), {"compression": "gzip"}, "unpacks to 215 bytes or more instead of 216"),
        (zlib.compress(bytes(217)), {"compression": "gzip"}, "unpacks to 217 bytes or more instead of 216"),
        (bytes(216) + b"\1\0\0\0", {"fletcher32": True}, "is not what its filter 'fletcher32' writes"),
        (b"\0", {"fletcher32": True}, "is not what its filter 'fletcher32' writes"),
        (bytes(3), {"shuffle": True}, "unpacks to 3 bytes or more instead of 216"),
    ],
)
def test_a_damaged_chunk_is_refused(content: bytes, options: dict[str, Any], said: str, tmp_path: Path) -> None:
    (problem,) = check(_packed(tmp_path / "m.h5", content, **options))
    assert (problem.where, problem.what) == (f"m.h5: {KERNEL}", f"a chunk of the kernel {said}")


@pytest.mark.parametrize(
    ("options", "name"),
    [({"compression": "lzf", "dtype": "f4"}, "lzf"), ({"scaleoffset": 3, "dtype": "i4"}, "scaleoffset")],
)
def test_other_filters_are_refused_by_name(options: dict[str, Any], name: str, tmp_path: Path) -> None:
    path = save_h5(tmp_path / "m.h5")
    stored(path, data=None, shape=(3, 3, 2, 3), chunks=(3, 3, 2, 3), **options)
    (problem,) = check(path)
    assert problem.what == f"the kernel is packed by the filter {name!r}; known are gzip, shuffle, fletcher32"
    assert "h5repack -f NONE" in problem.hints[0]


def test_chunks_are_counted_whether_stored_or_not(tmp_path: Path) -> None:
    """HDF5 takes minutes and gigabytes for 2^24 chunks of which the file stores none."""
    path = save_h5(tmp_path / "m.h5")
    stored(path, data=None, shape=(3, 3, 2, 3 * 2**16), dtype="f4", chunks=(3, 3, 2, 1))
    with h5py.File(path, "r") as file:
        budget = Budget(path.stat().st_size)
        with pytest.raises(SpentError, match="takes 196,608 chunks of datasets or more"):
            chunks.take("m.h5", file[KERNEL], budget)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=2000))
def test_the_checksum_is_that_of_hdf5(content: bytes) -> None:
    with h5py.File("f", "w", driver="core", backing_store=False) as file:
        data = file.create_dataset("x", data=np.frombuffer(content, np.uint8), chunks=(len(content),), fletcher32=True)
        file.flush()
        _, written = data.id.read_direct_chunk((0,))
        (packing,) = chunks.filters("f", "it", data)
    assert chunks._checked(written, packing.values, 0) == content
    assert chunks._checked(bytes([content[0] ^ 1]) + written[1:], packing.values, 0) is None
