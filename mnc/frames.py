"""Representative inputs from a folder: each file is a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnc.arrays import parse
from mnc.errors import argument, refuse
from mnc.files import content
from mnc.images import IMAGES, MODES, decoder
from mnc.ir.graph import Graph
from mnc.ir.types import Array, show

RAW = (".bin", ".raw")
"""Nothing but the input's elements, float32, little-endian, channels last."""
CALIBRATING = ("train", "val", "test")
TESTING = ("test", "val", "train")
"""Which of the folders in a folder of `mnc train` is taken: the first that is there."""
MAX_BYTES = 2**30
"""How much the samples of a folder may take together."""

Shape = tuple[int, ...]


def load_frames(
    folder: Path,
    graph: Graph,
    pixels: tuple[float, float] | None = None,
    splits: Sequence[str] = TESTING,
    most: int | None = None,
) -> Array:
    """The samples of a network's only input, (files, *shape), in the order of the files' names.

    `.npy` files hold a sample, or several; `.bin` and `.raw` the bytes of one
    in float32; images are scaled to the input's size, black and white to
    `pixels`.  A folder may hold a folder for each class instead, and these the
    first of `splits` that there is, as `mnc train` takes them: then the classes
    take turns, and at most `most` files are read, spread over each class.
    CompileError where a file does not fit, and where there is none.
    """
    if len(graph.inputs) != 1:
        hint = "write one .npz with an array for each input"
        raise refuse(str(folder), f"the network has {len(graph.inputs)} inputs; a folder holds one's samples", hint)
    shape = graph.inputs[0].type.shape
    files = _files(folder, splits, most)
    decoded = len(files) * graph.inputs[0].type.elements * 4
    if max(decoded, sum(path.stat().st_size for path in files if _suffix(path) not in IMAGES)) > MAX_BYTES:
        raise refuse(str(folder), f"{len(files):,} samples are too many", "some hundred representative ones are enough")
    return np.concatenate([_frames(path, shape, pixels) for path in files])


def has_images(folder: Path, splits: Sequence[str]) -> bool:
    """Whether any sample that `load_frames` would read is an image; CompileError where there is no sample."""
    return any(_suffix(path) in IMAGES for path in _files(folder, splits, None))


def class_names(folder: Path, splits: Sequence[str] = TESTING) -> tuple[str, ...]:
    """The names of a folder's classes, in the order of their numbers."""
    return tuple(each.name for each in _classes(folder, splits))


def class_numbers(folder: Path, splits: Sequence[str] = TESTING) -> Array:
    """The number of each file's class, in the order of `load_frames`: classes count from 0 by their names."""
    if _samples(folder):
        raise refuse(str(folder), "its samples are in no folders of classes", "give their classes as an .npy")
    return np.array([number for _, number in _of_classes(folder, splits, None)], np.int64)


def _samples(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and _suffix(path) in (".npy", *RAW, *IMAGES))


def _files(folder: Path, splits: Sequence[str], most: int | None) -> list[Path]:
    return _samples(folder) or [path for path, _ in _of_classes(folder, splits, most)]


def _classes(folder: Path, splits: Sequence[str]) -> list[Path]:
    inside = next((folder / split for split in splits if (folder / split).is_dir()), folder)
    return sorted(path for path in inside.iterdir() if path.is_dir() and not path.name.startswith("."))


def _of_classes(folder: Path, splits: Sequence[str], most: int | None) -> list[tuple[Path, int]]:
    """The files of a folder of classes with the numbers of their classes, the classes in turn."""
    classes = _classes(folder, splits)
    files = [_samples(each) for each in classes]
    if not any(files):
        kinds = f"samples are .npy, {', '.join(RAW)} or image files, in the folder or in one for each class"
        raise refuse(str(folder), "there is no sample in it", kinds)
    if empty := [each for each, found in zip(classes, files, strict=True) if not found]:
        raise refuse(str(empty[0]), "there is no sample of this class")
    if most is not None:
        share = max(1, most // len(files))
        files = [_spread(found, share) for found in files]
    longest = max(map(len, files))
    return [(found[i], number) for i in range(longest) for number, found in enumerate(files) if i < len(found)]


def _spread(files: list[Path], most: int) -> list[Path]:
    """At most `most` of the files, evenly spaced from the first to the last."""
    chosen = np.unique(np.linspace(0, len(files) - 1, most).round().astype(np.int64))
    return [files[i] for i in chosen]


def _frames(path: Path, shape: Shape, pixels: tuple[float, float] | None) -> Array:
    """The samples of one file, (samples, *shape)."""
    suffix = _suffix(path)
    if suffix in RAW:
        return _raw(path, shape)
    return _array(path, shape) if suffix == ".npy" else _image(path, shape, pixels)


def _raw(path: Path, shape: Shape) -> Array:
    stored, wanted = content(path, MAX_BYTES), 4 * math.prod(shape)
    if len(stored) != wanted:
        hint = f"an input of {show(shape)} in float32 has {wanted:,}"
        raise refuse(str(path), f"the file has {len(stored):,} bytes", hint)
    return np.frombuffer(stored, "<f4").reshape(1, *shape)


def _array(path: Path, shape: Shape) -> Array:
    array = parse(str(path), content(path, MAX_BYTES))
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise refuse(str(path), f"the sample is {array.dtype}, not real numbers")
    if array.shape != shape and array.shape[1:] != shape:
        raise refuse(str(path), f"the sample has shape {show(array.shape)}", f"the network takes {show(shape)}")
    return np.asarray(array.reshape(-1, *shape))


def _image(path: Path, shape: Shape, pixels: tuple[float, float] | None) -> Array:
    if len(shape) != 3 or shape[2] not in MODES:
        raise refuse(str(path), f"an image is no sample of {show(shape)}", "write the samples with numpy.save")
    if pixels is None:
        what = f"what the network takes for black and white is not known, and {path} is an image"
        raise refuse(argument("pixels"), what, "0:1, -1:1 and 0:255 are usual")
    height, width, channels = shape
    low, high = pixels
    levels = decoder(argument("calibration"))(path, (width, height), channels).reshape(1, *shape)
    return np.asarray(levels / 255.0 * (high - low) + low, np.float32)


def _suffix(path: Path) -> str:
    return path.suffix.lower()
