"""The line in each file of a package that says who made it, so that it may be replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

import mnc
from mnc.output import MARK

COMMENTS: Mapping[str, str] = {
    ".c": "/* {} */",
    ".h": "/* {} */",
    ".cpp": "// {}",
    ".ino": "// {}",
    ".ini": "; {}",
    ".txt": "# {}",
    ".properties": "# {}",
    ".yml": "# {}",
    ".yaml": "# {}",
    ".conf": "# {}",
    ".defaults": "# {}",
    "Kconfig": "# {}",
}
"""How a comment is written, by a file's ending, or its name where it has none."""


def marked(files: Mapping[str, str]) -> Mapping[str, str]:
    """The files, each with the mark near its beginning; JSON, which has no comments, with a key of its own."""
    return {name: text if MARK.decode() in text else _marked(name, text) for name, text in files.items()}


def _marked(name: str, text: str) -> str:
    path = PurePosixPath(name)
    mark = f"{MARK.decode()} {mnc.__version__}"
    if path.suffix == ".json":
        return json.dumps({"generator": mark, **json.loads(text)}, indent=2) + "\n"
    return f"{COMMENTS[path.suffix or path.name].format(mark)}\n{text}"
