"""Arm's CMSIS-NN, compiled from its source for a target: the library that code of backend `cmsis-nn` calls.

It is the user's: an environment variable or an argument says where it lies.
The archive for a target is made once and kept in the user's cache, under a name
made from everything that it depends on.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from mnc.errors import argument, refuse
from mnc.targets import process
from mnc.targets.image import COMPILE_SECONDS, Options, compiler_version
from mnc.targets.target import Target

VARIABLE = "CMSIS_NN_PATH"
HEADER = "arm_nnfunctions.h"
BACKEND = "cmsis-nn"
"""The backend whose int8 layers call it."""

NOT_INTEGERS = re.compile(r"_(f16|f32|flt)\.c$")
"""Source files that compile only where floating point is enabled."""
DSP_ASSEMBLY = "-DCMSIS_NN_USE_REQUANTIZE_INLINE_ASSEMBLY"
"""Fewer instructions where the core has DSP instructions; results are unchanged."""

SOURCES = (
    "the library is https://github.com/ARM-software/CMSIS-NN; it is also the CMSIS-Pack ARM::CMSIS-NN and Zephyr's"
    " module cmsis-nn"
)
NESTED = ("CMSIS-NN", "cmsis-nn", "NN", "CMSIS/NN", "..")
"""Where the library lies instead, if a folder near it was named."""


def needed(files: Mapping[str, str]) -> bool:
    """Whether generated files call the library."""
    return any(re.search(rf'#\s*include\s*[<"]{HEADER}', text) for text in files.values())


def calls(files: Mapping[str, str]) -> frozenset[str]:
    """The library's functions that generated files call."""
    if not needed(files):
        return frozenset()
    return frozenset(name for text in files.values() for name in re.findall(r"\b(arm_\w+)\s*\(", text))


def linked(target: Target, files: Mapping[str, str], options: Options, folder: Path | None = None) -> Options:
    """`options` with what the generated `files` need of the library to be built for `target`.

    `folder` is the library's; None: the one that CMSIS_NN_PATH names, if
    the files call it at all.  `CompileError` where there is none, what lies
    there is not the library or does not declare a function that they call, or
    it does not compile.
    """
    if not needed(files):
        return options
    if folder is None and not os.environ.get(VARIABLE):
        raise refuse(
            argument("cmsis_nn"), f"the generated code calls CMSIS-NN; name its folder here or in {VARIABLE}", SOURCES
        )
    root = checked(folder or Path(os.environ[VARIABLE]))
    _check_calls(root, files)
    if target.int_bits < 32:
        raise refuse(
            f"target {target.name}",
            f"cannot run CMSIS-NN, which takes an int of 32 bits, not {target.int_bits}",
            "use backend c or cpp",
        )
    archive = _archive(target, root, options.optimise or target.optimise)
    return replace(options, include=(*options.include, root / "Include"), libraries=(*options.libraries, archive))


def checked(folder: Path) -> Path:
    """The folder, absolute.  `CompileError` where it is not the library's."""
    missing = _missing(folder)
    if missing is None:
        return folder.resolve()
    near = [folder / name for name in NESTED if _missing(folder / name) is None]
    hint = f"did you mean {os.path.normpath(near[0])}?" if near else SOURCES
    raise refuse(str(folder), f"is not CMSIS-NN's folder: it has no {missing}", hint)


def _missing(folder: Path) -> str | None:
    """The first file that a folder lacks to be the library's; None where it lacks none."""
    if not (folder / "Include" / HEADER).is_file():
        return f"Include/{HEADER}"
    return None if _sources(folder) else "Source/*/*.c"


def _sources(root: Path) -> list[Path]:
    """The source files to compile, in a fixed order."""
    return sorted(file for file in root.glob("Source/*/*.c") if not NOT_INTEGERS.search(file.name))


def _check_calls(root: Path, files: Mapping[str, str]) -> None:
    """Every function that generated files call must be declared: a library may be too old."""
    declared = "".join(file.read_text(encoding="utf-8", errors="replace") for file in _headers(root))
    known = set(re.findall(r"\b(arm_\w+)\s*\(", declared))
    if unknown := sorted(calls(files) - known):
        raise refuse(
            str(root),
            f"does not declare {', '.join(unknown)}, which the generated code calls",
            "take a newer CMSIS-NN: mnc is tested with version 7.0.0, and with main as of July 2026",
        )


def _headers(root: Path) -> list[Path]:
    return sorted(root.glob("Include/**/*.h"))


@functools.lru_cache
def _archive(target: Target, root: Path, level: str) -> Path:
    """The library for a target, from the cache or compiled."""
    assembly = (DSP_ASSEMBLY,) if "dsp" in target.features else ()
    flags = (*target.common_flags, level, *assembly)
    digest = hashlib.sha256("\0".join((target.compiler.program, compiler_version(target), *flags)).encode())
    for file in (*_headers(root), *_sources(root)):
        digest.update(f"\0{file.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    kept = _cache() / f"cmsis-nn-{target.name}-{digest.hexdigest()[:32]}.a"
    if not kept.is_file():
        _compile(target, root, flags, kept)
    return kept


@functools.lru_cache
def _cache() -> Path:
    """The user's cache folder; a folder for this process alone where it cannot be written."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnc"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        temporary = tempfile.TemporaryDirectory(prefix="mnc-")
        atexit.register(temporary.cleanup)
        return Path(temporary.name)


def _compile(target: Target, root: Path, flags: tuple[str, ...], archive: Path) -> None:
    """Make the archive, or nothing: it is put in its place when it is whole."""
    where = f"CMSIS-NN for target {target.name}"
    sources = [str(file) for file in _sources(root)]
    workers = min(os.cpu_count() or 1, len(sources))
    with tempfile.TemporaryDirectory(prefix=".making-", dir=archive.parent) as temporary:
        folder = Path(temporary)

        def compile_share(share: list[str]) -> None:
            arguments = [*flags, f"-I{root / 'Include'}", "-c", *share]
            process.run(target.compiler, arguments, folder, where=where, seconds=COMPILE_SECONDS)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(compile_share, [sources[i::workers] for i in range(workers)]))
        objects = sorted(file.name for file in folder.glob("*.o"))
        process.run(target.binutil("ar"), ["rcsD", "library.a", *objects], folder, where=where, seconds=COMPILE_SECONDS)
        (folder / "library.a").replace(archive)
