"""Kernels called directly from C.

Each trial is built twice: with literal sizes, as generated code has them, and
with MNC_SMALL and sizes that the compiler does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generated_c import SANITIZED, build, checked_run

from mnc.backends.library import headers, standard
from mnc.backends.writer import literal, literals
from mnc.ir.types import Array


@dataclass(frozen=True)
class Given:
    """An array that the kernel reads."""

    values: Array


@dataclass(frozen=True)
class GivenRows:
    """Pointers to rows of an array, None for those outside."""

    values: Array
    offsets: Sequence[int | None]


@dataclass(frozen=True)
class Wanted:
    """The array that the kernel writes, as it must be afterwards; NaN where it may not write."""

    values: Array


@dataclass(frozen=True)
class Macro:
    """A macro of the library, or NULL."""

    name: str


NULL = Macro("NULL")

Argument = int | float | Given | GivenRows | Wanted | Macro


@dataclass(frozen=True)
class Trial:
    """One call of a kernel, its arguments by parameter name."""

    kernel: str
    arguments: Mapping[str, Argument]
    exact: bool = False
    """Whether the result may not differ by rounding."""


def assert_as_defined(trials: Sequence[Trial], folder: Path, compiler: str) -> None:
    """Both ways of compiling give the wanted values, equal to the bit, and touch nothing else."""
    source = {"trials.c": _source(trials)}
    ways = [_run(source, folder / name, compiler, flags) for name, flags in (("fast", []), ("small", ["-DMNC_SMALL"]))]
    at = 0
    for trial in trials:
        want = _wanted(trial)
        got, shared = (way[at : at + want.size] for way in ways)
        at += want.size
        assert got.tobytes() == shared.tobytes(), trial
        if trial.exact:
            np.testing.assert_array_equal(got, want.astype(np.float32), err_msg=str(trial))
        else:
            largest = float(np.nanmax(np.abs(want), initial=1.0))
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6 * largest, err_msg=str(trial))
    assert all(way.size == at for way in ways)


def _run(source: Mapping[str, str], folder: Path, compiler: str, flags: Sequence[str]) -> Array:
    program = build(folder, compiler, [*SANITIZED, *flags], source)
    checked_run([str(program), str(folder / "got")], folder)
    return np.fromfile(folder / "got", np.float32)


def _wanted(trial: Trial) -> Array:
    (wanted,) = (a.values.ravel() for a in trial.arguments.values() if isinstance(a, Wanted))
    return wanted


_SIZE = """\
#ifdef MNC_SMALL
#define SIZE(literal, variable) variable
#else
#define SIZE(literal, variable) literal
#endif
"""


def _source(trials: Sequence[Trial]) -> str:
    library = standard()
    names = {trial.kernel for trial in trials} | {
        a.name for trial in trials for a in trial.arguments.values() if isinstance(a, Macro) and a != NULL
    }
    kernels = "\n\n".join(item.text for item in library.closure(names))
    bodies = _SIZE + "\n".join(_function(i, trial) for i, trial in enumerate(trials))
    lines = [f"#include {header}" for header in headers(kernels)]
    lines += ["#include <stdio.h>", "#include <stddef.h>", "#include <string.h>", kernels, bodies]
    lines += ["int main(int argc, char **argv)", "{", '    FILE *got = argc == 2 ? fopen(argv[1], "wb") : NULL;']
    lines += ["    if (got == NULL)", "        return 2;", *(f"    trial{i}(got);" for i in range(len(trials)))]
    lines += ["    return fclose(got);", "}", ""]
    return "\n".join(lines)


def _function(number: int, trial: Trial) -> str:
    """Arrays as globals of exactly their size, so that the sanitizer sees every step beside them."""
    arrays: list[str] = []
    texts: list[str] = []
    sizes: list[int] = []
    out = ""
    for i, parameter in enumerate(standard().parameters(trial.kernel)):
        argument = trial.arguments[parameter.name]
        name = f"a{number}_{i}"
        match argument:
            case Given(values):
                arrays.append(f"static const float {name}[] = {{{_list(values)}}};")
                texts.append(name)
            case GivenRows(values, offsets):
                pointers = ", ".join("NULL" if offset is None else f"{name} + {offset}" for offset in offsets)
                arrays.append(f"static const float {name}[] = {{{_list(values)}}};")
                arrays.append(f"static const float *const {name}_rows[] = {{{pointers}}};")
                texts.append(f"{name}_rows")
            case Wanted(values):
                arrays.append(f"static float {name}[{values.size}];")
                texts.append(out := name)
            case Macro(macro):
                texts.append(macro)
            case float():
                texts.append(literal(argument))
            case int():
                texts.append(f"SIZE({argument}, n{number}[{len(sizes)}])")
                sizes.append(argument)
    arrays.append(f"static volatile int n{number}[] = {{{', '.join(map(str, [*sizes, 0]))}}};")
    body = [
        f"(void)n{number};",
        f"memset({out}, 0xFF, sizeof {out});",
        f"{trial.kernel}({', '.join(texts)});",
        f"fwrite({out}, sizeof {out}, 1, got);",
    ]
    head = [*arrays, f"static void trial{number}(FILE *got)"]
    return "\n".join([*head, "{", *(f"    {line}" for line in body), "}", ""])


def _list(values: Array) -> str:
    return ", ".join(literals(values.astype(np.float32).ravel()))
