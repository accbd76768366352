"""Where constants of each element type lie: in AVR's flash, or in a section of the user's (`-DMNC_FLASH=...`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from generated_c import STRICT, WARNINGS, Tool, checked_run, write
from quantised_networks import steady_network
from test_profile import small

import mnc

SECTION = '-DMNC_FLASH=__attribute__((section(".qspi")))'
TYPES = {"float32": {"float", "char"}, "integers": {"int8_t", "int16_t", "int32_t", "char"}}


@pytest.mark.parametrize(
    ("compiler", "flags", "section"),
    [
        ("arm-none-eabi-gcc", ("-mcpu=cortex-m4", *STRICT, SECTION), ".qspi"),
        ("avr-gcc", ("-std=gnu99", "-mmcu=atmega2560", "-DMNC_TIMER=0", *WARNINGS), ".progmem.data"),
        (
            "avr-gcc",
            ("-std=gnu99", "-mmcu=atmega2560", "-DMNC_TIMER=0", SECTION.replace("qspi", "progmem.qspi")),
            ".progmem.qspi",
        ),
    ],
)
@pytest.mark.parametrize("network", TYPES)
def test_a_section_holds_all_constants(
    network: str, compiler: str, flags: tuple[str, ...], section: str, tool: Tool, tmp_path: Path
) -> None:
    graph = small() if network == "float32" else steady_network()
    files = mnc.compile(graph, name="net", settings={"profile": "1"}).files
    write(files, tmp_path)
    checked_run([tool(compiler), *flags, "-c", "net.c"], tmp_path)
    listed = checked_run([tool(compiler.replace("gcc", "objdump")), "-t", "net.o"], tmp_path)
    objects = {name: place for place, name in re.findall(r" O (\S+)\s+[0-9a-f]+ (\S+)$", listed, re.MULTILINE)}
    known = dict(re.findall(r"^static const \w+ (\w+)(?:\[\d+\])+( MNC_FLASH)?", files["net.c"], re.MULTILINE))
    assert set(re.findall(r"^static const (\w+) .*MNC_FLASH", files["net.c"], re.MULTILINE)) == TYPES[network]
    assert objects.keys() == known.keys()
    for name, place in objects.items():
        assert (place == section) == bool(known[name]), name
        assert known[name] or name.endswith("_zeros")


def test_a_linker_script_can_name_the_constants_of_a_class(tool: Tool, tmp_path: Path) -> None:
    """GCC leaves no member of a template in the section of an attribute."""
    build = mnc.compile(steady_network(), "cpp", "Net")
    run = "signed char go(Net &net, const int16_t *x) { return net.predict(x) ? net.outputs[0] : 0; }"
    given = build.graph.inputs[0].type.dtype.c
    write({**build.files, "main.cpp": f'#include "Net.h"\n{run.replace("int16_t", given)}\n'}, tmp_path)
    checked_run([tool("arm-none-eabi-g++"), "-mcpu=cortex-m4", "-std=c++11", "-O0", "-c", "main.cpp"], tmp_path)
    listed = checked_run([tool("arm-none-eabi-objdump"), "-h", "main.o"], tmp_path)
    places = dict(re.findall(r"^ *\d+ (\S+) +([0-9a-f]{8}) ", listed, re.MULTILINE))
    assert sum(int(size, 16) for name, size in places.items() if re.match(r"\.rodata\._ZN9NetLayersIvE", name)) == (
        build.report.flash.total_constants
    )
