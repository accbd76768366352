"""Writing C: lines, indentation, and how numbers and lists of them look."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mnc.backends.fitting import fitted
from mnc.ir.types import Array, DType
from mnc.program import ROW

WIDTH = 100
"""Longest line of generated code."""
_AT_ONCE = 2**14
"""Numbers that are text at one time, before they are lines."""
_FEW = 24
"""Numbers below which NumPy takes longer for all than Python does one by one."""
_MORE_DIGITS = (7, 8, 9)
"""Digits of a float32 in decimal beyond the six that always make sense; with nine every one comes back."""
GLUE = "\0"
"""A space at which `wrap` breaks no line."""


class Writer:
    """Text that grows line by line: `w("x = 1;")`, `with w.block("for (...)"):`.

    It can be gone through line by line, line ends included.
    """

    def __init__(self) -> None:
        self._lines: list[str | Iterable[str]] = []
        self._depth = 0

    def __call__(self, line: str = "") -> None:
        self._lines.append("    " * self._depth + line if line else "")

    def __iter__(self) -> Iterator[str]:
        for entry in self._lines:
            for line in (entry,) if isinstance(entry, str) else entry:
                yield f"{line}\n"

    def lines(self, text: str) -> None:
        """Several lines of C, each at the present depth and `fitted`; preprocessor lines stay at the margin."""
        for line in fitted(text.rstrip("\n"), WIDTH - 4 * self._depth):
            self._lines.append(line if line.startswith("#") or not line else "    " * self._depth + line)

    def array(self, head: str, values: Array) -> None:
        """The definition of a constant array at the margin; its numbers become text only where the text is read."""
        self._lines.append(_Definition(head, values))

    def outdented(self, line: str) -> None:
        """A line one level to the left, as C++'s access labels are."""
        self._lines.append("    " * (self._depth - 1) + line)

    def wrapped(self, text: str, *, indent: int = 1) -> None:
        """Lines broken at spaces; all but the first are indented further."""
        self._lines.extend(wrap(text, depth=self._depth, indent=indent))

    @contextmanager
    def block(self, head: str = "", tail: str = "") -> Iterator[None]:
        """Braces round what is written inside; without a head they open a line of their own.

        A head that begins with `else` goes on in the line that the block before it ends with.
        """
        if head.startswith("else"):
            head = f"{self._lines.pop()} {head}".lstrip()
            assert head.startswith("} else"), head
        self.lines(f"{head} {{" if head else "{")
        self._depth += 1
        yield
        self._depth -= 1
        self("}" + tail)

    def text(self) -> str:
        """Everything written, ending in a newline."""
        return "".join(self)


@contextmanager
def linkage(w: Writer) -> Iterator[None]:
    """C's linkage, for a C++ compiler, of the declarations that are written inside."""
    w("#ifdef __cplusplus")
    w('extern "C" {')
    w("#endif")
    w()
    yield
    w("#ifdef __cplusplus")
    w("}")
    w("#endif")
    w()


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


def declaration(name: str, values: Array) -> str:
    """A constant array without its initialiser.

    A constant may lie in a memory of its own, unless a kernel reads it as a row of its input.
    """
    place = "" if name.endswith(f"_{ROW}") else " MNC_FLASH"
    return f"{DType.of(values).c} {name}[{values.size}]{place}"


@dataclass(frozen=True)
class _Definition:
    """The definition of a constant array, line by line."""

    head: str
    """All that comes before its initialiser."""
    values: Array

    def __iter__(self) -> Iterator[str]:
        flat = self.values.ravel()
        if not flat.any():
            zero = "0" if flat.size > 1 else literal(flat[0])  # MISRA 9.3 takes {0} alone for all elements
            yield from fitted(f"{self.head} = {{{zero}}};", WIDTH)
            return
        yield from fitted(f"{self.head} = {{", WIDTH)
        yield from _filled(flat)
        yield "};"


def _filled(flat: Array) -> Iterator[str]:
    """A list of numbers on lines of at most WIDTH columns; `textwrap` takes most of a compilation for it."""
    line, last = "   ", flat.size - 1
    for begin in range(0, flat.size, _AT_ONCE):
        for i, number in enumerate(literals(flat[begin : begin + _AT_ONCE]), begin):
            item = f"{number}," if i < last else number
            if len(line) + 1 + len(item) > WIDTH:
                yield line
                line = "   "
            line = f"{line} {item}"
    yield line


def literals(values: Array) -> list[str]:
    """C literals; a float32 in the fewest digits that give it back exactly."""
    if values.dtype != np.float32:
        return [str(v) for v in values.tolist()]
    if values.size < _FEW:
        return [_float(v) for v in values.tolist()]
    numbers = values.astype(np.float64).tolist()
    texts = [f"{v:.6g}" for v in numbers]
    for digits in _MORE_DIGITS:
        back = np.array(texts, dtype=np.float64).astype(np.float32)
        for i in np.flatnonzero(back != values).tolist():
            texts[i] = f"{numbers[i]:.{digits}g}"
    return [_marked(text) for text in texts]


def literal(value: float | np.generic) -> str:
    """One C literal of a float (as float32) or an integer."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return _float(float(np.float32(value)))


def _float(value: float) -> str:
    """A literal of a number that float32 has."""
    text = f"{value:.6g}"
    for digits in _MORE_DIGITS:
        if np.float32(float(text)) == value:
            break
        text = f"{value:.{digits}g}"
    return _marked(text)


def _marked(text: str) -> str:
    """A decimal number as a literal of type float."""
    return text + "f" if "." in text or "e" in text else text + ".0f"


def assertion(name: str, condition: str) -> str:
    """A declaration that no compiler takes unless the condition holds: of an array that nothing defines or uses."""
    return f"extern char {name}[({condition}) ? 1 : -1];"


def joined(items: Sequence[object]) -> str:
    """Items as a C list."""
    return ", ".join(map(str, items))
