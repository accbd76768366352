"""Images and their classes, to train with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnc.arrays import load_arrays
from mnc.errors import CompileError, Problem, refuse
from mnc.images import IMAGES, decoder
from mnc.ir.types import Array, show

SPLITS = ("train", "val", "test")
LAYOUT = "a folder has train/, and perhaps val/ and test/, each with a folder of images for every class"
ARCHIVE = "an .npz has x_train and y_train, and perhaps x_val, y_val, x_test and y_test"
MAX_BYTES = 2**33
"""How much memory all images may take."""
SIZE = 96
"""The side of images from a folder where nothing else is said; of micromobilenet's networks."""


@dataclass(frozen=True)
class Split:
    """Some images and their classes."""

    x: Array
    """(samples, height, width, channels), float32."""
    y: Array
    """(samples,), int64: the number of each image's class."""


@dataclass(frozen=True)
class Dataset:
    """Images to train with, to watch training on (validation), and to judge the result by (test)."""

    classes: tuple[str, ...]
    """Their names, in the order of their numbers."""
    train: Split
    val: Split | None
    test: Split | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        height, width, channels = self.train.x.shape[1:]
        return height, width, channels

    @property
    def fingerprint(self) -> str:
        """Digest of the images and classes trained with and watched; equal data have equal digests."""
        digest = hashlib.sha256()
        for split in (self.train, self.val):
            for array in (split.x, split.y) if split else ():
                digest.update(show(array.shape).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def load(path: Path, size: tuple[int, int] | None = None, channels: int | None = None) -> Dataset:
    """The images of a folder or an `.npz`, each from 0 to 1.

    Images of a folder are scaled to `size`, (height, width), and are grey where
    `channels` is 1 (by default), in colour where it is 3.  Those of an archive are taken
    as they are: bytes are divided by 255.  CompileError where there is
    anything that cannot be trained with.
    """
    if path.is_dir():
        return _folder(path, size or (SIZE, SIZE), channels or 1)
    if not path.exists():
        raise refuse(str(path), "there is no such file or folder", LAYOUT, ARCHIVE)
    data = _archive(path)
    for what, wanted, found in (("size", size, data.shape[:2]), ("channels", channels, data.shape[2])):
        if wanted is not None and wanted != found:
            spelt = (show(given) if isinstance(given, tuple) else str(given) for given in (found, wanted))
            raise refuse(str(path), "the {} of its images is {}, not {}".format(what, *spelt), f"leave --{what} out")
    return data


def _folder(root: Path, size: tuple[int, int], channels: int) -> Dataset:
    folders = {name: root / name for name in SPLITS if (root / name).is_dir()}
    if "train" not in folders:
        raise refuse(str(root), "there is no folder train/ in it", LAYOUT)
    classes = _classes(folders["train"])
    files = {name: _files(folder, classes) for name, folder in folders.items()}
    total = sum(len(some) for split in files.values() for some in split)
    if total * size[0] * size[1] * channels * 4 > MAX_BYTES:
        raise refuse(str(root), f"{total:,} images of {show((*size, channels))} are too many to be held in memory")
    decode = decoder("--data")
    problems: list[Problem] = []

    def split(name: str) -> Split | None:
        if name not in files:
            return None
        images, labels = [], []
        for label, paths in enumerate(files[name]):
            for path in paths:
                try:
                    images.append(decode(path, (size[1], size[0]), channels))
                    labels.append(label)
                except CompileError as fault:  # noqa: PERF203  # all of them are told at once
                    problems.extend(fault.problems)
        stacked = np.array(images, np.uint8).reshape(-1, *size, channels)
        return Split(stacked.astype(np.float32) / np.float32(255), np.array(labels, np.int64))

    splits = {name: split(name) for name in SPLITS}
    if problems:
        raise CompileError(*problems)
    train = splits["train"]
    assert train is not None
    return Dataset(classes, train, splits["val"], splits["test"])


def _classes(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    return _enough(str(folder), names)


def _enough(where: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) < 2:
        found = f"there is only one class, {names[0]!r}" if names else "there is no class in it"
        raise refuse(where, found, "a network tells at least two classes apart", LAYOUT)
    return names


def _files(folder: Path, classes: tuple[str, ...]) -> list[list[Path]]:
    """The images of each class, in the order of their names."""
    strangers = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name not in classes and not path.name.startswith(".")
    ]
    if strangers:
        raise refuse(str(folder / strangers[0]), "this class is not in train/", f"known: {', '.join(classes)}")
    found = []
    for name in classes:
        inside = (folder / name).iterdir() if (folder / name).is_dir() else ()
        images = sorted(path for path in inside if path.is_file() and path.suffix.lower() in IMAGES)
        if not images:
            raise refuse(str(folder / name), "there is no image of this class", f"images are {', '.join(IMAGES)}")
        found.append(images)
    return found


def _archive(path: Path) -> Dataset:
    arrays = load_arrays(path, LAYOUT, ARCHIVE)
    splits = {name: _arrays(path, arrays, name) for name in SPLITS}
    train = splits["train"]
    if train is None:
        held = ", ".join(map(repr, sorted(arrays))) or "nothing"
        raise refuse(str(path), "there is no array 'x_train' in it", ARCHIVE, f"the file holds {held}")
    count = int(train.y.max()) + 1
    _enough(f"{path}: 'y_train'", tuple(map(str, np.unique(train.y))))
    if missing := sorted(set(range(count)) - set(train.y.tolist())):
        raise refuse(
            f"{path}: 'y_train'", f"there is no image of class {missing[0]}", "classes count from 0, without gaps"
        )
    for name, split in splits.items():
        if split is None:
            continue
        if split.x.shape[1:] != train.x.shape[1:]:
            shapes = (show(split.x.shape[1:]), show(train.x.shape[1:]))
            raise refuse(f"{path}: 'x_{name}'", "the images have shape {}, those of x_train {}".format(*shapes))
        if int(split.y.max()) >= count:
            raise refuse(f"{path}: 'y_{name}'", f"there is a label {split.y.max()}; y_train has 0 to {count - 1}")
    return Dataset(tuple(map(str, range(count))), train, splits["val"], splits["test"])


def _arrays(path: Path, arrays: Mapping[str, Array], name: str) -> Split | None:
    x, y = arrays.get(f"x_{name}"), arrays.get(f"y_{name}")
    if x is None and y is None:
        return None
    if x is None or y is None:
        lone, other = ("x", "y") if y is None else ("y", "x")
        raise refuse(str(path), f"there is '{lone}_{name}' but no '{other}_{name}'", ARCHIVE)
    where = f"{path}: 'x_{name}'"
    if x.ndim == 3:
        x = x[..., np.newaxis]
    if x.ndim != 4 or not x.size:
        raise refuse(where, f"the images have shape {show(x.shape)}", "expected (samples, height, width, channels)")
    if x.dtype != np.uint8 and not np.issubdtype(x.dtype, np.floating):
        raise refuse(where, f"the images are {x.dtype}", "they are bytes from 0 to 255, or floats")
    pixels = x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise refuse(where, "there is a pixel that is no number")
    where = f"{path}: 'y_{name}'"
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "biuf":
        if not ((np.sort(y, axis=1)[:, :-1] == 0).all() and (y.max(axis=1) == 1).all()):
            raise refuse(
                where, "the rows are not one-hot", "one 1 in each, the others 0; or give the numbers of the classes"
            )
        y = y.argmax(axis=1)
    y = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise refuse(
            where, f"the labels are {y.dtype} of shape {show(y.shape)}", "they are whole numbers, or one-hot rows"
        )
    if len(y) != len(x):
        raise refuse(where, f"there are {len(y)} labels for {len(x)} images")
    if int(y.min()) < 0:
        raise refuse(where, f"there is a label {y.min()}", "classes count from 0")
    return Split(pixels, y.astype(np.int64))
