"""A small firmware with a network in it, which shows a PC every layer over a serial port."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from importlib import resources

from mnc.backends.facts import model_hash
from mnc.backends.interface import Emission
from mnc.backends.writer import Writer, joined
from mnc.board.parts import layer_sizes
from mnc.errors import refuse
from mnc.targets import cmsis_nn
from mnc.targets.interface import Interface

UNNAMED = "net"
"""The name of a network in the code of which fingerprints are taken."""


def fingerprint(emission: Emission) -> int:
    """32 bits that change with the generated code of a network; its name is `UNNAMED`."""
    text = "".join(f"{name}\0{content}\0" for name, content in sorted(emission.files.items()))
    return zlib.crc32(text.encode())


def firmware(kind: str, emission: Emission, name: str, code: int) -> Mapping[str, str]:
    """The files of a firmware of this kind; `emission` is the traced code of the network, `code` its fingerprint.

    CompileError where the code is not plain C.
    """
    files = emission.files
    if f"{name}.c" not in files or cmsis_nn.needed(files):
        raise refuse(
            f"network {name!r}",
            "is not plain C, which a firmware is made of",
            "use backend c; `mnc verify --on TARGET` looks at the layers of the others in an emulator",
        )
    if emission.blob is not None:
        raise refuse(
            f"network {name!r}",
            "has constants in a file of its own, which a firmware lacks",
            "leave weights=binary out",
        )
    if name.startswith("mnc_"):
        raise refuse(f"network {name!r}", "would be called like a part of the firmware", "give it another --name")
    include = f'#include "{name}.h"\n'
    own = {
        f"{name}.h": files[f"{name}.h"],
        f"{name}.c": files[f"{name}.c"].replace(include, f'{include}#include "mnc_board.h"\n', 1),
        "mnc_network.c": _network(emission, name, code),
        **{file: _support(file) for file in ("mnc_board.h", "mnc_board.c")},
    }
    return _KINDS[kind](name, own)


def _support(file: str) -> str:
    return resources.files("mnc.board").joinpath("support").joinpath(file).read_text(encoding="utf-8")


def _network(emission: Emission, name: str, code: int) -> str:
    """The network behind the firmware's interface."""
    program = emission.program
    interface = Interface.of_graph(program.graph, name, emission.plan.region_names)
    inputs, outputs = (
        [(f"{role}{i}", kind) for i, kind in enumerate(types)]
        for role, types in (("input", interface.inputs), ("output", interface.outputs))
    )
    parts = [f"&{region}" for region in interface.regions]
    w = Writer()
    w(f"/* The network {name}, as the firmware sees it. */")
    w('#include "mnc_board.h"')
    w(f'#include "{name}.h"')
    w()
    w(f"static {name}_t network;")
    for region in interface.regions:
        w(f"static {name}_{region}_t {region};")
    for place, kind in (*inputs, *outputs):
        w(f"static {kind.dtype.c} {place}[{kind.elements}];")
    w()
    for role, places in (("input", inputs), ("output", outputs)):
        blocks = joined([f"{{{place}, sizeof {place}}}" for place, _ in places])
        w.lines(f"const mnc_block mnc_{role}s[] = {{{blocks}}};")
        w(f"const uint16_t mnc_{role}_count = {len(places)};")
    w(f"const uint16_t mnc_layer_count = {len(program.steps)};")
    w.lines(f"const uint32_t mnc_layer_sizes[] = {{{joined(layer_sizes(emission))}}};")
    w(f"const uint32_t mnc_model = 0x{model_hash(program.graph):08X}UL;")
    w(f"const uint32_t mnc_code = 0x{code:08X}UL;")
    w(f'const char mnc_name[] = "{name}";')
    w()
    w("void mnc_set_up(void)")
    with w.block():
        w.lines(f"{name}_init({joined(['&network', *parts])});")
    w()
    w("void mnc_inference(void)")
    with w.block():
        w.lines(f"{name}_run({joined(['&network', *(place for place, _ in (*inputs, *outputs))])});")
    return w.text()


def _plain(_: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """C files for any build system, with three functions to fill in."""
    return {**own, "main.c": _support("main.c")}


def _arduino(name: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """A sketch, whose folder must be called like it."""
    sketch = f"{name}_board"
    return {f"{sketch}/{file}": text for file, text in (*own.items(), (f"{sketch}.ino", _support("arduino.ino")))}


def _esp_idf(name: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """An application: `idf.py set-target esp32s3 flash`."""
    sources = " ".join(f'"{file}"' for file in ("main.c", *own) if file.endswith(".c"))
    return {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\n"
        f"include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)\nproject({name}_board)\n",
        "sdkconfig.defaults": _SDKCONFIG,
        "main/CMakeLists.txt": f'idf_component_register(SRCS {sources} INCLUDE_DIRS ".")\n',
        "main/main.c": _support("esp_idf.c"),
        **{f"main/{file}": text for file, text in own.items()},
    }


_SDKCONFIG = """\
CONFIG_ESP_CONSOLE_NONE=y
CONFIG_LOG_DEFAULT_LEVEL_NONE=y
CONFIG_BOOTLOADER_LOG_LEVEL_NONE=y
CONFIG_ESP_MAIN_TASK_STACK_SIZE=16384
CONFIG_ESP_TASK_WDT_EN=n
CONFIG_COMPILER_OPTIMIZATION_PERF=y
"""
"""Nothing else writes to the port, and a layer may take its time."""


def _zephyr(name: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """An application: `west build -b BOARD`."""
    sources = " ".join(f"src/{file}" for file in ("main.c", *own) if file.endswith(".c"))
    return {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.20.0)\n"
        "find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})\n"
        f"project({name}_board)\n\ntarget_sources(app PRIVATE {sources})\n",
        "prj.conf": _PRJ,
        "src/main.c": _support("zephyr.c"),
        **{f"src/{file}": text for file, text in own.items()},
    }


_PRJ = """\
CONFIG_SERIAL=y
CONFIG_CONSOLE=n
CONFIG_UART_CONSOLE=n
CONFIG_LOG=n
CONFIG_BOOT_BANNER=n
CONFIG_PRINTK=n
CONFIG_REQUIRES_FULL_LIBC=y
CONFIG_MAIN_STACK_SIZE=16384
"""

_KINDS: Mapping[str, Callable[[str, Mapping[str, str]], Mapping[str, str]]] = {
    "arduino": _arduino,
    "esp-idf": _esp_idf,
    "plain": _plain,
    "zephyr": _zephyr,
}
KINDS = tuple(_KINDS)
"""The kinds of firmware."""
