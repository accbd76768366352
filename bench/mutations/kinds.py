"""The kinds of spoilt files, and the corpus of sound ones that they are made from."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mutations.archives import npy, reheaded, rezipped
from mutations.damage import configuration, damaged, occurrences
from mutations.hdf5 import HDF5_PARTS, packed, rebuilt, respelt
from mutations.pictures import images, rechunked

TOKENS = re.compile(r"\w+|\s+|.", re.DOTALL)
SNIPPETS = (
    *'()[]{},=:\n"`-',
    *("**", "//", ">>", "<<", "/", "%", "#", "..", "\\"),
    *("0", "-1", "1", "2", "255", "65536", "2147483647", "9223372036854775807", "1e39", "0.5", "range(60000)"),
    "[1] * 9999",
    "for i in range(9) { x = relu(x) }",
    "x = conv2d(x, filters = 2, kernel = 3)",
    "x = softmax(x)",
    "weights random()",
    *("if", "else", "not", "true"),
    "block b(v) { return b(v) }",
    "int8(scale = 0.1)",
    "x",
    "add(x, x)",
    "\0",
    "\x1b[2J",
)
"""Pieces of the network language, sound by themselves or not."""

NETWORK_FILE = "n.mnc"
NETWORK = """network n
input x: float32[6, 6, 1]
c = conv2d(x, filters = 2, kernel = 3)
d = dense(flatten(c), units = 3)
output d
weights random()
"""
"""The network that samples, images and files of weights are given to."""


@dataclass(frozen=True)
class Case:
    """Files, and the arguments of mnc in their folder."""

    kind: str
    files: Mapping[str, bytes]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """Sound files of each kind, by their names."""

    files: Mapping[str, Mapping[str, bytes]]

    @classmethod
    def of(cls, root: Path, largest: int = 100_000) -> Corpus:
        """The project's at `root`: fixtures but the hostile ones, examples, and images that Pillow makes."""
        fixtures = root / "tests" / "fixtures"
        found = [path for path in sorted(fixtures.rglob("*")) if fixtures / "hostile" not in path.parents]
        found += sorted((root / "examples").rglob("*.mnc")) + sorted((root / "mnc" / "zoo").rglob("*.mnc"))
        small = [path for path in found if path.is_file() and path.stat().st_size <= largest]
        kinds = {kind: [path for path in small if path.suffix == kind] for kind in (".h5", ".keras", ".tflite", ".mnc")}
        read = {kind: {path.name: path.read_bytes() for path in paths} for kind, paths in kinds.items()}
        return cls({**read, "image": images()})

    @classmethod
    def below(cls, folders: Sequence[Path], largest: int) -> Corpus:
        """The models of these folders; no file of other kinds."""
        found = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        small = [path for path in found if path.stat().st_size <= largest and path.suffix in MADE_OF.values()]
        small = [path for path in small if path.suffix != ".h5" or b"model_config" in path.read_bytes()]
        suffixes = {path.suffix for path in small}
        return cls({kind: {str(p): p.read_bytes() for p in small if p.suffix == kind} for kind in sorted(suffixes)})

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of spoilt files that are made of these."""
        return (
            tuple(KINDS) if "image" in self.files else tuple(kind for kind in KINDS if MADE_OF.get(kind) in self.files)
        )

    def pick(self, kind: str, rng: random.Random) -> bytes:
        files = self.files[kind]
        return files[rng.choice(sorted(files))]


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
        return _model("m.keras", rezipped(members, rng, spoil=True))
    return _model("m.keras", rezipped(members, rng, spoil=False))


def apart(rng: random.Random, corpus: Corpus) -> Case:
    """A model's configuration and its weights as two files, one of them spoilt."""
    with zipfile.ZipFile(io.BytesIO(corpus.pick(".keras", rng))) as archive:
        stated, stored = archive.read("config.json"), archive.read("model.weights.h5")
    how = rng.random()
    if how < 0.5:
        stated = configuration(stated.decode(), rng).encode()
    elif how < 0.8:
        stored = rebuilt(stored, rng)
    else:
        stored = damaged(stored, rng, occurrences(stored, *HDF5_PARTS))
    files = {"m.json": stated, "m.weights.h5": stored}
    return Case("apart", files, ("compile", "m.json", "--weights", "m.weights.h5"))


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
        content, name = npy(array), "x.npy"
        content = reheaded(content, rng) if rng.random() < 0.6 else damaged(content, rng, (0, 6, 10, 60))
    else:
        members = {f"{rng.choice(('x', 'x0', 'y', 'a/b'))}.npy": reheaded(npy(array), rng)}
        content, name = rezipped(members, rng, spoil=rng.random() < 0.6), "x.npz"
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
        content = npy(array)
        members[f"{name}.npy"] = reheaded(content, rng) if rng.random() < 0.15 else content
    content = rezipped(members, rng, spoil=rng.random() < 0.6)
    return Case(
        "weights", {NETWORK_FILE: NETWORK.encode(), "w.npz": content}, ("compile", NETWORK_FILE, "--weights", "w.npz")
    )


def image(rng: random.Random, corpus: Corpus) -> Case:
    """An image to calibrate with."""
    names = sorted(corpus.files["image"])
    name = rng.choice(names)
    content = corpus.files["image"][name]
    if name.endswith(".png") and rng.random() < 0.6:
        content = rechunked(content, rng)
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
    "apart": apart,
    "tflite": tflite,
    "text": text,
    "samples": samples,
    "weights": weights,
    "image": image,
}


MADE_OF = {
    "h5 structure": ".h5",
    "h5 bytes": ".h5",
    "h5 configuration": ".h5",
    "keras": ".keras",
    "apart": ".keras",
    "tflite": ".tflite",
}
"""The files that a kind of spoilt models is made of."""


def _model(name: str, content: bytes) -> Case:
    kind = {"m.h5": "h5", "m.mnc": "text"}.get(name, name[2:])
    return Case(kind, {name: content}, ("compile", name))


def _calibrated(samples: str) -> tuple[str, ...]:
    return ("compile", NETWORK_FILE, "--quantize", "int8", "--calibration", samples)
