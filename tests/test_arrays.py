"""NumPy's files from anywhere: the arrays that NumPy itself reads, or one error."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from limited import limited

from mnc.arrays import load_arrays, parse
from mnc.errors import CompileError
from mnc.ir.types import Array


def stored(array: Array) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array, allow_pickle=False)
    return memory.getvalue()


@given(
    npst.arrays(st.sampled_from(["f4", ">f8", "i1", "?", "c8", "u2", "S3"]), npst.array_shapes(min_dims=0, min_side=0)),
    st.booleans(),
)
def test_arrays_are_as_numpy_reads_them(array: Array, fortran: bool) -> None:
    array = np.asarray(array, order="F" if fortran else "C")
    read = parse("x", stored(array))
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()


def headed(header: str, data: bytes = bytes(64)) -> bytes:
    coded = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + len(coded).to_bytes(2, "little") + coded + data


SHAPE = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s)}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        headed(SHAPE % "10**9,"),
        headed(SHAPE % "1000000000, 1000000000"),
        headed(SHAPE % "-1,"),
        headed(SHAPE % "17,"),
        headed(SHAPE % ("1, " * 70)),
        headed("(" * 200),
        headed("{1: 2, 'shape': 3}"),
        headed("{'descr': 'x', 'fortran_order': False, 'shape': ()}"),
        headed("{'descr': '|S0', 'fortran_order': False, 'shape': (3,)}"),
        headed("{'descr': [('a', '<f4'), b''], 'fortran_order': False, 'shape': (3,)}"),
        headed("'''"),
    ],
)
def test_a_header_that_is_wrong_is_one_error(content: bytes) -> None:
    with pytest.raises(CompileError, match="not a NumPy"):
        parse("x", content)


def test_pickled_objects_are_refused_by_name() -> None:
    with pytest.raises(CompileError, match="pickled objects, which are never loaded"):
        parse("x", headed("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"))


def test_an_archive_that_is_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(5):
            archive.writestr(f"{i}.npy", headed(SHAPE % f"{2**22},", bytes(2**24)))
    with pytest.raises(CompileError, match=r"x\.npz: 3\.npy: .* unpack"):
        load_arrays(tmp_path / "x.npz")
    text = 'network n\ninput x: float32[4]\ny = dense(x, units = 2)\noutput y\nweights "x.npz"\n'
    (tmp_path / "n.mnc").write_text(text)
    ended = limited("check", tmp_path / "n.mnc")
    assert ended.status == 1
    assert "unpack" in ended.said


def test_an_archive_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", stored(np.ones(3)))
        archive.writestr("readme", b"")
    with pytest.raises(CompileError, match=r"'readme' in the archive is no \.npy file"):
        load_arrays(tmp_path / "x.npz")


def test_memory_is_taken_for_a_file_and_not_for_its_limit(tmp_path: Path) -> None:
    (tmp_path / "n.mnc").write_text("network n\ninput x: float32[4]\ny = relu(x)\noutput y\n")
    np.save(tmp_path / "x.npy", np.zeros((1, 5), np.float32))
    ended = limited("compile", "n.mnc", "--quantize", "int8", "--calibration", "x.npy", folder=tmp_path)
    assert "the samples have shape 1x5" in ended.said
