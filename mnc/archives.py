"""Zip archives that nobody vouches for, read in memory, member by member."""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from collections.abc import Iterator

from mnc.errors import CompileError, refuse

MAX_MEMBERS = 2**12
ENTRY = b"PK\x01\x02"
"""The first bytes of a member's entry in the directory."""
DAMAGED = "the file is damaged or incomplete; save it again, or copy it again"
MAX_RATIO = 2048
"""Deflate cannot shrink by more than about 1,032 times; an entry that claims more lies."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def opened(where: str, content: bytes) -> Iterator[zipfile.ZipFile]:
    """The archive; CompileError where it is none, or has more members than any honest one."""
    if content.count(ENTRY) > MAX_MEMBERS:
        raise refuse(
            where,
            f"the archive has more than {MAX_MEMBERS:,} members, and no larger one is read",
            "the weights of a network of so many layers can come from a Keras .h5 file",
        )
    with faults(where):
        archive = zipfile.ZipFile(io.BytesIO(content))
    with archive:
        yield archive


def member(where: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int, hint: str) -> bytes:
    """One member's bytes; CompileError, with the hint, where there are more than `limit`, or other than stated."""
    if info.file_size > limit or info.file_size > MAX_RATIO * max(info.compress_size, 1):
        what = f"it would unpack {info.compress_size:,} bytes to {info.file_size:,}; the limit is {limit:,}"
        raise refuse(where, what, hint)
    if info.compress_type not in METHODS:
        raise refuse(where, f"it is packed by method {info.compress_type}; stored and deflated ones are read", hint)
    with faults(where), archive.open(info) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise refuse(where, "its size is not the one that the archive states", hint)
    return content


@contextlib.contextmanager
def faults(where: str) -> Iterator[None]:
    """Turn whatever zipfile raises on damaged data into a CompileError."""
    try:
        yield
    except CompileError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as fault:
        raise refuse(where, f"the archive cannot be read: {fault}", DAMAGED) from None
