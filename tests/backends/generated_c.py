"""Generated C in tests: built together with a driver, run over samples, its outputs read back.

Many networks go through one call of the compiler, which takes most of the time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnc.ir.types import Array

WARNINGS = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
STRICT = ("-std=c89", *WARNINGS)
Tool = Callable[[str], str]
"""The fixture `tool`: a program's path by its name."""

SANITIZED = ("-std=c89", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Case:
    """One network's files and the samples to run it over."""

    name: str
    files: Mapping[str, str]
    inputs: Sequence[Array]
    """For each input of the network (samples, *shape), float32."""
    output_sizes: Sequence[int]
    """Elements of each output."""


def run_cases(
    cases: Sequence[Case], folder: Path, compiler: str, flags: Sequence[str] = SANITIZED, before: Sequence[str] = ()
) -> list[list[Array]]:
    """The outputs, (samples, elements) each, of every case.

    `before` is put before the program (a tool to run it under).  Each network
    starts in memory full of NaN, in blocks of exactly its size, is set up once
    and runs over all samples, and must leave its inputs as they were.
    """
    program = build(
        folder, compiler, flags, {n: t for case in cases for n, t in case.files.items()}, {"driver.c": _driver(cases)}
    )
    given = b"".join(
        np.ascontiguousarray(x[i], "<f4").tobytes() for case in cases for i in range(_count(case)) for x in case.inputs
    )
    (folder / "given").write_bytes(given)
    checked_run([*before, str(program), str(folder / "given"), str(folder / "got")], folder)
    return _outputs(cases, np.fromfile(folder / "got", "<f4"))


def build(
    folder: Path, compiler: str, flags: Sequence[str], *groups: Mapping[str, str], link: Sequence[str] = ("-lm",)
) -> Path:
    """A program made of all these C files in one call of the compiler."""
    files = {name: text for group in groups for name, text in group.items()}
    write(files, folder)
    sources = [name for name in files if name.endswith(".c")]
    checked_run([compiler, *flags, *sources, *link, "-o", "program"], folder)
    return folder / "program"


def write(files: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")


def checked_run(command: Sequence[str], folder: Path) -> str:
    """What the command prints, on either stream; it must succeed."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{text[:4000]}"
    return text


def _count(case: Case) -> int:
    return len(case.inputs[0])


def _outputs(cases: Sequence[Case], got: Array) -> list[list[Array]]:
    result, at = [], 0
    for case in cases:
        width = sum(case.output_sizes)
        rows = got[at : at + _count(case) * width].reshape(_count(case), width)
        at += rows.size
        result.append(np.split(rows, np.cumsum(case.output_sizes)[:-1], axis=1))
    assert at == got.size
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

static float *input(size_t count)
{
    float *p = (float *)block(count * sizeof(float));
    if (fread(p, sizeof(float), count, given) != count)
        abort();
    return p;
}

static float *copy(const float *p, size_t count)
{
    float *q = (float *)block(count * sizeof(float));
    memcpy(q, p, count * sizeof(float));
    return q;
}

static void untouched(const char *network, float *p, float *q, size_t count)
{
    if (memcmp(p, q, count * sizeof(float)) != 0) {
        printf("%s changed its input\\n", network);
        exit(1);
    }
    free(p);
    free(q);
}

static void output(float *p, size_t count)
{
    if (fwrite(p, sizeof(float), count, got) != count)
        abort();
    free(p);
}
"""


def _driver(cases: Sequence[Case]) -> str:
    lines = [f'#include "{case.name}.h"' for case in cases]
    lines.append(_HEAD)
    for case in cases:
        name = case.name
        sizes = [x[0].size for x in case.inputs]
        lines += [f"static void run_{name}(void)", "{"]
        lines += [f"    {name}_t *net = ({name}_t *)block(sizeof({name}_t));", "    int i;"]
        lines += [f"    {name}_init(net);", f"    for (i = 0; i < {_count(case)}; ++i) {{"]
        lines += [f"        float *x{i} = input({size}), *c{i} = copy(x{i}, {size});" for i, size in enumerate(sizes)]
        lines += [
            f"        float *y{i} = (float *)block({n} * sizeof(float));" for i, n in enumerate(case.output_sizes)
        ]
        arguments = [f"x{i}" for i in range(len(sizes))] + [f"y{i}" for i in range(len(case.output_sizes))]
        lines += [f"        {name}_run({', '.join(['net', *arguments])});"]
        lines += [f'        untouched("{name}", x{i}, c{i}, {size});' for i, size in enumerate(sizes)]
        lines += [f"        output(y{i}, {n});" for i, n in enumerate(case.output_sizes)]
        lines += ["    }", "    free(net);", "}", ""]
    lines += ["int main(int argc, char **argv)", "{", "    if (argc != 3)", "        return 2;"]
    lines += ['    given = fopen(argv[1], "rb");', '    got = fopen(argv[2], "wb");']
    lines += ["    if (given == NULL || got == NULL)", "        return 2;"]
    lines += [f"    run_{case.name}();" for case in cases]
    lines += ["    fclose(given);", "    return fclose(got);", "}", ""]
    return "\n".join(lines)
