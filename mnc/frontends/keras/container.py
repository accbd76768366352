"""The two containers of a Keras model: an HDF5 file, and the zip archive of Keras 3."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnc.errors import refuse
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.config import SAVE_AGAIN
from mnc.frontends.keras.weights import ModelWeights, legacy_weights, object_weights

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_FILE_BYTES = 2**30
MAX_CONFIG_BYTES = 2**26
MAX_WEIGHTS_BYTES = 2**29
MAX_RATIO = 2048
"""Deflate cannot shrink by more than about 1,032 times; an entry that claims more lies."""


@dataclass(frozen=True)
class SavedModel:
    """What a file holds, as far as it can be told without knowing layers."""

    stem: str
    """The file's name up to its first dot."""
    where: str
    """The place of the configuration, for messages."""
    config: Mapping[str, object]
    """class_name, config, ... of the outermost model."""
    keras: int | None
    """The major version of Keras that wrote it, where the file says so."""
    backend: str
    weights: ModelWeights


def is_hdf5(head: bytes) -> bool:
    """Whether the HDF5 signature is at the start, or behind a user block (512 bytes or a doubling of it)."""
    offset = 0
    while offset < len(head):
        if head.startswith(HDF5_SIGNATURE, offset):
            return True
        offset = 512 if offset == 0 else 2 * offset
    return False


@contextlib.contextmanager
def open_h5(path: Path) -> Iterator[SavedModel]:
    """The model in an HDF5 file, open as long as the context is."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise refuse(
            path.name,
            f"the file has {size:,} bytes; the limit is {MAX_FILE_BYTES:,}",
            hdf5.TOO_LARGE,
        )
    with hdf5.opened(path.name, path.read_bytes()) as file:
        config = hdf5.text(path.name, file, "model_config")
        if config is None:
            raise refuse(
                path.name,
                "there is no model_config in it; it holds weights only, or was not written by Keras",
                "save the whole model with model.save('model.h5'), not model.save_weights(...)",
            )
        version = hdf5.text(path.name, file, "keras_version")
        backend = hdf5.text(path.name, file, "backend")
        group = hdf5.group(path.name, file, "model_weights")
        if group is None and "layer_names" in file.attrs:
            group = file
        if group is None:
            raise refuse(
                f"{path.name}: model_weights",
                "the group is missing",
                "save the whole model with model.save('model.h5')",
            )
        yield SavedModel(
            stem=_stem(path),
            where=f"{path.name}: model_config",
            config=_json(f"{path.name}: model_config", config),
            keras=_major(version),
            backend=backend or "",
            weights=legacy_weights(f"{path.name}: model_weights", group),
        )


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[SavedModel]:
    """The model in a `.keras` archive; its members are read in memory, by their fixed names only."""
    with _zip_faults(path.name):
        archive = zipfile.ZipFile(path)
    with archive:
        config = _member(path.name, archive, "config.json", MAX_CONFIG_BYTES)
        if config is None:
            raise refuse(
                path.name, "there is no config.json in the archive", "save the model with model.save('model.keras')"
            )
        metadata = _member(path.name, archive, "metadata.json", MAX_CONFIG_BYTES)
        weights = _member(path.name, archive, "model.weights.h5", MAX_WEIGHTS_BYTES)
        if weights is None:
            raise refuse(
                f"{path.name}: model.weights.h5",
                "the weights are missing from the archive",
                "save the model unsharded with model.save('model.keras')",
            )
        about = {} if metadata is None else _json(f"{path.name}: metadata.json", metadata.decode("utf-8", "replace"))
        version = about.get("keras_version")
        with hdf5.opened(f"{path.name}: model.weights.h5", weights) as file:
            yield SavedModel(
                stem=_stem(path),
                where=f"{path.name}: config.json",
                config=_json(f"{path.name}: config.json", config.decode("utf-8", "replace")),
                keras=_major(version if isinstance(version, str) else None),
                backend="",
                weights=object_weights(f"{path.name}: model.weights.h5", file),
            )


def _member(name: str, archive: zipfile.ZipFile, member: str, limit: int) -> bytes | None:
    """One member's bytes; None where it is absent, CompileError where it is larger than sane."""
    try:
        info = archive.getinfo(member)
    except KeyError:
        return None
    where = f"{name}: {member}"
    if info.file_size > limit or info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise refuse(where, f"it would unpack {info.compress_size:,} bytes to {info.file_size:,}", hdf5.DAMAGED)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refuse(where, f"it is packed by method {info.compress_type}; Keras stores or deflates", SAVE_AGAIN)
    with _zip_faults(where), archive.open(info) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise refuse(where, "its size is not the one that the archive states", hdf5.DAMAGED)
    return content


@contextlib.contextmanager
def _zip_faults(where: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as fault:
        raise refuse(
            where,
            f"the archive cannot be read: {fault}",
            hdf5.DAMAGED,
        ) from None


def _json(where: str, text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except RecursionError:
        raise refuse(where, "the JSON is nested too deeply", SAVE_AGAIN) from None
    except ValueError as fault:
        raise refuse(where, f"it is not valid JSON: {fault}", SAVE_AGAIN) from None
    if not isinstance(value, dict):
        raise refuse(where, "it must be a JSON object that describes a model", SAVE_AGAIN)
    return value


def _stem(path: Path) -> str:
    return path.name.split(".")[0] or path.name


def _major(version: str | None) -> int | None:
    """The major version of Keras; tf.keras before TensorFlow 2.6 appends `-tf` to it."""
    digits = (version or "").split(".")[0]
    return int(digits) if digits.isdecimal() and len(digits) < 4 else None
