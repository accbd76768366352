"""Writing C: lines, indentation, and how numbers and lists of them look."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mnc.backends.fitting import fitted
from mnc.ir.types import Array
from mnc.program import ROW

WIDTH = 100
"""Longest line of generated code."""
GLUE = "\0"
"""A space at which `wrap` breaks no line."""


class Writer:
    """Text that grows line by line: `w("x = 1;")`, `with w.block("for (...)"):`."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def __call__(self, line: str = "") -> None:
        self._lines.append("    " * self._depth + line if line else "")

    def lines(self, text: str) -> None:
        """Several lines of C, each at the present depth and `fitted`; preprocessor lines stay at the margin."""
        for line in fitted(text.rstrip("\n"), WIDTH - 4 * self._depth):
            self._lines.append(line if line.startswith("#") or not line else "    " * self._depth + line)

    def outdented(self, line: str) -> None:
        """A line one level to the left, as C++'s access labels are."""
        self._lines.append("    " * (self._depth - 1) + line)

    def wrapped(self, text: str, *, indent: int = 1) -> None:
        """Lines broken at spaces; all but the first are indented further."""
        self._lines.extend(wrap(text, depth=self._depth, indent=indent))

    @contextmanager
    def block(self, head: str = "", tail: str = "") -> Iterator[None]:
        """Braces round what is written inside; without a head they open a line of their own."""
        self(f"{head} {{" if head else "{")
        self._depth += 1
        yield
        self._depth -= 1
        self("}" + tail)

    def text(self) -> str:
        """Everything written, ending in a newline."""
        return "\n".join(self._lines) + "\n"


def wrap(text: str, *, depth: int = 0, indent: int = 1) -> list[str]:
    """Text broken at spaces outside comments, and that are not `GLUE`, into lines of at most WIDTH columns."""
    glued = text.replace(" /*", f"{GLUE}/*").replace("/* ", f"/*{GLUE}").replace(" */", f"{GLUE}*/")
    lines = textwrap.wrap(
        glued,
        WIDTH,
        initial_indent="    " * depth,
        subsequent_indent="    " * (depth + indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(GLUE, " ") for line in lines]


TYPES = {"float32": "float", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t"}
"""How C spells an element's type."""


def declaration(name: str, values: Array) -> str:
    """A constant array without its initialiser.

    A constant may lie in a memory of its own, unless a kernel reads it as a row of its input.
    """
    place = "" if name.endswith(f"_{ROW}") else " MNC_FLASH"
    return f"{TYPES[values.dtype.name]} {name}[{values.size}]{place}"


def array(head: str, values: Array) -> list[str]:
    """The definition of a constant array, after all that comes before its initialiser."""
    flat = values.ravel()
    if not flat.any():
        return fitted(f"{head} = {{{literal(flat[0])}}};", WIDTH)
    return [*fitted(f"{head} = {{", WIDTH), *_filled(literals(flat)), "};"]


def _filled(items: Sequence[str]) -> list[str]:
    """A list of items on lines of at most WIDTH columns; `textwrap` takes most of a compilation for it."""
    lines, line = [], "   "
    for item in (*(f"{item}," for item in items[:-1]), items[-1]):
        if len(line) + 1 + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line = f"{line} {item}"
    return [*lines, line]


def literals(values: Array) -> list[str]:
    """C literals; a float32 in the fewest digits that give it back exactly."""
    if values.dtype != np.float32:
        return [str(v) for v in values.tolist()]
    numbers = values.astype(np.float64).tolist()
    texts = [f"{v:.6g}" for v in numbers]
    for digits in (7, 8, 9):
        back = np.array(texts, dtype=np.float64).astype(np.float32)
        for i in np.flatnonzero(back != values).tolist():
            texts[i] = f"{numbers[i]:.{digits}g}"
    return [t + "f" if "." in t or "e" in t else t + ".0f" for t in texts]


def literal(value: float | np.generic) -> str:
    """One C literal of a float (as float32) or an integer."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return literals(np.array([value], np.float32))[0]


def joined(items: Sequence[object]) -> str:
    """Items as a C list."""
    return ", ".join(map(str, items))
