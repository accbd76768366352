"""Texts of the network language: the file, and the files of weights that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnc import files
from mnc.errors import refuse
from mnc.frontends.frontend import HEAD_BYTES, NOTHING, Besides, Reading
from mnc.frontends.recognise import begins_as_text
from mnc.ir.graph import Graph

if TYPE_CHECKING:
    from mnc.language.values import Value


@dataclass(frozen=True)
class NetworkText:
    """Reads `.mnc`."""

    name: str = "network texts (.mnc)"

    def recognises(self, head: bytes) -> bool:
        return begins_as_text(head)

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        return Reading(load(path))


NETWORK_TEXT = NetworkText()


def load(path: Path, parameters: Mapping[str, Value] | None = None, weights: str | Path | None = None) -> Graph:
    """The network of a text, its `parameters` set as by the command line.

    `weights` statements name files relative to the text's own folder;
    `weights`, relative to the current folder, replaces them all.  The parser is
    loaded only here.  CompileError has every independent problem.
    """
    if path.suffix.lower() in (".h5", ".hdf5", ".keras") and not _names_a_network(path):
        raise refuse(path.name, "the file is text, not a saved model", "save the model again")
    from mnc import language
    from mnc.frontends import stores

    stated = None if weights is None else str(Path(weights).absolute())
    text = language.read_text(path)
    return language.parse(text, path.name, parameters, stores.loader(path.parent), stated)


def _names_a_network(path: Path) -> bool:
    return re.search(rb"^\s*network\b", files.head(path, HEAD_BYTES), re.MULTILINE) is not None
