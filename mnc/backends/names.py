"""Names in generated code.  A layer's own name is data: it only ever stands in comments."""

from __future__ import annotations

import re

from mnc.backends.taken import HEADERS, KEYWORDS, PREDEFINED, declared
from mnc.errors import argument, refuse

_MADE = ("", "_t", "_init", "_run")
"""Endings of the names that a network's header declares."""


def check_name(name: str) -> str:
    """The network's name, where it can be an identifier in C and C++ and a header's; CompileError otherwise."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name) or "__" in name or name in KEYWORDS:
        raise refuse(
            argument("name"),
            f"{name[:80]!r} is not a name that C and C++ allow",
            "give a letter, then letters, digits and single underscores, at most 63, as in my_net",
        )
    if (taken := _taken(name)) is not None:
        raise refuse(argument("name"), f"{name!r} is taken: {taken}", f"try {name[:59]}_net")
    return name


def name_from(text: str) -> str:
    """The nearest name that every backend takes, from a file's or a network's name."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40].strip("_")
    if not name or not name[0].isalpha():
        name = f"net_{name}".rstrip("_")
    return f"{name}_net" if name in KEYWORDS or name.isupper() or _taken(name) is not None else name


def _taken(name: str) -> str | None:
    """Who has a name that generated code would give to something of its own."""
    if name.lower() in HEADERS:
        return f"where file names have no case, {name}.h hides a header of C, C++, POSIX or Arduino"
    if name in PREDEFINED:
        return "compilers of C define a macro of this name"
    clash = next((name + end for end in _MADE if declared(name + end) or name + end in KEYWORDS), None)
    return None if clash is None else f"headers of C or Arduino declare {clash}"


def comment(text: str) -> str:
    """Text that can stand in any C comment: printable ASCII that neither ends one nor begins another."""
    plain = re.sub(r"[^A-Za-z0-9 _.,:;()\[\]=+<>@#-]", "_", text)
    return plain if len(plain) <= 60 else f"{plain[:57]}..."
