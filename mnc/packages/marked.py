"""The lines in each file of a package that say its licence, and who made it, so that it may be replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

import mnc
from mnc.output import MARK
from mnc.packages.example import LICENCE

SPDX = "SPDX-License-Identifier:"

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
    ".py": "# {}",
    ".md": "<!-- {} -->",
    "Kconfig": "# {}",
    "Makefile": "# {}",
    "LICENSE": "{}",
}
"""How a comment is written, by a file's ending, or its name where it has none."""


def marked(files: Mapping[str, str]) -> Mapping[str, str]:
    """The files, each with its licence and the mark near its beginning; JSON, which has no comments, has keys."""
    return {name: text if MARK.decode() in text else _marked(name, text) for name, text in files.items()}


def _marked(name: str, text: str) -> str:
    path = PurePosixPath(name)
    mark = f"{MARK.decode()} {mnc.__version__}"
    if path.suffix == ".json":
        return json.dumps({"generator": mark, **json.loads(text)}, indent=2) + "\n"
    lines = [mark] if SPDX in text else [f"{SPDX} {LICENCE}", mark]
    return "".join(f"{COMMENTS[path.suffix or path.name].format(line)}\n" for line in lines) + text
