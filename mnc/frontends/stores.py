"""Files of weights: constants by layer and field, from an .npz or from any model that mnc reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mnc import archives, files
from mnc.arrays import SUFFIX, unpacked
from mnc.errors import CompileError, refuse
from mnc.frontends.frontend import HEAD_BYTES
from mnc.frontends.recognise import MODELS, begins_as_text, frontend_of
from mnc.ir.types import Array, Constant
from mnc.language.constants import from_arrays
from mnc.language.weights import Loader, Store

MAX_BYTES = 2**29
"""Of a file of weights."""

_ASPECT = re.compile(r"(.*)\.(?:scale|zero_point|axis)")


def loader(folder: Path) -> Loader:
    """A loader for names relative to a folder."""
    return lambda name: load(folder / name)


def load(path: Path) -> Store:
    """The constants of a file, told by its content to be an .npz or a model."""
    if not path.is_file():
        raise refuse(str(path), "there is no such file" if not path.exists() else "this is not a file")
    content = files.content(path, MAX_BYTES)
    if _is_npz(content):
        return grouped(unpacked(str(path), content))
    return _of_model(path)


def _is_npz(content: bytes) -> bool:
    """Whether this is an archive of arrays; a Keras model is an archive, too."""
    if not content.startswith(b"PK"):
        return False
    try:
        with archives.opened("", content) as archive:
            names = archive.namelist()
    except CompileError:
        return False
    return bool(names) and all(name.endswith(SUFFIX) for name in names)


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
    if begins_as_text(files.head(path, HEAD_BYTES)):
        raise refuse(str(path), "weights come from a trained model or an .npz file, not from a text")
    reading = frontend_of(path, MODELS).read(path)
    if reading.graph is None:
        raise CompileError(*reading.problems)
    return {node.name: node.layer.constants for node in reading.graph.nodes if node.layer.constants}
