"""NumPy's .npy and .npz files; those that are read may be hostile: no pickles, no more memory than the real size."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mnc import archives, files
from mnc.errors import CompileError, refuse
from mnc.ir.types import Array
from mnc.output import MARK

MAX_BYTES = 2**33
"""Of one file; whatever is in it is held in memory."""
LEAST_UNPACKED, RATIO = 2**26, 16
"""Bytes that any archive may unpack to, and how many times its own size a larger one may."""
SUFFIX = ".npy"
NO_ARRAY = "not a NumPy .npy file"


def load_arrays(path: Path, *hints: str) -> dict[str, Array]:
    """The arrays of an `.npz` by their names, or the array of an `.npy` as `x`.

    CompileError with the hints where the file is neither.
    """
    content = files.content(path, MAX_BYTES)
    try:
        if content.startswith(b"PK"):
            return unpacked(str(path), content)
        return {"x": parse(str(path), content)}
    except CompileError as fault:
        (problem,) = fault.problems
        what = "not a NumPy .npy or .npz file" + ("" if problem.what == NO_ARRAY else f": {problem.what}")
        raise refuse(problem.where, what, *(hints or problem.hints)) from None


def unpacked(where: str, content: bytes) -> dict[str, Array]:
    """The arrays of an `.npz` archive by their names; CompileError where anything else is in it, too."""
    arrays: dict[str, Array] = {}
    left = max(LEAST_UNPACKED, RATIO * len(content))
    with archives.opened(where, content) as archive:
        for info in archive.infolist():
            place = f"{where}: {info.filename}"
            if not info.filename.endswith(SUFFIX):
                raise refuse(where, f"{info.filename!r} in the archive is no .npy file")
            member = archives.member(place, archive, info, left, "write the arrays with numpy.savez")
            left -= len(member)
            arrays[info.filename.removesuffix(SUFFIX)] = parse(place, member)
    return arrays


def npz(arrays: Mapping[str, Array]) -> bytes:
    """The bytes of an `.npz` with mnc's mark at its end; equal arrays give equal bytes."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = MARK
    return file.getvalue()


def parse(where: str, content: bytes) -> Array:
    """The array in the bytes of an `.npy`, which it shares; CompileError where there is none."""
    fault = refuse(where, NO_ARRAY, "write one with numpy.save")
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran_order, dtype = read(stream)
    except Exception:  # the header is a Python literal: tokens, syntax, keys and types of any kind can be wrong
        raise fault from None
    if dtype.hasobject:
        raise refuse(
            where, "not a NumPy .npy file of numbers, but of pickled objects, which are never loaded", "write numbers"
        )
    sizes = tuple(map(int, shape))
    count, start = math.prod(sizes), stream.tell()
    if min(sizes, default=0) < 0 or not dtype.itemsize or count * dtype.itemsize > len(content) - start:
        raise fault
    try:
        flat = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
        return flat.reshape(sizes, order="F" if fortran_order else "C")
    except ValueError:  # more axes than NumPy has, or an element type of several
        raise fault from None
