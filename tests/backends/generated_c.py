"""Generated C in tests: built together with a driver, run over samples, its outputs read back.

Many networks go through one call of the compiler, which takes most of the time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mnc.ir.types import Array

WARNINGS = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
STRICT = ("-std=c89", *WARNINGS)
Tool = Callable[[str], str]
"""The fixture `tool`: a program's path by its name."""

SANITIZED = ("-std=c89", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}


@dataclass(frozen=True)
class Case:
    """One network's files and the samples to run it over."""

    name: str
    files: Mapping[str, str]
    inputs: Sequence[Array]
    """For each input of the network (samples, *shape): int8, uint8 and int16 as they are, else float32."""
    output_sizes: Sequence[int]
    """Elements of each output."""
    output_types: Sequence[str] = ()
    """The element type of each, as NumPy calls it; float32 where there is none."""
    apart: bool = False
    """Whether the network is set up again before each sample, so that no state is carried over."""
    regions: Sequence[str] = ()
    """The memories that the network is handed, each a block of its own."""
    sliced: bool = False
    """Whether each run goes slice by slice, which must be as many as the header says."""

    def dtype(self, value: str, i: int) -> np.dtype[Any]:
        """The element type of an input (`x`) or an output (`y`)."""
        given = self.inputs[i].dtype.name if value == "x" else self.output_types[i] if self.output_types else ""
        return np.dtype(f"<{np.dtype(given if given in C_TYPES else 'float32').str[1:]}")

    def c_type(self, value: str, i: int) -> str:
        """Its equivalent in C."""
        return C_TYPES.get(self.dtype(value, i).name, "float")


def run_cases(
    cases: Sequence[Case],
    folder: Path,
    compiler: str,
    flags: Sequence[str] = SANITIZED,
    before: Sequence[str] = (),
    library: Mapping[str, str] = MappingProxyType({}),
    *,
    as_one: bool = False,
) -> list[list[Array]]:
    """The outputs, (samples, elements) each, of every case.

    `before` is put before the program (a tool to run it under), `library` are
    further files that it is made of.  `as_one`: the networks are one source, which
    has each kernel once.  Each network starts in memory full of
    NaN, in blocks of exactly its size, is set up once and runs over all
    samples, and must leave its inputs as they were.
    """
    files = {n: t for case in cases for n, t in case.files.items()}
    program = build(
        folder,
        compiler,
        flags,
        as_one_source(files) if as_one else files,
        {"driver.c": _driver(cases)},
        library,
    )
    given = b"".join(
        np.ascontiguousarray(x[i], case.dtype("x", k)).tobytes()
        for case in cases
        for i in range(_count(case))
        for k, x in enumerate(case.inputs)
    )
    (folder / "given").write_bytes(given)
    checked_run([*before, str(program), str(folder / "given"), str(folder / "got")], folder)
    return _outputs(cases, (folder / "got").read_bytes())


def build(
    folder: Path, compiler: str, flags: Sequence[str], *groups: Mapping[str, str], link: Sequence[str] = ("-lm",)
) -> Path:
    """A program made of all these C files in one call of the compiler."""
    files = {name: text for group in groups for name, text in group.items()}
    write(files, folder)
    sources = [name for name in files if name.endswith(".c")]
    checked_run([compiler, *flags, *sources, *link, "-o", "program"], folder)
    return folder / "program"


def as_one_source(files: Mapping[str, str]) -> dict[str, str]:
    """The files of several networks, their sources included by one."""
    included = {name: f"{name}.inc" for name in files if name.endswith(".c")}
    lines = [f'#include "{name}"\n' for name in included.values()]
    return {**{included.get(name, name): text for name, text in files.items()}, "networks.c": "".join(lines)}


def write(files: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")


def checked_run(command: Sequence[str], folder: Path) -> str:
    """The output of a command, on either stream; it must succeed."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{text[:4000]}"
    return text


def _count(case: Case) -> int:
    return len(case.inputs[0])


def _outputs(cases: Sequence[Case], got: bytes) -> list[list[Array]]:
    result, at = [], 0
    for case in cases:
        fields = [(f"y{i}", case.dtype("y", i), size) for i, size in enumerate(case.output_sizes)]
        rows = np.frombuffer(got, np.dtype([(name, kind, (size,)) for name, kind, size in fields]), _count(case), at)
        at += rows.nbytes
        result.append([rows[name] for name, _, _ in fields])
    assert at == len(got)
    return result


_HEAD = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *given, *got;

static void *block(size_t size)
{
    void *p = malloc(size);
    if (p == NULL)
        abort();
#ifndef LEAVE_UNDEFINED
    memset(p, 0xFF, size);
#endif
    return p;
}

static void *input(size_t size)
{
    void *p = block(size);
    if (fread(p, 1, size, given) != size)
        abort();
    return p;
}

static void *copy(const void *p, size_t size)
{
    void *q = block(size);
    memcpy(q, p, size);
    return q;
}

static void untouched(const char *network, void *p, void *q, size_t size)
{
    if (memcmp(p, q, size) != 0) {
        printf("%s changed its input\\n", network);
        exit(1);
    }
    free(p);
    free(q);
}

static void output(void *p, size_t size)
{
    if (fwrite(p, 1, size, got) != size)
        abort();
    free(p);
}
"""


def _driver(cases: Sequence[Case]) -> str:
    lines = [f'#include "{case.name}.h"' for case in cases]
    lines.append(_HEAD)
    for case in cases:
        name = case.name
        given = [(f"x{i}", case.c_type("x", i), x[0].size) for i, x in enumerate(case.inputs)]
        made = [(f"y{i}", case.c_type("y", i), n) for i, n in enumerate(case.output_sizes)]
        lines += [f"static void run_{name}(void)", "{"]
        lines += [f"    {name}_t *net = ({name}_t *)block(sizeof({name}_t));"]
        lines += [
            f"    {name}_{each}_t *{each} = ({name}_{each}_t *)block(sizeof({name}_{each}_t));" for each in case.regions
        ]
        setting_up = f"    {name}_init({', '.join(['net', *case.regions])});"
        loop = f"    for (i = 0; i < {_count(case)}; ++i) {{"
        lines += ["    int i;", *((loop, setting_up) if case.apart else (setting_up, loop))]
        lines += [f"        {c} *{x} = ({c} *)input({n} * sizeof({c}));" for x, c, n in given]
        lines += [f"        {c} *copy_of_{x} = ({c} *)copy({x}, {n} * sizeof({c}));" for x, c, n in given]
        lines += [f"        {c} *{y} = ({c} *)block({n} * sizeof({c}));" for y, c, n in made]
        operands = ", ".join(["net", *(each for each, _, _ in (*given, *made))])
        if case.sliced:
            lines += [f"        int steps = 1;\n        while ({name}_step({operands}) != 0)\n            ++steps;"]
            lines += [f"        if (steps != {name.upper()}_STEPS)\n            abort();"]
        else:
            lines += [f"        {name}_run({operands});"]
        lines += [f'        untouched("{name}", {x}, copy_of_{x}, {n} * sizeof({c}));' for x, c, n in given]
        lines += [f"        output({y}, {n} * sizeof({c}));" for y, c, n in made]
        lines += ["    }", *(f"    free({each});" for each in case.regions), "    free(net);", "}", ""]
    lines += ["int main(int argc, char **argv)", "{", "    if (argc != 3)", "        return 2;"]
    lines += ['    given = fopen(argv[1], "rb");', '    got = fopen(argv[2], "wb");']
    lines += ["    if (given == NULL || got == NULL)", "        return 2;"]
    lines += [f"    run_{case.name}();" for case in cases]
    lines += ["    fclose(given);", "    return fclose(got);", "}", ""]
    return "\n".join(lines)
