"""Generated code, the driver and a board's support code made into one linked image."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mnc.errors import CompileError, refuse
from mnc.targets import process
from mnc.targets.target import COMMON, Board, Target, Tool

COMPILE_SECONDS = 600.0

GENERATED = "generated"
"""The folder of the network's own files: it may be called `driver`, or `board`."""

CPP_FLAGS = ("-std=gnu++11", "-fno-exceptions", "-fno-rtti")
"""As the makers of small machines' development kits have it."""

NO_ROOM = re.compile(r"will not fit in region|region `\w+' overflowed|not within region|size of array .* is too large")
"""How GNU's linker, or its compiler, says that a board's memory is too small."""

Files = tuple[tuple[str, str], ...]
"""File names and texts, as a value that can be a key."""


@dataclass(frozen=True)
class Options:
    """How to build, beyond what the target says."""

    optimise: str = ""
    """The optimisation level, as `-O3`; the target's own where empty."""
    flags: tuple[str, ...] = ()
    """Further flags for the network's own files."""
    include: tuple[Path, ...] = ()
    """Folders of further headers, as of a library that the code calls."""
    libraries: tuple[Path, ...] = ()
    """Archives to link after the network's files."""


@dataclass(frozen=True)
class Sizes:
    """Bytes that a network adds to an image, by kind."""

    code: int
    """Instructions, also of library functions that only the network calls."""
    constants: int
    """Read-only data: weights and tables."""
    data: int
    """Initialised variables; they count in flash and in RAM."""
    bss: int
    """Zero-initialised variables: the network's struct."""

    @property
    def flash(self) -> int:
        return self.code + self.constants + self.data

    @property
    def ram(self) -> int:
        """Without the caller's inputs and outputs."""
        return self.data + self.bss

    def __sub__(self, other: Sizes) -> Sizes:
        return Sizes(
            self.code - other.code, self.constants - other.constants, self.data - other.data, self.bss - other.bss
        )


def freeze(files: Mapping[str, str]) -> Files:
    """The files as a hashable value, sorted by name."""
    return tuple(sorted(files.items()))


@functools.lru_cache(maxsize=16)
def build(
    target: Target, network: Files, adapter: Files, options: Options, trace: str = "", inputs: bytes = b""
) -> bytes:
    """The image of generated files, their adapter and the driver for the target's board.

    `trace` is empty, `TIME` or `VALUES`: what a traced build of the files
    tells after each layer; `inputs` is what the image itself holds, on boards
    without files.  `CompileError` where something does not compile.
    An image is a value that depends on nothing but the arguments, so the last
    few are kept.
    """
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        _build(target, network, adapter, folder, options, trace, inputs)
        return (folder / "image").read_bytes()


@functools.lru_cache(maxsize=16)
def sizes(target: Target, network: Files, adapter: Files, options: Options) -> Sizes:
    """Bytes that generated files add to an image: its sizes with them less its sizes without them."""
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        place(folder, build(target, network, adapter, options), b"")
        full = _section_sizes(target, folder)
        write(folder, _support_files(target.board))
        _link(target, _driver_objects(target, adapter, "empty", folder, options, ""), folder, options)
        return full - _section_sizes(target, folder)


def function_sizes(target: Target, network: Files, adapter: Files, options: Options) -> dict[str, int]:
    """Bytes of code of each function in an image, by its symbol; functions that the compiler has inlined have none."""
    with tempfile.TemporaryDirectory(prefix="mnc-") as temporary:
        folder = Path(temporary)
        place(folder, build(target, network, adapter, options), b"")
        where = f"target {target.name}"
        table = process.run(target.binutil("readelf"), ["-sW", "image"], folder, where=where, seconds=COMPILE_SECONDS)
    found = re.findall(r"^ *\d+: [0-9a-f]+ +(\d+) FUNC +\w+ +\w+ +\w+ (\S+)", table, re.MULTILINE)
    return {name: int(size) for size, name in found}


@functools.lru_cache
def compiler_version(target: Target) -> str:
    """The first line of the compiler's `--version`.  `CompileError` where it is not installed."""
    said = process.run(target.compiler, ["--version"], Path(), where=f"target {target.name}", seconds=COMPILE_SECONDS)
    return said.strip().partition("\n")[0]


def _build(
    target: Target, network: Files, adapter: Files, folder: Path, options: Options, trace: str = "", inputs: bytes = b""
) -> None:
    """The whole image, as `image` in `folder`."""
    (folder / "inputs.bin").write_bytes(inputs)
    objects = _network_objects(target, network, folder, options, trace)
    _link(target, [*_driver_objects(target, adapter, "network", folder, options, trace), *objects], folder, options)


def _network_objects(target: Target, network: Files, folder: Path, options: Options, trace: str) -> list[str]:
    (folder / GENERATED).mkdir()
    write(folder / GENERATED, dict(network))
    write(folder, _support_files(target.board))
    flags = _network_flags(options, trace)
    return [
        _compile(target, f"{GENERATED}/{name}", folder, options, flags) for name, _ in network if name.endswith(".c")
    ]


def _network_flags(options: Options, trace: str) -> list[str]:
    return [*options.flags, *(["-include", "trace.h"] if trace else [])]


def _driver_objects(
    target: Target, adapter: Files, which: str, folder: Path, options: Options, trace: str
) -> list[str]:
    """The driver, the board's code and the adapter called `which`, compiled alike for every network.

    A profiler sees a function that ends in a jump to another one end there,
    hence no such jumps.
    """
    write(folder, dict(adapter))
    flags = ["-fno-optimize-sibling-calls", *([f"-DMNC_TRACE_{trace}"] if trace else [])]
    rest = [_compile(target, name, folder, Options(), flags) for name in ("driver.c", *target.board.sources)]
    (between,) = (name for name, _ in adapter if Path(name).stem == which)
    if between.endswith(".cpp"):  # the network itself is in there
        flags += _network_flags(options, trace)
    return [*rest, _compile(target, between, folder, options, flags)]


def _support_files(board: Board) -> dict[str, str]:
    """Our own C, headers and linker script for a board: file name -> text."""
    support = resources.files("mnc.targets").joinpath("support")
    found = (file for part in (support, support.joinpath(board.support)) for file in part.iterdir() if file.is_file())
    return {**{file.name: file.read_text(encoding="utf-8") for file in found}, "memory.ld": _memory_script(board)}


def _memory_script(board: Board) -> str:
    """The linker's view of the board's memory."""
    regions = (f"    {name} : ORIGIN = {r.origin:#x}, LENGTH = {r.size:#x}" for name, r in board.regions)
    return "\n".join(("MEMORY", "{", *regions, "}", f"STACK_SIZE = {board.stack};", ""))


def place(folder: Path, image: bytes, inputs: bytes) -> None:
    """Write an image and its inputs into `folder`, which exists; `image` can be started."""
    (folder / "inputs.bin").write_bytes(inputs)
    (folder / "image").write_bytes(image)
    (folder / "image").chmod(0o700)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Every file into `folder`, which exists."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _compile(target: Target, source: str, folder: Path, options: Options, flags: Sequence[str]) -> str:
    """The object file of one C or C++ file in `folder`, by name."""
    made = str(Path(source).with_suffix(".o"))
    compiler, core = (target.compiler, target.flags)
    if source in target.board.sources:
        compiler, core = target.linker
    elif source.endswith(".cpp"):
        compiler, core = (target.cpp, (*target.flags, *CPP_FLAGS))
    include = [f"-I{path}" for path in options.include]
    level = options.optimise or target.optimise
    arguments = [*core, *COMMON, level, "-I.", *include, *flags, "-c", source, "-o", made]
    _run(target, compiler, arguments, folder, Path(source).name)
    return made


def _link(target: Target, objects: Sequence[str], folder: Path, options: Options) -> None:
    libraries = [str(path) for path in options.libraries]
    linker, flags = target.linker
    arguments = [*flags, *target.board.link, *objects, *libraries, "-lm", "-o", "image"]
    _run(target, linker, arguments, folder, f"target {target.name}")


def _run(target: Target, tool: Tool, arguments: Sequence[str], folder: Path, where: str) -> None:
    try:
        process.run(tool, arguments, folder, where=where, seconds=COMPILE_SECONDS)
    except CompileError as fault:
        if NO_ROOM.search(str(fault)) is None:
            raise
        hint = "`mnc compile` says how much RAM and flash it needs; the inputs and outputs of a test come on top"
        raise refuse(f"target {target.name}", "the network does not fit into its memory", hint) from None


def _section_sizes(target: Target, folder: Path) -> Sizes:
    """Sizes of the linked image in `folder`, from the names of its sections; the stack is not counted."""
    where = f"target {target.name}"
    text = process.run(target.binutil("size"), ["-A", "image"], folder, where=where, seconds=COMPILE_SECONDS)
    found = {name: int(number) for name, number in re.findall(r"^(\.[\w.]+)\s+(\d+)", text, re.MULTILINE)}

    def total(*names: str) -> int:
        return sum(found.get(name, 0) for name in names)

    among_code = _objects_among_code(target, folder) if target.max_constants is not None else 0
    return Sizes(
        total(".text", ".ARM.exidx", ".ARM.extab") - among_code,
        total(".rodata") + among_code,
        total(".data"),
        total(".bss"),
    )


def _objects_among_code(target: Target, folder: Path) -> int:
    """Bytes of the constants that the linker lays between instructions, as AVR's does, by the image's symbols."""
    where = f"target {target.name}"
    tables = process.run(target.binutil("readelf"), ["-SsW", "image"], folder, where=where, seconds=COMPILE_SECONDS)
    numbers = re.findall(r"^ *\[ *(\d+)\] \.text ", tables, re.MULTILINE)
    objects = re.findall(r"^ *\d+: [0-9a-f]+ +(\d+) OBJECT +\w+ +\w+ +(\d+) ", tables, re.MULTILINE)
    return sum(int(size) for size, section in objects if section in numbers)
