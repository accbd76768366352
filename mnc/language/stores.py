"""Files of weights: constants by layer and field, from an .npz or from any model that mnc reads."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mnc.errors import refuse
from mnc.ir.types import Array, Constant
from mnc.language.constants import from_arrays

MAX_BYTES = 2**30
"""How large the arrays of an .npz file may be together, uncompressed."""

Store: TypeAlias = Mapping[str, Mapping[str, Constant]]
"""Constants by layer, then by field, layers in order."""

Loader: TypeAlias = Callable[[str], Store]
"""Reads the file that a `weights` statement names; CompileError where it cannot."""

_ASPECT = re.compile(r"(.*)\.(?:scale|zero_point|axis)")


def loader(folder: Path) -> Loader:
    """A loader for names relative to a folder."""
    return lambda name: load(folder / name)


def load(path: Path) -> Store:
    """The constants of a file, told by its content to be an .npz or a model."""
    if not path.is_file():
        raise refuse(str(path), "there is no such file" if not path.exists() else "this is not a file")
    names = _members(path)
    if names and all(name.endswith(".npy") for name in names):
        return grouped(_arrays(path))
    return _of_model(path)


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise refuse(str(path), f"the arrays have more than {MAX_BYTES:,} bytes")
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError) as fault:
        raise refuse(str(path), f"the arrays cannot be read: {str(fault) or type(fault).__name__}") from None
    except Exception as fault:  # zlib, lzma and struct each have errors of their own for damaged data
        raise refuse(str(path), f"the arrays cannot be read: {fault}") from None


def grouped(arrays: Mapping[str, Array]) -> Store:
    """The arrays of an .npz file as constants by layer and field."""
    store: dict[str, dict[str, Constant]] = {}
    for name in arrays:
        layer, _, field = name.rpartition("/")
        aspect = _ASPECT.fullmatch(name)
        if aspect and aspect[1] in arrays:
            continue
        try:
            store.setdefault(layer, {})[field] = from_arrays(name, arrays)
        except (ValueError, TypeError) as fault:
            raise refuse(name, f"the array is no constant: {fault}") from None
    return store


def _of_model(path: Path) -> Store:
    from mnc.frontends import load as load_model
    from mnc.frontends.dsl import NETWORK_TEXT
    from mnc.frontends.frontend import HEAD_BYTES

    with path.open("rb") as file:
        if NETWORK_TEXT.recognises(file.read(HEAD_BYTES)):
            raise refuse(str(path), "weights come from a trained model or an .npz file, not from a text")
    graph = load_model(path)
    return {node.name: node.layer.constants for node in graph.nodes if node.layer.constants}
