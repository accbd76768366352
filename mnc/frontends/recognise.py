"""Which frontend reads a file, by how the file begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mnc import files
from mnc.errors import refuse
from mnc.frontends import foreign
from mnc.frontends.frontend import HEAD_BYTES, Frontend
from mnc.frontends.keras import KERAS_H5, KERAS_JSON, KERAS_ZIP
from mnc.frontends.tflite import TFLITE

MODELS: tuple[Frontend, ...] = (KERAS_H5, KERAS_ZIP, KERAS_JSON, TFLITE)
"""The frontends of files that have a network and its weights."""

_TEXT = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*(?:\n|$))*(?:[A-Za-z_`]|$)")


def frontend_of(path: Path, frontends: Sequence[Frontend]) -> Frontend:
    """The first frontend that recognises a file; CompileError where none does."""
    if path.is_dir():
        raise foreign.refused_folder(path)
    head = files.head(path, HEAD_BYTES)
    if not head:
        raise refuse(path.name, "the file is empty", "save the model again, or copy the file again")
    other = foreign.refused(path, head)
    if other is not None:
        raise other
    for frontend in frontends:
        if frontend.recognises(head):
            return frontend
    names = ", ".join(frontend.name for frontend in frontends)
    raise refuse(path.name, "the file is of no known kind", f"mnc reads {names}")


def begins_as_text(head: bytes) -> bool:
    """Whether this is text that begins with a word, comments aside; the language explains a misspelt one."""
    return b"\0" not in head and _TEXT.match(head) is not None
