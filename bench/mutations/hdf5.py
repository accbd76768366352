"""HDF5 files changed by HDF5 itself, so that their checksums and sizes agree."""

from __future__ import annotations

import contextlib
import io
import random
from typing import Any

import h5py
import numpy as np

from mutations.damage import configuration

HDF5_PARTS = (b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"OCHK", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"\x89HDF")
"""Signatures of the pieces of metadata in an HDF5 file."""


def rebuilt(content: bytes, rng: random.Random) -> bytes:
    """An HDF5 file changed by HDF5 itself, so that checksums and sizes agree: links, types, layouts, attributes."""
    memory = io.BytesIO(content)
    with h5py.File(memory, "r+") as file:
        datasets, groups = [], [file]
        file.visititems(lambda _, item: (datasets if isinstance(item, h5py.Dataset) else groups).append(item))
        for _ in range(rng.choice((1, 1, 2))):
            change = rng.choice((_relinked, _relinked, _restored, _restored, _relabelled))
            with contextlib.suppress(KeyError, OSError, RuntimeError, TypeError, ValueError):
                change(file, datasets, groups, rng)  # which may not fit what the last one has left
    return memory.getvalue()


def _relinked(file: Any, datasets: list[Any], groups: list[Any], rng: random.Random) -> None:
    place = rng.choice([item.name for item in (*datasets, *groups) if item and item.name != "/"] or ["x"])
    if place in file:
        del file[place]
    to = rng.choice([item.name for item in (*datasets, *groups) if item and item.name] or ["/"])
    how = rng.randrange(6)
    if how == 0:
        file[place] = h5py.SoftLink(rng.choice((to, place, "/nowhere", "..", f"{place}/x", "/" + "a/" * 3000)))
    elif how == 1:
        file[place] = h5py.ExternalLink(rng.choice(("/etc/passwd", "other.h5", "")), rng.choice(("/", to)))
    elif how == 2 and to in file:
        file[place] = file[to]
    elif how == 3:
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
        file[place] = h5py.SoftLink(f"/elsewhere{to}")
    elif how == 4:
        for i in range(60):
            file[f"{place}/{i}"] = file["/"]


def _restored(file: Any, datasets: list[Any], _: list[Any], rng: random.Random) -> None:
    """One dataset written anew in another type, layout or size."""
    alive = [item for item in datasets if item]
    if not alive:
        return
    item = rng.choice(alive)
    name, values, shape = item.name, item[()], item.shape
    del file[name]
    chunks = tuple(max(1, n // 2) for n in shape) or None
    how = rng.randrange(10)
    if how == 0:
        types = (
            "f2",
            ">f4",
            "f8",
            "i1",
            "u8",
            "?",
            "c8",
            "S4",
            "V2",
            h5py.string_dtype(),
            h5py.special_dtype(vlen="f4"),
        )
        kind = np.dtype(rng.choice(types))
        file.create_dataset(name, shape, kind)
    elif how == 1 and shape:
        filters = ({"compression": "gzip"}, {"compression": "lzf"}, {"fletcher32": True}, {"shuffle": True})
        file.create_dataset(name, data=values, chunks=chunks, **rng.choice(filters))
    elif how == 2:
        file.create_dataset(name, (2**20, 2**20), "f4", chunks=(1024, 1024))
    elif how == 3:
        file.create_dataset(name, (*shape, 0), "f4")
    elif how == 4 and shape:
        file.create_dataset(name, shape, "f4", chunks=chunks, compression="gzip")
    elif how == 5 and shape:
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(rng.choice(("other.h5", ".")), "x", shape)
        file.create_virtual_dataset(name, layout)
    elif how == 6 and shape:
        file.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    elif how == 7:
        spread = np.array(values, "f4") * rng.choice((0.0, -1.0, 1e-30, 1e20, 3e38, float("nan")))
        file.create_dataset(name, data=spread)
    elif how == 8:
        file.create_dataset(name, tuple(n * 2 ** rng.randrange(12) for n in shape), "f4")
    else:
        file.create_dataset(name, data=np.zeros(rng.choice(((), (1,), (3, 3), (1,) * 20)), "f4"))


def _relabelled(file: Any, datasets: list[Any], groups: list[Any], rng: random.Random) -> None:
    """One attribute in another type, or with other contents."""
    holders = [item for item in (*datasets, *groups) if item and len(item.attrs)]
    if not holders:
        return
    holder = rng.choice(holders)
    name = rng.choice(sorted(holder.attrs))
    value = holder.attrs[name]
    del holder.attrs[name]
    how = rng.randrange(8)
    if how == 0:
        holder.attrs[name] = rng.choice(
            (1, 2.5, True, np.zeros((3, 3)), np.zeros(2, "c8"), h5py.Empty("f4"), b"", "x" * 999)
        )
    elif how == 1:
        holder.attrs[name] = file.ref
    elif how == 2:
        holder.attrs.create(name, ["a", "b"] * rng.randrange(1, 200), dtype=h5py.string_dtype())
    elif how == 3 and isinstance(value, np.ndarray) and value.size:
        rows = list(value)
        rng.shuffle(rows)
        holder.attrs[name] = rows * rng.choice((1, 1, 40))
    elif how == 4 and isinstance(value, np.ndarray) and value.size:
        holder.attrs[name] = list(value)[1:]
    elif how == 5:
        for i in range(rng.choice((1, 40))):
            holder.attrs[f"{name}{i}"] = [b"x" * 100] * 10
    elif isinstance(value, (str, bytes)) and name == "model_config":
        holder.attrs[name] = configuration(value if isinstance(value, str) else value.decode(), rng)[:60000]
    elif how == 6:
        holder.attrs[name] = np.void(b"1234")


def packed(content: bytes, rng: random.Random) -> bytes:
    """A Keras `.h5` whose datasets lie in chunks, most of them packed by filters."""
    memory = io.BytesIO(content)
    with h5py.File(memory, "r+") as file:
        found: list[Any] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) and item.shape else None)
        for item in found:
            name, values = item.name, item[()]
            del file[name]
            file.create_dataset(name, data=values, chunks=tuple(max(1, n // 2) for n in values.shape), **_filters(rng))
    return memory.getvalue()


def _filters(rng: random.Random) -> dict[str, Any]:
    offered = ({"compression": "gzip"}, {"shuffle": True}, {"fletcher32": True})
    return {key: value for each in offered if rng.random() < 0.6 for key, value in each.items()}


def respelt(content: bytes, rng: random.Random) -> bytes:
    """A Keras `.h5` whose configuration is spoilt."""
    memory = io.BytesIO(content)
    with h5py.File(memory, "r+") as file:
        stored = file.attrs["model_config"]
        file.attrs["model_config"] = configuration(stored if isinstance(stored, str) else stored.decode(), rng)
    return memory.getvalue()
