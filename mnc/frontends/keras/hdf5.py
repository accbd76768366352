"""Reading HDF5 that nobody vouches for: every access is checked and counted, every fault a CompileError.

`File` is the only door: groups and datasets of it are `Group` and `Dataset`,
never h5py's own, whose path look-ups follow links.  Links are walked here, one
by one, and none that leads into another file is followed; data kept outside of
the file are refused, data packed by filters are unpacked by `chunks`; nothing
is allocated before its size is known to be sane.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np

from mnc.errors import CompileError, refuse
from mnc.frontends.budget import Budget
from mnc.frontends.keras import chunks
from mnc.frontends.keras.heap import damaged_heap, largest_object
from mnc.ir.types import Array, Shape, show

MAX_LINKS = 16
"""Soft links that lead from one to the next."""
FOREIGN_WEIGHTS = "the weights do not belong to this configuration; save the whole model again"
OUTSIDE = "save the model again into a single file"
DAMAGED = "the file is damaged or incomplete; save the model again, or copy the file again"


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever h5py raises on a damaged file into a CompileError at `where`."""
    try:
        yield
    except (CompileError, MemoryError):
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


@dataclass(frozen=True)
class _File:
    """The state that all items of one file share."""

    root: h5py.Group
    budget: Budget
    largest_text: int
    """Bytes of the largest object in the heaps that strings of variable length lie in."""


@dataclass(frozen=True)
class Group:
    """A group of an opened file."""

    handle: h5py.Group
    file: _File


@dataclass(frozen=True)
class Dataset:
    """A dataset of an opened file."""

    handle: h5py.Dataset
    file: _File

    @property
    def shape(self) -> Shape:
        return tuple(self.handle.shape)


@contextlib.contextmanager
def opened(where: str, content: bytes, budget: Budget) -> Iterator[Group]:
    """The root of a whole HDF5 file in memory, open for reading as long as the context is."""
    damaged = damaged_heap(content)
    if damaged is not None:
        raise refuse(where, f"the HDF5 data is damaged at byte {damaged}", DAMAGED)
    with reading(where):
        file = h5py.File(io.BytesIO(content), "r")
    with file:
        yield Group(file, _File(file, budget, largest_object(content)))


def attribute(where: str, item: Group | Dataset, name: str) -> Array | None:
    """An attribute that holds text, as an array of str or bytes; None where there is none of this name.

    Other types are not even read: HDF5 trusts them, and a damaged one can
    crash it.
    """
    where = f"{where}, attribute {name!r}"
    with reading(where):
        if not has_attribute(where, item, name):
            return None
        stored = h5py.h5a.open(item.handle.id, name.encode())
        count = stored.get_space().get_simple_extent_npoints()
        if count == 0:
            return np.empty(0, object)
        kind = stored.get_type()
        if not isinstance(kind, h5py.h5t.TypeStringID):
            raise refuse(where, "it must hold text", DAMAGED)
        each = item.file.largest_text if kind.is_variable_str() else kind.get_size()
        item.file.budget.take(where, "bytes of text", count * each)
        return np.asarray(item.handle.attrs[name])


def has_attribute(where: str, item: Group | Dataset, name: str) -> bool:
    """Whether there is an attribute of this name."""
    with reading(where):
        return name in item.handle.attrs


def text(where: str, item: Group | Dataset, name: str) -> str | None:
    """A string in an attribute, whether it was written as str or bytes; None where there is none."""
    value = attribute(where, item, name)
    if value is None or value.size != 1:
        return None
    return _string(value.item())


def names(where: str, group: Group, name: str) -> tuple[str, ...] | None:
    """A list of names in an attribute, or in its pieces `name0`, `name1`, ... where Keras has split it.

    HDF5 limits an attribute to 64 KiB; Keras writes a longer list in pieces.
    """
    whole = attribute(where, group, name)
    if whole is not None:
        return tuple(map(_string, whole.ravel()))
    pieces: list[str] = []
    for i in range(len(group.handle.attrs)):
        piece = attribute(where, group, f"{name}{i}")
        if piece is None:
            return tuple(pieces) if i else None
        pieces += map(_string, piece.ravel())
    return tuple(pieces) if pieces else None


def _string(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def keys(where: str, group: Group) -> tuple[str, ...]:
    """The names of a group's members; those that are no UTF-8, which h5py gives as bytes, name nothing that is read."""
    with reading(where):
        group.file.budget.take(where, "groups and datasets", len(group.handle))
        return tuple(name for name in group.handle if isinstance(name, str))


def child(where: str, group: Group, path: str) -> Group | Dataset | None:
    """A member of a group by its path, or None; a link out of the file is refused, by whatever way it is reached."""
    where = f"{where}/{path}"
    current = group.handle
    left = _parts(path)
    links = 0
    while left:
        group.file.budget.take(where, "groups and datasets")
        with reading(where):
            part = left.pop(0).encode("utf-8", "surrogatepass")
            if not isinstance(current, h5py.Group) or not current.id.links.exists(part):
                return None
            kind = current.id.links.get_info(part).type
            if kind == h5py.h5l.TYPE_SOFT:
                links += 1
                target = current.id.links.get_val(part).decode("utf-8", "surrogateescape")
                if links > MAX_LINKS:
                    raise refuse(where, f"more than {MAX_LINKS} links lead from one to the next", DAMAGED)
                left = _parts(target) + left
                current = group.file.root if target.startswith("/") else current
            elif kind == h5py.h5l.TYPE_HARD:
                current = _wrapped(h5py.h5o.open(current.id, part))
            else:
                raise refuse(where, "this is a link into another file, which is not followed", OUTSIDE)
    if isinstance(current, h5py.Dataset):
        return Dataset(current, group.file)
    return Group(current, group.file) if isinstance(current, h5py.Group) else None


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _wrapped(found: object) -> h5py.Group | h5py.Dataset | None:
    """h5py's object for one of its identifiers; None for a type, which is neither."""
    if isinstance(found, h5py.h5g.GroupID):
        return h5py.Group(found)
    return h5py.Dataset(found, readonly=True) if isinstance(found, h5py.h5d.DatasetID) else None


def group(where: str, parent: Group, path: str) -> Group | None:
    """A member that is a group, or None."""
    found = child(where, parent, path)
    return found if isinstance(found, Group) else None


def floats(where: str, dataset: Dataset, what: str, shape: Shape) -> Array:
    """A dataset as float32, in exactly this shape, every element finite."""
    handle = dataset.handle
    with reading(where):
        dtype = handle.dtype
        if handle.external or handle.is_virtual:
            raise refuse(where, f"{what} is kept outside the file, which is not followed", OUTSIDE)
        if dataset.shape != shape:
            raise refuse(
                where,
                f"{what} has the shape {show(dataset.shape)}; the configuration asks for {show(shape)}",
                FOREIGN_WEIGHTS,
            )
        brain_float = dtype.kind == "V" and dtype.itemsize == 2 and text(where, dataset, "dtype") == "bfloat16"
        if dtype.kind not in "fiu" and not brain_float:
            raise refuse(where, f"{what} holds {dtype}, not numbers", FOREIGN_WEIGHTS)
        packing = chunks.filters(where, what, handle)
        chunks.take(where, handle, dataset.file.budget)
        stored: Array = chunks.unpacked(where, what, handle, packing) if packing else np.asarray(handle[()])
    if brain_float:  # the upper half of a float32
        stored = (stored.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused just below
        values: Array = stored.astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        first = [int(i) for i in np.unravel_index(int(bad[0]), values.shape)]
        raise refuse(
            where,
            f"{what} holds {bad.size} of {values.size} values that are not finite in float32, the first at {first}",
            "training has diverged; train again with a smaller learning rate, or load an earlier checkpoint",
        )
    return values
