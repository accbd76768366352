"""The names of a classifier's classes as C spells them, and functions that find the largest outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnc.backends.writer import WIDTH
from mnc.errors import refuse
from mnc.ir.graph import Graph

MOST = 32767
"""Elements of an output whose places are ints on every core."""
HARMLESS = frozenset(" _.,+-/")
"""Signs that stand as they are in a string literal, besides letters and digits of ASCII."""


def check_places(graph: Graph) -> None:
    """CompileError where an output has more elements than an int counts on every core."""
    for name in graph.outputs:
        if graph.types[name].elements > MOST:
            raise refuse("option 'top'", f"output {name!r} has more than {MOST:,} elements", "leave it out")


def string(text: str) -> str:
    """Text as a string literal of C, in UTF-8; all but letters, digits and harmless signs are spelled in octal."""

    def spelled(character: str) -> str:
        if character in HARMLESS or (character.isascii() and character.isalnum()):
            return character
        return "".join(f"\\{byte:03o}" for byte in character.encode())

    return f'"{"".join(map(spelled, text))}"'


def initialiser(names: Sequence[str]) -> Iterator[str]:
    """An initialiser list, in lines of as few columns as fit a macro."""
    line = "{"
    for i, name in enumerate(names):
        item = string(name) + ("," if i < len(names) - 1 else "}")
        if line != "{" and len(line) + len(item) + 7 > WIDTH:
            yield line
            line = item
        else:
            line += item if line == "{" else f" {item}"
    yield line
