"""Writing generated files: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mnc.errors import CompileError, refuse


def write_files(files: Mapping[str, str | bytes], directory: str | os.PathLike[str]) -> None:
    """Write `files` (path inside `directory`, with `/` between its parts -> content); what is missing is created.

    Everything is first written under temporary names beside its place, then
    renamed over what was there: whatever fails, the directory is left as it
    was.  CompileError where the file system refuses, or a path leads outside.
    """
    folder = Path(directory)
    for name in files:
        if not is_inside(name):
            raise refuse(repr(name), "is no path inside the output directory", "backends and packages name files so")
    created: list[Path] = []
    staged: dict[str, Path] = {}
    try:
        for place in dict.fromkeys((folder, *((folder / name).parent for name in files))):
            _make(place, created)
        for name, content in files.items():
            final = folder / name
            if final.is_dir():
                raise refuse(str(final), "cannot write the file: a directory has its name")
            staged[name] = final.with_name(f".{final.name}.{os.getpid()}.tmp")
            staged[name].write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        for name, temporary in staged.items():
            temporary.replace(folder / name)
        created = []
    except OSError as fault:
        raise _unwritable(folder, fault) from None
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)
        for made in reversed(created):
            made.rmdir()


def is_inside(name: str) -> bool:
    """Whether a file's name is a plain relative path, the same on every system, that stays inside its folder."""
    return all(part.strip(". ") and not set(part) & _NOT_IN_NAMES and part.isprintable() for part in name.split("/"))


_NOT_IN_NAMES = frozenset('\\:*?"<>|')
"""What some systems do not allow in the name of a file."""


def _make(folder: Path, created: list[Path]) -> None:
    """Create a folder and its missing parents, and note each of them, outermost first."""
    missing = [path for path in folder.parents if not path.exists()]
    try:
        for path in (*reversed(missing), folder):
            if not path.is_dir():
                path.mkdir()
                created.append(path)
    except OSError as fault:
        raise _unwritable(folder, fault) from None


def _unwritable(folder: Path, fault: OSError) -> CompileError:
    return refuse(str(folder), f"cannot write: {fault.strerror}")
