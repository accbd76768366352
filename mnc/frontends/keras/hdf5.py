"""Reading HDF5 that nobody vouches for: every access is checked, every fault a CompileError.

Links that lead out of the file and data kept outside of it are not followed,
and nothing is allocated before its size is known to be sane.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import h5py
import numpy as np

from mnc.errors import CompileError, refuse
from mnc.ir.types import Array, Shape, show

MAX_DATASET_BYTES = 2**28
"""No microcontroller's flash holds a quarter of a gigabyte; files that claim more are refused."""


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
            "the file is damaged or incomplete; save the model again, or copy the file again",
        ) from None


def attribute(where: str, group: h5py.Group, name: str) -> object | None:
    """An attribute of a group, or None where it has none of this name."""
    with reading(f"{where}, attribute {name!r}"):
        value: object = group.attrs.get(name)
    return value


def names(where: str, group: h5py.Group, name: str) -> tuple[str, ...] | None:
    """A list of names in an attribute, or in its pieces `name0`, `name1`, ... where Keras has split it.

    HDF5 limits an attribute to 64 KiB; Keras writes a longer list in pieces.
    """
    whole = attribute(where, group, name)
    if whole is not None:
        return _strings(where, name, whole)
    pieces: list[str] = []
    for i in range(len(group.attrs)):
        piece = attribute(where, group, f"{name}{i}")
        if piece is None:
            return tuple(pieces) if i else None
        pieces += _strings(where, f"{name}{i}", piece)
    return tuple(pieces) if pieces else None


def text(value: object) -> str | None:
    """A string attribute as str, whether it was written as str or bytes; None where it is neither."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else None


def _strings(where: str, name: str, value: object) -> tuple[str, ...]:
    decoded = [text(item) for item in value.reshape(-1)] if isinstance(value, np.ndarray) else [text(value)]
    strings = tuple(item for item in decoded if item is not None)
    if len(strings) != len(decoded):
        raise refuse(f"{where}, attribute {name!r}", "it must hold names")
    return strings


def child(where: str, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """A member of a group by its path, or None; links out of the file are refused."""
    current: h5py.Group | h5py.Dataset = group
    for part in filter(None, name.split("/")):
        with reading(f"{where}/{name}"):
            if not isinstance(current, h5py.Group) or part not in current:
                return None
            if isinstance(current.get(part, getlink=True), h5py.ExternalLink):
                raise refuse(f"{where}/{name}", "this is a link into another file, which is not followed")
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
            raise refuse(where, f"{what} is kept outside the file, which is not followed")
        if given != shape:
            raise refuse(where, f"{what} has the shape {show(given)}; the configuration asks for {show(shape)}")
        if dataset.nbytes > MAX_DATASET_BYTES:
            raise refuse(where, f"{what} takes {dataset.nbytes:,} bytes; the limit is {MAX_DATASET_BYTES:,}")
        brain_float = (
            dtype.kind == "V" and dtype.itemsize == 2 and text(attribute(where, dataset, "dtype")) == "bfloat16"
        )
        if dtype.kind not in "fiu" and not brain_float:
            raise refuse(where, f"{what} holds {dtype}, not numbers")
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
