"""Reading untrusted files: regular ones only, their size known before a byte of them is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mnc.errors import refuse

MB = 2**20


def head(path: Path, count: int) -> bytes:
    """The first bytes of a file, at most `count`; CompileError as `content`."""
    return _read(path, count, None)


def content(path: Path, limit: int, *hints: str) -> bytes:
    """All bytes of a file.

    CompileError, with the hints, where there are more than `limit`; where it is
    no regular file (a FIFO may never end, a device may never stop), and where
    it cannot be read.
    """
    return _read(path, limit + 1, (limit, hints))


def _read(path: Path, count: int, limited: tuple[int, tuple[str, ...]] | None) -> bytes:
    try:
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(opened, "rb") as file:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                raise refuse(str(path), "this is not a regular file", "copy what it gives into a file first")
            if limited is not None and found.st_size > limited[0]:
                raise refuse(
                    str(path), f"the file has {found.st_size:,} bytes; the limit is {limited[0]:,}", *limited[1]
                )
            return file.read(min(count, found.st_size))  # as much as is asked for is reserved
    except OSError as fault:
        raise refuse(str(path), f"the file cannot be read: {(fault.strerror or 'unknown reason').lower()}") from None
    except ValueError:  # a NUL in the path
        raise refuse(str(path), "no file can have this name") from None
