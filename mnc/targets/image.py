"""Generated C, an adapter and a board's support code made into one linked image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mnc.targets import process
from mnc.targets.interface import C_TYPES, Interface
from mnc.targets.target import Board, Target, Tool

COMPILE_SECONDS = 600.0

MEMORY_SCRIPT = "memory.ld"


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
    """Bytes that a network adds to an image, and what they are."""

    code: int
    """Instructions, those of library functions included that only the network calls."""
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


def adapter(interface: Interface, layers: int) -> str:
    """C that puts the network behind the driver's interface; with MNC_EMPTY defined, nothing behind it."""

    def blocks(role: str, types: Sequence[object]) -> str:
        names = ", ".join(f"{{{role}{i}, sizeof {role}{i}}}" for i in range(len(types)))
        return f"const mnc_block mnc_{role}s[] = {{{names}}};\nconst uint16_t mnc_{role}_count = {len(types)};"

    name = interface.name
    roles = (("input", interface.inputs), ("output", interface.outputs))
    arrays = [
        f"static {C_TYPES[t.dtype]} {role}{i}[{t.elements}];" for role, types in roles for i, t in enumerate(types)
    ]
    arguments = [f"{role}{i}" for role, types in roles for i in range(len(types))]
    return "\n".join(
        (
            '#include "driver.h"',
            f'#include "{name}.h"',
            "",
            *arrays,
            *(blocks(role, types) for role, types in roles),
            f"const uint16_t mnc_layer_count = {layers};",
            f"mnc_stamp mnc_layers[{max(layers, 1)}];",
            "",
            "void mnc_nothing(void) {}",
            "#ifdef MNC_EMPTY",
            "void mnc_net_init(void) {}",
            "void mnc_net_run(void) {}",
            "#else",
            f"static {name}_t net;",
            f"void mnc_net_init(void) {{ {name}_init(&net); }}",
            f"void mnc_net_run(void) {{ {name}_run(&net, {', '.join(arguments)}); }}",
            "#endif",
            "",
        )
    )


def memory_script(board: Board) -> str:
    """The linker's view of the board's memory."""
    regions = (f"    {name} : ORIGIN = {r.origin:#x}, LENGTH = {r.size:#x}" for name, r in board.regions)
    return "\n".join(("MEMORY", "{", *regions, "}", f"STACK_SIZE = {board.stack};", ""))


def support_files(board: Board) -> dict[str, str]:
    """Our own C, headers and linker script for a board: file name -> text."""
    support = resources.files("mnc.targets").joinpath("support")
    folders = (support, support.joinpath(board.support))
    files = {
        file.name: file.read_text(encoding="utf-8") for folder in folders for file in folder.iterdir() if file.is_file()
    }
    return {**files, MEMORY_SCRIPT: memory_script(board)}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Every file into `folder`, which exists."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def compile_files(target: Target, sources: Sequence[str], folder: Path, options: Options, *extra: str) -> list[str]:
    """The object files of C sources that lie in `folder`; `extra` are flags."""
    include = [f"-I{path}" for path in options.include]
    level = options.optimise or target.optimise
    objects = []
    for source in sources:
        made = f"{Path(source).stem}{''.join(re.findall('[A-Z]+', ''.join(extra)))}.o"
        flags = [*target.common_flags, level, "-I.", *include, *extra]
        process.run(target.compiler, [*flags, "-c", source, "-o", made], folder, where=source, seconds=COMPILE_SECONDS)
        objects.append(made)
    return objects


def link(target: Target, objects: Sequence[str], image: str, folder: Path, options: Options) -> None:
    """An image for the target's board from object files and nothing of the C library's start-up."""
    # The C library's own state, which any use of errno brings, is in every image and so counts for no network.
    script = ["-nostartfiles", "-Wl,-u,__errno", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments", "-T", "link.ld"]
    libraries = [str(path) for path in options.libraries]
    process.run(
        target.compiler,
        [*target.flags, *script, *objects, *libraries, "-lm", "-o", image],
        folder,
        where=f"target {target.name}",
        seconds=COMPILE_SECONDS,
    )


def section_sizes(target: Target, image: str, folder: Path) -> Sizes:
    """What a linked image holds, as the linker script sorts it; the stack apart."""
    prefix = target.compiler.program.removesuffix("gcc")
    text = process.run(
        Tool(f"{prefix}size", target.compiler.package), ["-A", image], folder, where=image, seconds=COMPILE_SECONDS
    )
    found = {name: int(size) for name, size in re.findall(r"^(\.[\w.]+)\s+(\d+)", text, re.MULTILINE)}
    exception_tables = found.get(".ARM.exidx", 0) + found.get(".ARM.extab", 0)
    return Sizes(
        found.get(".text", 0) + exception_tables, found.get(".rodata", 0), found.get(".data", 0), found.get(".bss", 0)
    )
