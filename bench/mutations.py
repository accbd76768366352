"""Model files, weights, samples and images with something wrong in them, for bench/fuzz.py.

`case(i, seed, corpus)` is the i-th of them, the same every time: it depends on
nothing but these numbers and the corpus of sound files.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

WORDS = (0, 1, 2, 7, 127, 128, 255, 2**15, 2**16, 2**24, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 0x7F800000, 0x7FC00000)
"""Sizes, indices, signs and floats that are trouble."""
LONG_WORDS = (*WORDS, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
JUNK: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 5, 64, 65536, 2**31 - 1, 2**31, 10**12, 10**400, -1.5, 0.5, 1e-300, 1e39),
    *(float("nan"), float("inf"), "", "same", "valid", "causal", "relu", "softmax", "channels_first", "linear"),
    *("Sequential", "Functional", "Dense", "Bidirectional", "TimeDistributed", "Reshape", "Lambda", "InputLayer"),
    *("x" * 5000, "\x1b[2J\n\u202e", "a/b", "..", [], {}, [None], [2, 3], [0, 0, 0], [[1, 2], [3, 4]], [[["x", 0, 0]]]),
    {"class_name": "Dense", "config": {"name": "d", "units": 3}},
)
HDF5_PARTS = (b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"OCHK", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"\x89HDF")
"""What the metadata of HDF5 begin with."""
TOKENS = re.compile(r"\w+|\s+|.", re.DOTALL)
SNIPPETS = (
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "=",
        ":",
        "\n",
        '"',
        "`",
        "-",
        "**",
        "//",
        ">>",
        "<<",
        "/",
        "%",
        "#",
        "..",
        "\\",
    ),
    *(
        "0",
        "-1",
        "1",
        "2",
        "255",
        "65536",
        "2147483647",
        "9223372036854775807",
        "1e39",
        "0.5",
        "range(60000)",
        "[1] * 9999",
    ),
    *(
        "for i in range(9) { x = relu(x) }",
        "x = conv2d(x, filters = 2, kernel = 3)",
        "x = softmax(x)",
        "weights random()",
    ),
    *(
        "if",
        "else",
        "not",
        "true",
        "block b(v) { return b(v) }",
        "int8(scale = 0.1)",
        "x",
        "add(x, x)",
        "\0",
        "\x1b[2J",
    ),
)

NETWORK_FILE = "n.mnc"
NETWORK = """network n
input x: float32[6, 6, 1]
c = conv2d(x, filters = 2, kernel = 3)
d = dense(flatten(c), units = 3)
output d
weights random()
"""
"""What samples, images and files of weights are given to."""


@dataclass(frozen=True)
class Case:
    """Files, and what mnc is called with in their folder."""

    kind: str
    files: Mapping[str, bytes]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """Sound files of each kind, by their names."""

    files: Mapping[str, Mapping[str, bytes]]

    @classmethod
    def of(cls, root: Path, largest: int = 100_000) -> Corpus:
        """Those of the project at `root`: its fixtures and examples, and images that Pillow makes."""
        found = sorted((root / "tests" / "fixtures").rglob("*"))
        found += sorted((root / "examples").rglob("*.mnc")) + sorted((root / "mnc" / "zoo").rglob("*.mnc"))
        small = [path for path in found if path.is_file() and path.stat().st_size <= largest]
        kinds = {kind: [path for path in small if path.suffix == kind] for kind in (".h5", ".keras", ".tflite", ".mnc")}
        read = {kind: {path.name: path.read_bytes() for path in paths} for kind, paths in kinds.items()}
        return cls({**read, "image": _images()})

    def pick(self, kind: str, rng: random.Random) -> bytes:
        files = self.files[kind]
        return files[rng.choice(sorted(files))]


def case(number: int, seed: int, corpus: Corpus) -> Case:
    """The file of this number."""
    kind = list(KINDS)[number % len(KINDS)]
    return KINDS[kind](random.Random(f"{seed}/{number}"), corpus)


# Bytes.


def damaged(content: bytes, rng: random.Random, places: Sequence[int] = ()) -> bytes:
    """Cut off, or with some bytes or words of it replaced, most of them near one of `places`."""
    if not content or rng.random() < 0.04:
        return content[: rng.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        start = rng.randrange(len(changed))
        if places and rng.random() < 0.8:
            start = min(len(changed) - 1, rng.choice(places) + rng.randrange(64))
        width = rng.choice((1, 1, 2, 4, 4, 8))
        how = rng.random()
        if how < 0.5:
            word = rng.choice(LONG_WORDS) & (1 << 8 * width) - 1
            changed[start : start + width] = word.to_bytes(width, "little")
        elif how < 0.75:
            changed[start] = rng.randrange(256)
        elif how < 0.9:
            changed[start] ^= 1 << rng.randrange(8)
        else:
            source = rng.randrange(len(changed))
            length = rng.choice((4, 8, 64, 512))
            changed[start : start + length] = changed[source : source + length]
    return bytes(changed)


def occurrences(content: bytes, *signatures: bytes) -> list[int]:
    """Where any of these bytes stand."""
    return [match.start() for signature in signatures for match in re.finditer(re.escape(signature), content)]


# JSON.


def spoilt(value: Any, rng: random.Random) -> Any:
    """A JSON value with a few things changed, removed, doubled or moved."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        known = _places(value)
        if not known:
            break
        *path, key = rng.choice(known)
        holder = _at(value, path)
        change = rng.choice(("replace", "replace", "nudge", "nudge", "remove", "move", "double"))
        if change == "remove":
            del holder[key]
        elif change == "move":
            holder[key] = copy.deepcopy(_at(value, rng.choice(known)))
        elif change == "double" and isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(rng.choice((1, 1, 50)))]
        elif change == "nudge" and type(holder[key]) is int:
            holder[key] += rng.choice((-1, 1, 1, 7))
        else:
            holder[key] = copy.deepcopy(rng.choice(JUNK))
    return value


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, item in inner for place in _places(item, (*path, key)))]


def _at(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


def configuration(text: str, rng: random.Random) -> str:
    """The JSON of a model, spoilt as JSON, or as text."""
    if rng.random() < 0.8:
        return json.dumps(spoilt(json.loads(text), rng))
    if rng.random() < 0.2:
        return "[" * 10**5 + text
    return damaged(text.encode(), rng).decode("utf-8", "replace").replace("\0", " ")


# HDF5.


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


# Kinds.


def h5_structure(rng: random.Random, corpus: Corpus) -> Case:
    """A Keras `.h5` with other links, types, layouts or attributes."""
    return _model("m.h5", rebuilt(corpus.pick(".h5", rng), rng))


def h5_bytes(rng: random.Random, corpus: Corpus) -> Case:
    """A Keras `.h5` damaged in its metadata above all; some have packed weights."""
    content = corpus.pick(".h5", rng)
    if rng.random() < 0.25:
        content = packed(content, rng)
    return _model("m.h5", damaged(content, rng, occurrences(content, *HDF5_PARTS)))


def h5_configuration(rng: random.Random, corpus: Corpus) -> Case:
    """A Keras `.h5` of a model that makes no sense."""
    return _model("m.h5", respelt(corpus.pick(".h5", rng), rng))


def keras(rng: random.Random, corpus: Corpus) -> Case:
    """A `.keras` archive: its configuration, its weights, or the archive itself spoilt."""
    content = corpus.pick(".keras", rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    how = rng.random()
    if how < 0.5:
        members["config.json"] = configuration(members["config.json"].decode(), rng).encode()
    elif how < 0.7:
        members["model.weights.h5"] = rebuilt(members["model.weights.h5"], rng)
    elif how < 0.8:
        inner = members["model.weights.h5"]
        members["model.weights.h5"] = damaged(inner, rng, occurrences(inner, *HDF5_PARTS))
    else:
        return _model("m.keras", _rezipped(members, rng, spoil=True))
    return _model("m.keras", _rezipped(members, rng, spoil=False))


def tflite(rng: random.Random, corpus: Corpus) -> Case:
    """A flatbuffer damaged where its tables lie."""
    content = corpus.pick(".tflite", rng)
    reach = rng.choice((len(content), 3000))
    end = rng.choice((0, max(0, len(content) - reach)))
    places = [end + 4 * rng.randrange(max(1, min(reach, len(content)) // 4)) for _ in range(8)]
    return _model("m.tflite", damaged(content, rng, places))


def text(rng: random.Random, corpus: Corpus) -> Case:
    """A network text with words put in, taken out, doubled and moved."""
    tokens = TOKENS.findall(corpus.pick(".mnc", rng).decode())
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(tokens) + 1)
        how = rng.random()
        if how < 0.3:
            tokens[place:place] = [rng.choice(SNIPPETS)]
        elif how < 0.6:
            tokens[place : place + 1] = [rng.choice(SNIPPETS)]
        elif how < 0.7:
            del tokens[place : place + rng.choice((1, 1, 8))]
        elif how < 0.8:
            tokens[place:place] = tokens[place : place + rng.choice((4, 30))] * rng.choice((1, 200))
        else:
            tokens[place : place + 1] = [rng.choice(tokens)]
    content = "".join(tokens).encode()
    if rng.random() < 0.1:
        content = damaged(content, rng)
    if b"weights" not in content:
        content += b"\nweights random()\n"
    return _model("m.mnc", content)


def samples(rng: random.Random, _: Corpus) -> Case:
    """Samples to calibrate with, as .npy and .npz."""
    network = {NETWORK_FILE: NETWORK.encode()}
    values = np.random.default_rng(rng.randrange(2**32)).random((rng.choice((1, 4)), 6, 6, 1))
    values *= rng.choice((1.0, 1.0, 0.0, 1e30, 1e-30, 1e300, float("nan"), float("inf"), 255.0))
    array = values.astype(rng.choice(("f4", "f4", ">f4", "f8", "f2", "i1", "u1", "?", "c8", "S3", "i8")))
    if rng.random() < 0.5:
        content, name = _npy(array), "x.npy"
        content = _reheaded(content, rng) if rng.random() < 0.6 else damaged(content, rng, (0, 6, 10, 60))
    else:
        members = {f"{rng.choice(('x', 'x0', 'y', 'a/b'))}.npy": _reheaded(_npy(array), rng)}
        content, name = _rezipped(members, rng, spoil=rng.random() < 0.6), "x.npz"
    if rng.random() < 0.2 and name == "x.npy":
        return Case("samples", {**network, "s/x.npy": content}, _calibrated("s"))
    return Case("samples", {**network, name: content}, _calibrated(name))


def weights(rng: random.Random, _: Corpus) -> Case:
    """Weights of a network text, as .npz."""
    arrays = {
        "c/weights": np.ones((3, 3, 1, 2), "f4"),
        "c/bias": np.ones(2, "f4"),
        "d/weights": np.ones((32, 3), "f4"),
        "d/bias": np.ones(3, "f4"),
    }
    if rng.random() < 0.3:
        arrays[rng.choice(list(arrays)) + rng.choice((".scale", ".zero_point", ".axis"))] = np.array(
            rng.choice(([0.5], [-1.0], [0], [7], [0.1, 0.2], []))
        )
    members = {}
    for name, array in arrays.items():
        content = _npy(array)
        members[f"{name}.npy"] = _reheaded(content, rng) if rng.random() < 0.15 else content
    content = _rezipped(members, rng, spoil=rng.random() < 0.6)
    return Case(
        "weights", {NETWORK_FILE: NETWORK.encode(), "w.npz": content}, ("compile", NETWORK_FILE, "--weights", "w.npz")
    )


def image(rng: random.Random, corpus: Corpus) -> Case:
    """An image to calibrate with."""
    names = sorted(corpus.files["image"])
    name = rng.choice(names)
    content = corpus.files["image"][name]
    if name.endswith(".png") and rng.random() < 0.6:
        content = _rechunked(content, rng)
    elif rng.random() < 0.9:
        content = damaged(content, rng, range(0, min(len(content), 200), 4))
    if rng.random() < 0.2:
        name = rng.choice(names)
    return Case("image", {NETWORK_FILE: NETWORK.encode(), f"s/{name}": content}, (*_calibrated("s"), "--pixels", "0:1"))


KINDS: dict[str, Callable[[random.Random, Corpus], Case]] = {
    "h5 structure": h5_structure,
    "h5 bytes": h5_bytes,
    "h5 configuration": h5_configuration,
    "keras": keras,
    "tflite": tflite,
    "text": text,
    "samples": samples,
    "weights": weights,
    "image": image,
}


def _model(name: str, content: bytes) -> Case:
    kind = {"m.h5": "h5", "m.mnc": "text"}.get(name, name[2:])
    return Case(kind, {name: content}, ("compile", name))


def _calibrated(samples: str) -> tuple[str, ...]:
    return ("compile", NETWORK_FILE, "--quantize", "int8", "--calibration", samples)


def _npy(array: Any) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array, allow_pickle=False)
    return memory.getvalue()


def _reheaded(content: bytes, rng: random.Random) -> bytes:
    """An .npy file with another header, of the length that the file states."""
    header = content[10 : 10 + struct.unpack_from("<H", content, 8)[0]].decode("latin-1").strip()
    values = (
        "(6, 6, 1)",
        "(1, 6, 6, 1)",
        "(4, 6, 6, 1)",
        "(1000000000, 6, 6, 1)",
        "(-1, 6)",
        "()",
        "(0, 6, 6, 1)",
        "(" * 80,
    )
    changes = (
        (r"\([^)]*\)", rng.choice(values)),
        (r"'[<>|=][^']*'", repr(rng.choice(("<f4", "<f8", "|O", "<U9", "<M8[s]", "|V9", "<c8", "|S0", "<f16", "x")))),
        ("False", rng.choice(("True", "1", "None", "[]"))),
        ("'descr'", rng.choice(("'x'", "1", "'descr' 'y'"))),
        (r"\}", rng.choice(("", "}" * 3, ", 'x': 1}", "\n" * 60_000 + "}"))),
    )
    for pattern, new in rng.sample(changes, rng.choice((0, 1, 1, 2))):
        header = re.sub(pattern, lambda _, new=new: new, header, count=1)
    coded = header.encode("latin-1")[:65535]
    return content[:8] + struct.pack("<H", len(coded)) + coded + content[10 + struct.unpack_from("<H", content, 8)[0] :]


def _rezipped(members: Mapping[str, bytes], rng: random.Random, *, spoil: bool) -> bytes:
    """An archive of the members; where it is spoilt, in its directory, its headers or its members' names."""
    memory = io.BytesIO()
    packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(memory, "w", packing) as archive:
        for name, content in members.items():
            odd = rng.choice((name.upper(), f"../{name}", "x" * 3000, "\x1b[2J", name[1:])) if spoil else name
            archive.writestr(_member(odd if spoil and rng.random() < 0.1 else name, packing), content)
            if spoil and rng.random() < 0.1:
                archive.writestr(_member(f"{name}.bomb.npy", zipfile.ZIP_DEFLATED), bytes(2**24))
    content = memory.getvalue()
    return damaged(content, rng, occurrences(content, b"PK\1\2", b"PK\3\4", b"PK\5\6")) if spoil else content


def _member(name: str, packing: int) -> zipfile.ZipInfo:
    """Without the time of the day."""
    info = zipfile.ZipInfo(name)
    info.compress_type = packing
    return info


def _rechunked(content: bytes, rng: random.Random) -> bytes:
    """A PNG with its chunks changed and their checksums right."""
    chunks, place = [], 8
    while place < len(content):
        length = struct.unpack_from(">I", content, place)[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    index = rng.randrange(len(chunks))
    kind, data = chunks[index]
    how = rng.randrange(5)
    if how == 0:
        size = rng.choice(((2**31 - 1, 2**31 - 1), (30_000, 30_000), (0, 0), (1, 2**20), (6, 6)))
        chunks[0] = (b"IHDR", struct.pack(">II", *size) + chunks[0][1][8:])
    elif how == 1:
        chunks[index] = (kind, damaged(data, rng))
    elif how == 2:
        chunks.insert(index, (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**24))))
    elif how == 3:
        chunks.insert(1, (b"acTL", struct.pack(">II", rng.choice(WORDS), 0)))
    else:
        chunks.insert(index, rng.choice(chunks))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return content[:8] + b"".join(packed)


def _images() -> dict[str, bytes]:
    """One image in each format, still and moving; and PostScript under the names of images."""
    from PIL import Image

    levels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    pictures = [Image.fromarray(levels), Image.fromarray(255 - levels)]
    made = {}
    for suffix in ("png", "jpg", "bmp", "gif", "ppm", "pgm", "tif", "webp"):
        memory = io.BytesIO()
        moving = {"save_all": True, "append_images": pictures[1:]} if suffix in ("gif", "tif", "webp", "png") else {}
        picture = pictures[0].convert("L") if suffix == "pgm" else pictures[0]
        picture.save(memory, {"jpg": "jpeg", "tif": "tiff", "pgm": "ppm"}.get(suffix, suffix), **moving)
        made[f"i.{suffix}"] = memory.getvalue()
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\n(x) run showpage\n%%EOF\n"
    return {**made, "eps.png": script, "eps.jpg": script}
