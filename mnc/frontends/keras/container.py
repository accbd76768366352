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
from mnc.frontends.keras.legacy_weights import LegacyWeights
from mnc.frontends.keras.object_weights import ObjectWeights
from mnc.frontends.keras.ways_out import SAVE_AGAIN
from mnc.frontends.keras.weights import ModelWeights

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
CLASSES = "mnc_classes"
"""The attribute of an `.h5` in which `mnc train` names the classes."""
MAX_FILE_BYTES = 2**29
MAX_CONFIG_BYTES = 2**26
MAX_USER_BLOCK = 2**16
NAME_WEIGHTS = "name the file that model.save_weights(...) has written"
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
    classes: str | None = None
    """The names of a classifier's classes, a line each, where `mnc train` has written them."""


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
                f"write the model's configuration, open('model.json', 'w').write(model.to_json()), and give both: "
                f"mnc compile model.json --weights {path.name}",
                foreign.WHOLE_MODEL,
            )
        version = hdf5.text(path.name, file, "keras_version")
        backend = hdf5.text(path.name, file, "backend")
        classes = hdf5.text(path.name, file, CLASSES)
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
            classes=classes,
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


@contextlib.contextmanager
def open_json(path: Path, weights: Path) -> Iterator[SavedModel]:
    """The model of a configuration, with the weights of another file: HDF5 of either format, or a whole model."""
    config = files.content(path, MAX_CONFIG_BYTES, TOO_LARGE)
    content = files.content(weights, MAX_FILE_BYTES, TOO_LARGE)
    budget = Budget(len(config) + len(content))
    about = _json(path.name, config, budget)
    version = about.get("keras_version")
    backend = about.get("backend")
    with contextlib.ExitStack() as stack:
        if content.startswith(b"PK"):
            archive = stack.enter_context(archives.opened(weights.name, content))
            member = _member(weights.name, archive, "model.weights.h5", budget.limit("bytes of weights"))
            if member is None:
                raise refuse(weights.name, "there is no model.weights.h5 in the archive", NAME_WEIGHTS)
            content = member
        if not is_hdf5(content[:MAX_USER_BLOCK]):
            raise refuse(weights.name, "it is no HDF5 file, as Keras' weights are", NAME_WEIGHTS)
        file = stack.enter_context(hdf5.opened(weights.name, content, budget))
        whole = hdf5.group(weights.name, file, "model_weights")
        stored = _stored_weights(weights.name, file if whole is None else whole)
        if isinstance(stored, ObjectWeights) and not stored.is_of_a_model:
            raise refuse(weights.name, "there are no weights of a Keras model in it", NAME_WEIGHTS)
        yield SavedModel(
            stem=_stem(path),
            where=path.name,
            config=about,
            keras=_major(version if isinstance(version, str) else None),
            backend=backend if isinstance(backend, str) else "",
            weights=stored,
            budget=budget,
        )


def _stored_weights(where: str, group: hdf5.Group) -> ModelWeights:
    """The weights below a group, in the format that it has."""
    listed = hdf5.names(where, group, "layer_names") is not None
    return LegacyWeights(where, group) if listed else ObjectWeights.of(where, group)


def _member(name: str, archive: zipfile.ZipFile, member: str, limit: int) -> bytes | None:
    """One member's bytes; None where it is absent."""
    try:
        info = archive.getinfo(member)
    except KeyError:
        return None
    return archives.member(f"{name}: {member}", archive, info, limit, hdf5.DAMAGED)


def _json(where: str, text: str | bytes, budget: Budget) -> Mapping[str, object]:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace").removeprefix("\ufeff")
    budget.take(where, "JSON values", sum(map(text.count, "[{,")))  # at least as many as there are
    try:
        value = json.loads(text)
        if isinstance(value, str):  # what model.to_json() gives, written by json.dump
            value = json.loads(value)
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
