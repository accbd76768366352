"""Every compiler takes the generated C without a warning, and makes the same of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from gallery import Exhibit, exhibit, gallery, unseen_kernels
from generated_c import WARNINGS, Tool, checked_run, run_cases, write

import mnc

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


@cache
def exhibits() -> tuple[Exhibit, ...]:
    """Every kernel, and two real networks."""
    real = {"pico": "pico.keras2.h5", "resnet": "resnet_small.k2.h5"}
    return (*gallery(), *(exhibit(mnc.load(FIXTURES / file), name) for name, file in real.items()))


def files() -> Mapping[str, str]:
    return {name: text for each in exhibits() for name, text in each.build.files.items()}


def test_the_gallery_calls_every_kernel() -> None:
    assert unseen_kernels() == set()


@dataclass(frozen=True)
class Compiler:
    program: str
    flags: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Compiler:
        program, *flags = line.split()
        return cls(program, tuple(flags))


M0PLUS = "-mcpu=cortex-m0plus -mthumb -mfloat-abi=soft"
M4 = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"
M55 = "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard"
RISCV = "-march=rv32imac -mabi=ilp32 --specs=picolibc.specs"


@pytest.mark.parametrize(
    "line",
    [
        "gcc -std=c89 -O0",
        "gcc -std=c89 -O2",
        "gcc -std=c89 -O3 -DMNC_KERNEL=static -Wunused -Wshadow -Wcast-qual",
        "gcc -std=c89 -Os -DMNC_SMALL",
        "gcc -std=c99 -O1 -march=native -Wvla",
        "clang -std=c89 -O2",
        "g++ -x c++ -std=c++11 -O2",
    ],
)
def test_no_warning_and_the_same_results(line: str, tool: Tool, tmp_path: Path) -> None:
    assert_as_expected(Compiler.of(f"{line} {' '.join(WARNINGS)}"), tool, tmp_path)


def test_no_warning_from_tcc_and_the_same_results(tool: Tool, tmp_path: Path) -> None:
    assert_as_expected(Compiler.of("tcc -Wall -Werror"), tool, tmp_path)


def assert_as_expected(compiler: Compiler, tool: Tool, folder: Path) -> None:
    outputs = run_cases([each.case for each in exhibits()], folder, tool(compiler.program), compiler.flags)
    assert [each.case.name for each, got in zip(exhibits(), outputs, strict=True) if not each.error(got) <= 1.0] == []


@pytest.mark.parametrize(
    "line",
    [
        "gcc -std=c11 -fsyntax-only",
        "gcc -std=c2x -fsyntax-only",
        "clang -std=c99 -fsyntax-only -Wvla",
        "clang -std=c11 -fsyntax-only -DMNC_SMALL",
        "g++ -x c++ -std=c++20 -fsyntax-only -DMNC_SMALL",
        "clang++ -x c++ -std=c++11 -fsyntax-only",
        f"arm-none-eabi-gcc -std=c89 -O2 {M0PLUS}",
        f"arm-none-eabi-gcc -std=c89 -Os -DMNC_SMALL {M0PLUS}",
        f"arm-none-eabi-gcc -std=c89 -O2 -Wdouble-promotion {M4}",
        f"arm-none-eabi-gcc -std=c99 -O1 {M55}",
        f"arm-none-eabi-g++ -x c++ -std=c++11 -fsyntax-only {M4}",
        f"riscv64-unknown-elf-gcc -std=c89 -O1 {RISCV}",
    ],
    ids=lambda line: line[:60],
)
def test_no_warning(line: str, tool: Tool, tmp_path: Path) -> None:
    """As one source, which has each kernel once; that every file has all that it needs, the other tests find."""
    sources = "".join(f'#include "{name}"\n' for name in files() if name.endswith(".c"))
    write({**files(), "all.c": sources}, tmp_path)
    compile_all(Compiler.of(line), ["all.c"], tool, tmp_path)


def test_no_warning_for_avr(tool: Tool, tmp_path: Path) -> None:
    """Its library has no error function."""
    builds = [each.build.files for each in exhibits()]
    able = {name: text for build in builds if "MNC_ERFF" not in "".join(build.values()) for name, text in build.items()}
    assert able
    write(able, tmp_path)
    sources = [name for name in able if name.endswith(".c")]
    compile_all(Compiler.of("avr-gcc -std=c99 -Os -mmcu=atmega2560"), sources, tool, tmp_path)


def compile_all(compiler: Compiler, sources: Sequence[str], tool: Tool, folder: Path) -> None:
    checked_run([tool(compiler.program), *compiler.flags, *WARNINGS, "-c", *sources], folder)


def test_valgrind_finds_nothing(valgrind: str, gcc: str, tmp_path: Path) -> None:
    watched = [valgrind, "--quiet", "--error-exitcode=9", "--leak-check=full"]
    outputs = run_cases(
        [each.case for each in gallery()], tmp_path, gcc, ["-std=c89", "-g", "-O1", "-DLEAVE_UNDEFINED"], watched
    )
    assert all(each.error(got) <= 1.0 for each, got in zip(gallery(), outputs, strict=True))


MATH = {"cosf", "erff", "expf", "expm1f", "floorf", "log1pf", "logf", "powf", "sinf", "sqrtf", "tanhf"}
MEMORY = {"memcpy", "memset", "memmove"}
"""Functions that compilers put in place of loops by themselves."""


def test_an_object_file_has_no_variables_and_asks_for_little(gcc: str, tool: Tool, tmp_path: Path) -> None:
    write(files(), tmp_path)
    checked_run([gcc, "-std=c89", "-O1", "-c", *(f"{each.case.name}.c" for each in exhibits())], tmp_path)
    for each in exhibits():
        name = each.case.name
        symbols = [line.split()[-2:] for line in checked_run([tool("nm"), f"{name}.o"], tmp_path).splitlines()]
        kinds = {kind: {symbol for k, symbol in symbols if k == kind} for kind, _ in symbols}
        outputs = len(each.build.graph.outputs)
        numbers = [""] if outputs == 1 else [f"_{i}" for i in range(outputs)]
        searching = {f"{name}_{what}{number}" for what in ("argmax", "top") for number in numbers}
        assert kinds["T"] == {f"{name}_init", f"{name}_run", *searching}
        assert kinds.keys() <= {"T", "t", "r", "U"}, name
        source = each.build.files[f"{name}.c"]
        wanted = {function for function in MATH if re.search(rf"\bMNC_{function.upper()}\(", source)}
        assert kinds.get("U", set()) - MEMORY <= wanted, name


def test_calls_never_come_back_and_frames_are_of_fixed_size(gcc: str, tmp_path: Path) -> None:
    write(files(), tmp_path)
    sources = [name for name in files() if name.endswith(".c")]
    flags = ["-std=c89", "-O0", "-DMNC_KERNEL=static", "-fcallgraph-info", "-fstack-usage", "-c"]
    checked_run([gcc, *flags, *sources], tmp_path)
    for source in sources:
        frames = (tmp_path / source).with_suffix(".su").read_text().splitlines()
        # arguments that registers cannot hold are "dynamic,bounded"; an array of variable length is "dynamic"
        assert {frame.split("\t")[2] for frame in frames} <= {"static", "dynamic,bounded"}
        graph = (tmp_path / source).with_suffix(".ci").read_text()
        callees: dict[str, set[str]] = {}
        for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
            callees.setdefault(caller, set()).add(callee)
        assert callees
        while leaves := [caller for caller, called in callees.items() if not called & callees.keys()]:
            for leaf in leaves:
                del callees[leaf]
        assert callees == {}, f"{source}: functions that call themselves"
