"""A PlatformIO library: `library.json`, `src/`, and an example project that also runs on the computer itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.packages.example import AUTHOR, VERSION, example, sources, summary
from mnc.packages.papers import name_and_address, papers


def platformio(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The library; `pio run -d examples/<Name>` builds its example.

    The manifest leaves the licence to LICENSE: `pio pkg pack` looks a `license` up on a server.
    """
    name, shown = build.name, example(build, sample)
    folder, main = f"examples/{name}", f"src/main.{shown.language}"
    manifest = {
        "name": name,
        "version": VERSION,
        "description": f"The neural network {name}, as plain code: {summary(build)}",
        "keywords": ["neural network", "machine learning"],
        "authors": [dict(zip(("name", "email"), filter(None, name_and_address(author)), strict=False))],
        "headers": shown.header,
        "frameworks": "*",
        "platforms": "*",
        "examples": [{"name": name, "base": folder, "files": ["platformio.ini", main, f"src/{shown.sample_header}"]}],
    }
    return {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        **papers(build, shown, author, f"`pio run -d examples/{name}` builds the example, `pio pkg pack` the archive."),
        **sources(build),
        f"{folder}/platformio.ini": _PROJECT,
        f"{folder}/{main}": shown.program(),
        f"{folder}/src/{shown.sample_header}": shown.sample,
    }


_PROJECT = """\
; Runs on this computer; for a board, name its platform, board and framework.
[env:native]
platform = native
lib_deps = symlink://../..
build_flags = -lm
"""
