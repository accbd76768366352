"""Representative inputs from a folder: each file is a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnc.errors import argument, refuse
from mnc.images import IMAGES, MODES, decoder
from mnc.ir.graph import Graph
from mnc.ir.types import Array, show

RAW = (".bin", ".raw")
"""Nothing but the input's elements, float32, little-endian, channels last."""
MAX_BYTES = 2**30
"""How much the samples of a folder may take together."""

Shape = tuple[int, ...]


def load_frames(folder: Path, graph: Graph, pixels: tuple[float, float] | None = None) -> Array:
    """The samples of a network's only input, (files, *shape), in the order of the files' names.

    `.npy` files hold a sample, or several; `.bin` and `.raw` the bytes of one
    in float32; images are scaled to the input's size, black and white to
    `pixels`.  CompileError where a file does not fit, and where there is none.
    """
    if len(graph.inputs) != 1:
        hint = "write one .npz with an array for each input"
        raise refuse(str(folder), f"the network has {len(graph.inputs)} inputs; a folder holds one's samples", hint)
    shape = graph.inputs[0].type.shape
    files = sorted(path for path in folder.iterdir() if path.is_file() and _suffix(path) in (".npy", *RAW, *IMAGES))
    if not files:
        raise refuse(str(folder), "there is no sample in it", f"samples are .npy, {', '.join(RAW)} or image files")
    if len(files) * graph.inputs[0].type.elements * 4 > MAX_BYTES:
        raise refuse(str(folder), f"{len(files):,} samples are too many", "some hundred representative ones are enough")
    return np.concatenate([_frames(path, shape, pixels) for path in files])


def _frames(path: Path, shape: Shape, pixels: tuple[float, float] | None) -> Array:
    """The samples of one file, (samples, *shape)."""
    suffix = _suffix(path)
    try:
        if suffix in RAW:
            return _raw(path, shape)
        return _array(path, shape) if suffix == ".npy" else _image(path, shape, pixels)
    except OSError as fault:
        raise refuse(str(path), f"cannot read the sample: {fault.strerror or fault}") from None


def _raw(path: Path, shape: Shape) -> Array:
    size, wanted = path.stat().st_size, 4 * int(np.prod(shape))
    if size != wanted:
        hint = f"an input of {show(shape)} in float32 has {wanted:,}"
        raise refuse(str(path), f"the file has {size:,} bytes", hint)
    return np.frombuffer(path.read_bytes(), "<f4").reshape(1, *shape)


def _array(path: Path, shape: Shape) -> Array:
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError):
        raise refuse(str(path), "not a NumPy .npy file", "write one with numpy.save") from None
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
