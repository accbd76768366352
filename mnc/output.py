"""Writing generated files: all of them, or none, and over nobody's work."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mnc.errors import CompileError, refuse
from mnc.pieces import pieces_of

MARK = b"made by mnc"
"""Mark near the beginning or the end of each file that mnc wrote: such a file may be replaced."""
MARK_WITHIN = 1024
FORCE = "write it elsewhere, or replace it with --force"
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def write_files(files: Mapping[str, str | bytes], directory: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write `files` (path inside `directory`, with `/` between its parts -> content); what is missing is created.

    Everything is first written beside its place, under names that nobody can
    foresee and for the user's eyes only, then renamed over what was there,
    whose mode it takes: whatever fails, and with whichever of SIGINT, SIGTERM
    and SIGHUP, the directory is left as it was, or has all files.
    CompileError where the file system refuses, a path leads outside, or a file
    is there that mnc has not made, unless `force` says to replace it.
    """
    folder = Path(directory)
    for name in files:
        if not is_inside(name):
            raise refuse(repr(name), "is no path inside the output directory", "backends and packages name files so")
    with _signals_deferred() as deferred:
        _write(files, folder, force, deferred)


def check_replaceable(files: Iterable[Path], *, force: bool = False) -> None:
    """CompileError where `write_files` would refuse one of these: for commands that work for long before they write."""
    for file in files:
        _check_replaceable(file, None, force)


def is_inside(name: str) -> bool:
    """Whether a file's name is a plain relative path, the same on every system, that stays inside its folder."""
    return all(part.strip(". ") and not set(part) & _NOT_IN_NAMES and part.isprintable() for part in name.split("/"))


_NOT_IN_NAMES = frozenset('\\:*?"<>|')
"""Characters that some systems do not allow in the name of a file."""


@dataclass
class _Staged:
    """A file that is written under another name."""

    final: Path
    temporary: Path
    mode: int
    backup: Path | None = None
    """The file that was there before, once the new file is in its place."""
    placed: bool = False


def _write(files: Mapping[str, str | bytes], folder: Path, force: bool, deferred: list[int]) -> None:
    created: list[Path] = []
    staged: list[_Staged] = []
    done = False
    try:
        for place in dict.fromkeys((folder, *((folder / name).parent for name in files))):
            _make(place, folder, created)
        for name in files:
            final = folder / name
            _check_replaceable(final, _content(files, name), force)
            staged.append(_Staged(final, _beside(final), _mode(final)))
            _stage(staged[-1].temporary, _content(files, name))
            if deferred:
                return
        for each in staged:
            _place(each)
        done = True
    except OSError as fault:
        raise _unwritable(folder, fault) from None
    finally:
        for each in staged:
            _tidy(each, done)
        for made in () if done else reversed(created):
            made.rmdir()


@contextlib.contextmanager
def _signals_deferred() -> Iterator[list[int]]:
    """Note the signals that would end the process, and raise them again at the end; in a main thread only."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    former = {number: signal.getsignal(number) for number in ENDING}
    mine = [number for number, handler in former.items() if handler not in (signal.SIG_IGN, None)]
    for number in mine:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number in mine:
            signal.signal(number, former[number])
        for number in came[:1]:
            signal.raise_signal(number)


def _content(files: Mapping[str, str | bytes], name: str) -> Iterator[bytes]:
    return (piece.encode("utf-8") if isinstance(piece, str) else piece for piece in pieces_of(files, name))


def _check_replaceable(final: Path, content: Iterator[bytes] | None, force: bool) -> None:
    """CompileError where something else than a file of mnc's, or one of this content, is in the way."""
    if not os.path.lexists(final):
        return
    if final.is_dir():
        raise refuse(str(final), "cannot write the file: a directory has its name")
    if force:
        return
    if final.is_symlink():
        raise refuse(str(final), "a symbolic link has the file's name", FORCE)
    if not final.is_file():
        raise refuse(str(final), "this is not a file that can be replaced")
    with final.open("rb") as file:
        if MARK in file.read(MARK_WITHIN):
            return
        file.seek(max(0, final.stat().st_size - len(MARK)))
        if file.read() == MARK:
            return
        file.seek(0)
        if content is None or not all(file.read(len(piece)) == piece for piece in content) or file.read(1):
            raise refuse(str(final), "the file is there, and mnc has not made it", FORCE)


def _mode(final: Path) -> int:
    """The permissions of a file that is replaced, else the user's for new files."""
    if final.is_file() and not final.is_symlink():
        return stat.S_IMODE(final.stat().st_mode) & 0o777
    mask = os.umask(0o077)  # it cannot be looked at otherwise
    os.umask(mask)
    return 0o666 & ~mask


def _beside(final: Path) -> Path:
    return final.with_name(f".mnc-{secrets.token_hex(8)}.tmp")


def _stage(temporary: Path, content: Iterator[bytes]) -> None:
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(opened, "wb") as file:
        file.writelines(content)


def _place(each: _Staged) -> None:
    """Rename a file to its place; what was there stays beside it, until all are in theirs."""
    each.temporary.chmod(each.mode)
    if os.path.lexists(each.final):
        backup = _beside(each.final)
        try:
            os.link(each.final, backup, follow_symlinks=False)
        except (OSError, NotImplementedError):  # a file system without links
            each.final.rename(backup)
        each.backup = backup
    each.temporary.replace(each.final)
    each.placed = True


def _tidy(each: _Staged, done: bool) -> None:
    """Leave nothing but what belongs there: the new file where all is done, else the old one."""
    with contextlib.suppress(OSError):
        each.temporary.unlink(missing_ok=True)
    if each.placed and not done:
        each.final.unlink()
    if each.backup is not None:
        if done:
            each.backup.unlink()
        else:
            each.backup.rename(each.final)


def _make(place: Path, folder: Path, created: list[Path]) -> None:
    """Create a folder and its missing parents, and note each of them, outermost first.

    Below the output folder none of them may be a link: it could lead anywhere.
    """
    for inside in (place, *place.parents):
        if inside == folder:
            break
        if folder in inside.parents and inside.is_symlink():
            raise refuse(str(inside), "a folder inside the output directory is a symbolic link", "remove it")
    missing = [path for path in place.parents if not path.exists()]
    try:
        for path in (*reversed(missing), place):
            if not path.is_dir():
                path.mkdir()
                created.append(path)
    except OSError as fault:
        raise _unwritable(place, fault) from None


def _unwritable(folder: Path, fault: OSError) -> CompileError:
    return refuse(str(folder), f"cannot write: {fault.strerror}")
