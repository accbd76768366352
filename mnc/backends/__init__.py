"""What turns a graph into files."""

from __future__ import annotations

import difflib

from mnc.backends.interface import API_VERSION, Backend, CFamily, Emission
from mnc.errors import refuse

__all__ = ["API_VERSION", "Backend", "CFamily", "Emission", "get", "names"]


def _builtin() -> dict[str, Backend]:
    from mnc.backends.c import C
    from mnc.backends.cpp import Cpp

    return {backend.name: backend for backend in (C(), Cpp())}


def names() -> tuple[str, ...]:
    """All backends, sorted."""
    return tuple(sorted(_builtin()))


def get(name: str) -> Backend:
    """A backend by name; CompileError where there is none of that name."""
    known = _builtin()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise refuse(
            f"backend {name!r}",
            "is not known",
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}",
        )
    return known[name]
