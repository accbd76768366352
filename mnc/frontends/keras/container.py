"""The two containers of a Keras model: an HDF5 file, and the zip archive of Keras 3."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnc import archives, files
from mnc.errors import refuse
from mnc.frontends import foreign
from mnc.frontends.budget import Budget
from mnc.frontends.keras import hdf5
from mnc.frontends.keras.config import SAVE_AGAIN
from mnc.frontends.keras.legacy_weights import LegacyWeights
from mnc.frontends.keras.object_weights import ObjectWeights
from mnc.frontends.keras.weights import ModelWeights

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_FILE_BYTES = 2**29
MAX_CONFIG_BYTES = 2**26
TOO_LARGE = "no microcontroller holds it; train a smaller network"


@dataclass(frozen=True)
class SavedModel:
    """The content of a file, as far as it can be read without knowing layers."""

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
    budget: Budget


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
    content = files.content(path, MAX_FILE_BYTES, TOO_LARGE)
    budget = Budget(len(content))
    with hdf5.opened(path.name, content, budget) as file:
        config = hdf5.text(path.name, file, "model_config")
        if config is None:
            raise refuse(
                path.name,
                "there is no model_config in it; it holds weights only, or was not written by Keras",
                "save the whole model with model.save('model.h5'), not model.save_weights(...)",
                foreign.WHOLE_MODEL,
            )
        version = hdf5.text(path.name, file, "keras_version")
        backend = hdf5.text(path.name, file, "backend")
        group = hdf5.group(path.name, file, "model_weights")
        if group is None and hdf5.has_attribute(path.name, file, "layer_names"):
            group = file
        if group is None:
            raise refuse(
                f"{path.name}: model_weights",
                "the group is missing",
                "save the whole model with model.save('model.h5')",
            )
        weights = _stored_weights(f"{path.name}: model_weights", group)
        if isinstance(weights, ObjectWeights) and not weights.is_of_a_model:
            raise refuse(
                weights.where, "there is no list layer_names in it", "save the whole model with model.save('model.h5')"
            )
        yield SavedModel(
            stem=_stem(path),
            where=f"{path.name}: model_config",
            config=_json(f"{path.name}: model_config", config, budget),
            keras=_major(version),
            backend=backend or "",
            weights=weights,
            budget=budget,
        )


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[SavedModel]:
    """The model in a `.keras` archive; its members are read in memory, by their fixed names only."""
    content = files.content(path, MAX_FILE_BYTES, TOO_LARGE)
    budget = Budget(len(content))
    with archives.opened(path.name, content) as archive:
        config = _member(path.name, archive, "config.json", MAX_CONFIG_BYTES)
        if config is None:
            raise foreign.refused_archive(path, archive.namelist()) or refuse(
                path.name, "there is no config.json in the archive", "save the model with model.save('model.keras')"
            )
        metadata = _member(path.name, archive, "metadata.json", MAX_CONFIG_BYTES)
        weights = _member(path.name, archive, "model.weights.h5", budget.limit("bytes of weights"))
        if weights is None:
            raise refuse(
                f"{path.name}: model.weights.h5",
                "the weights are missing from the archive",
                "save the model unsharded with model.save('model.keras')",
            )
        about = {} if metadata is None else _json(f"{path.name}: metadata.json", metadata, budget)
        version = about.get("keras_version")
        with hdf5.opened(f"{path.name}: model.weights.h5", weights, budget) as file:
            yield SavedModel(
                stem=_stem(path),
                where=f"{path.name}: config.json",
                config=_json(f"{path.name}: config.json", config, budget),
                keras=_major(version if isinstance(version, str) else None),
                backend="",
                weights=_stored_weights(f"{path.name}: model.weights.h5", file),
                budget=budget,
            )


def _stored_weights(where: str, group: hdf5.Group) -> ModelWeights:
    """The weights below a group, in the format that it has."""
    listed = hdf5.names(where, group, "layer_names") is not None
    return LegacyWeights(where, group) if listed else ObjectWeights(where, group)


def _member(name: str, archive: zipfile.ZipFile, member: str, limit: int) -> bytes | None:
    """One member's bytes; None where it is absent."""
    try:
        info = archive.getinfo(member)
    except KeyError:
        return None
    return archives.member(f"{name}: {member}", archive, info, limit, hdf5.DAMAGED)


def _json(where: str, text: str | bytes, budget: Budget) -> Mapping[str, object]:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    budget.take(where, "JSON values", sum(map(text.count, "[{,")))  # at least as many as there are
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
