"""Reading HDF5 that nobody vouches for: every access is checked, every fault a CompileError.

Links that lead out of the file and data kept outside of it are not followed,
and nothing is allocated before its size is known to be sane.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import h5py
import numpy as np

from mnc.errors import CompileError, refuse
from mnc.frontends.keras.heap import damaged_heap
from mnc.ir.types import Array, Shape, show

MAX_DATASET_BYTES = 2**28
"""No microcontroller's flash holds a quarter of a gigabyte; files that claim more are refused."""

MAX_ATTRIBUTE_BYTES = 2**26
FOREIGN_WEIGHTS = "the weights do not belong to this configuration; save the whole model again"
TOO_LARGE = "no microcontroller holds it; train a smaller network"
OUTSIDE = "save the model again into a single file"
DAMAGED = "the file is damaged or incomplete; save the model again, or copy the file again"


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever h5py raises on a damaged file into a CompileError at `where`."""
    try:
        yield
    except CompileError:
        raise
    except (
        Exception
    ) as fault:  # h5py raises OSError, RuntimeError, KeyError, ValueError, TypeError, ...: no common base
        reason = str(fault).strip().strip("'\"").splitlines()
        raise refuse(
            where,
            f"the HDF5 data cannot be read: {reason[0] if reason else type(fault).__name__}",
            DAMAGED,
        ) from None


@contextlib.contextmanager
def opened(where: str, content: bytes) -> Iterator[h5py.File]:
    """A whole HDF5 file in memory, open for reading as long as the context is."""
    damaged = damaged_heap(content)
    if damaged is not None:
        raise refuse(where, f"the HDF5 data is damaged at byte {damaged}", DAMAGED)
    with reading(where):
        file = h5py.File(io.BytesIO(content), "r")
    with file:
        yield file


def attribute(where: str, group: h5py.Group | h5py.Dataset, name: str) -> Array | None:
    """An attribute that holds text, as an array of str or bytes; None where there is none of this name.

    Other types are not even read: HDF5 trusts them, and a damaged one can
    crash it.
    """
    with reading(f"{where}, attribute {name!r}"):
        if name not in group.attrs:
            return None
        stored = h5py.h5a.open(group.id, name.encode())
        count = stored.get_space().get_simple_extent_npoints()
        if count == 0:
            return np.empty(0, object)
        if count * stored.get_type().get_size() > MAX_ATTRIBUTE_BYTES:
            raise refuse(f"{where}, attribute {name!r}", f"it cannot hold {count} values", DAMAGED)
        if not isinstance(stored.get_type(), h5py.h5t.TypeStringID):
            raise refuse(f"{where}, attribute {name!r}", "it must hold text", DAMAGED)
        return np.asarray(group.attrs[name])


def text(where: str, group: h5py.Group | h5py.Dataset, name: str) -> str | None:
    """A string in an attribute, whether it was written as str or bytes; None where there is none."""
    value = attribute(where, group, name)
    if value is None or value.size != 1:
        return None
    return _string(value.item())


def names(where: str, group: h5py.Group, name: str) -> tuple[str, ...] | None:
    """A list of names in an attribute, or in its pieces `name0`, `name1`, ... where Keras has split it.

    HDF5 limits an attribute to 64 KiB; Keras writes a longer list in pieces.
    """
    whole = attribute(where, group, name)
    if whole is not None:
        return tuple(map(_string, whole.ravel()))
    pieces: list[str] = []
    for i in range(len(group.attrs)):
        piece = attribute(where, group, f"{name}{i}")
        if piece is None:
            return tuple(pieces) if i else None
        pieces += map(_string, piece.ravel())
    return tuple(pieces) if pieces else None


def _string(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def child(where: str, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """A member of a group by its path, or None; links out of the file are refused."""
    current: h5py.Group | h5py.Dataset = group
    for part in filter(None, name.split("/")):
        with reading(f"{where}/{name}"):
            if not isinstance(current, h5py.Group) or part not in current:
                return None
            if isinstance(current.get(part, getlink=True), h5py.ExternalLink):
                raise refuse(f"{where}/{name}", "this is a link into another file, which is not followed", OUTSIDE)
            current = current[part]
    return current


def group(where: str, parent: h5py.Group, name: str) -> h5py.Group | None:
    """A member that is a group, or None."""
    found = child(where, parent, name)
    return found if isinstance(found, h5py.Group) else None


def floats(where: str, dataset: h5py.Dataset, what: str, shape: Shape) -> Array:
    """A dataset as float32, in exactly this shape, every element finite."""
    with reading(where):
        given: Shape = tuple(dataset.shape)
        dtype = dataset.dtype
        if dataset.external or dataset.is_virtual:
            raise refuse(where, f"{what} is kept outside the file, which is not followed", OUTSIDE)
        if given != shape:
            raise refuse(
                where, f"{what} has the shape {show(given)}; the configuration asks for {show(shape)}", FOREIGN_WEIGHTS
            )
        if dataset.nbytes > MAX_DATASET_BYTES:
            raise refuse(
                where,
                f"{what} takes {dataset.nbytes:,} bytes; the limit is {MAX_DATASET_BYTES:,}",
                TOO_LARGE,
            )
        brain_float = dtype.kind == "V" and dtype.itemsize == 2 and text(where, dataset, "dtype") == "bfloat16"
        if dtype.kind not in "fiu" and not brain_float:
            raise refuse(where, f"{what} holds {dtype}, not numbers", FOREIGN_WEIGHTS)
        stored: Array = np.asarray(dataset[()])
    if brain_float:  # the upper half of a float32
        stored = (stored.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused just below
        values: Array = stored.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        first = [int(i) for i in np.unravel_index(int(bad[0]), values.shape)]
        raise refuse(
            where,
            f"{what} holds {bad.size} of {values.size} values that are not finite in float32, the first at {first}",
            "training has diverged; train again with a smaller learning rate, or load an earlier checkpoint",
        )
    return values
