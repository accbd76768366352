"""The papers of a published library: README, LICENSE, and its author."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mnc.compiler import Build
from mnc.errors import argument, refuse
from mnc.names import printable
from mnc.packages.example import LICENCE, Example, summary

AUTHOR = re.compile(r"(?P<name>[^<>\"\\]*[^<>\"\\\s])(?: <(?P<address>[^<>\s\"\\@]+@[^<>\s\"\\@]+)>)?")


def name_and_address(author: str) -> tuple[str, str | None]:
    """An author's name, and the mail address behind it; CompileError for text that no manifest can hold."""
    found = AUTHOR.fullmatch(author)
    if found is None or not author.isprintable() or author != author.strip():
        hint = "write a name, or a name and an address: 'Ada Lovelace <ada@example.org>'"
        raise refuse(argument("author"), f"cannot be a manifest's author: {printable(author)!r}", hint)
    return found["name"], found["address"]


def papers(build: Build, shown: Example, author: str, use: str) -> Mapping[str, str]:
    """README.md, whose reader is told how to use the package, and LICENSE; CompileError for an impossible author."""
    return {"README.md": _readme(build, shown, name_and_address(author)[0], use), "LICENSE": _LICENSE}


def _readme(build: Build, shown: Example, author: str, use: str) -> str:
    name = build.name
    call = (
        f"static {name} net;\n\nint label = net.predict(input);"
        if shown.language == "cpp"
        else f"static {name}_t net;\n\n{name}_init(&net);\n{name}_run(&net, input, output);"
    )
    return f"""\
# {name}

A trained neural network as plain code, by {author}: {summary(build)}.

```c
#include <{shown.header}>

{call}
```

The comments of `src/{shown.header}` have the rest: sizes, types, and further functions.

{use}

The example runs a stored sample and compares every output with those that the trained network gave.

The code is under the {LICENCE} licence; the weights belong to whoever trained the network.
"""


_LICENSE = f"""\
SPDX-License-Identifier: {LICENCE}

The code is licensed under the Apache License, Version 2.0; you may not use it except in compliance with the
License, a copy of which is at https://www.apache.org/licenses/LICENSE-2.0. It is distributed on an "AS IS" basis,
without warranties or conditions of any kind, either express or implied. The weights in it are those of the trained
network, and belong to whoever trained it.
"""
