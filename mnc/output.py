"""Writing generated files: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath

from mnc.errors import CompileError, refuse


def write_files(files: Mapping[str, str], directory: str | os.PathLike[str]) -> None:
    """Write `files` (plain file name -> text) into `directory`, which is created where missing.

    Everything is first written under temporary names beside its place, then
    renamed over what was there: whatever fails, the directory is left as it
    was.  CompileError where the file system refuses.
    """
    assert all(name == PurePath(name).name for name in files), "generated files have plain names"
    folder = Path(directory)
    created = _make(folder)
    staged = {name: folder / f".{name}.{os.getpid()}.tmp" for name in files}
    try:
        for name, text in files.items():
            if (folder / name).is_dir():
                raise refuse(str(folder / name), "cannot write the file: a directory has its name")
            staged[name].write_bytes(text.encode("utf-8"))
        for name, temporary in staged.items():
            temporary.replace(folder / name)
        created = []
    except OSError as fault:
        raise _unwritable(folder, fault) from None
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)
        for made in created:
            made.rmdir()


def _make(folder: Path) -> list[Path]:
    """Create the folder and its missing parents; those that were created, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _unwritable(folder, fault) from None
    return missing


def _unwritable(folder: Path, fault: OSError) -> CompileError:
    return refuse(str(folder), f"cannot write: {fault.strerror}")
