"""The names of a classifier's classes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from mnc.errors import argument, refuse
from mnc.ir.graph import Graph
from mnc.names import printable

LONGEST = 100
"""Characters of a name: C89's compilers take string literals of 509 bytes."""


def named(graph: Graph, names: Sequence[str], where: str = argument("classes")) -> Graph:
    """The network whose classes have these names, in order.

    CompileError, its place being `where`, unless they are different lines of plain
    text of 1 to LONGEST characters, and the elements of some output are as many.
    """
    for i, name in enumerate(names):
        if not name or len(name) > LONGEST:
            raise refuse(where, f"name {i} has {len(name)} characters", f"a name has 1 to {LONGEST}, as in cat,dog")
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
            raise refuse(where, f"name {i} has a control character: {printable(name)}", "write plain text")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise refuse(where, f"two classes are called {printable(twice)!r}")
    if names and classified(graph, names) is None:
        sizes = " and ".join(f"{graph.types[name].elements:,}" for name in graph.outputs)
        raise refuse(where, f"there are {len(names)} names, and the network gives {sizes} elements")
    return replace(graph, classes=tuple(names))


def classified(graph: Graph, names: Sequence[str]) -> int | None:
    """The number of the output whose elements have these names; None where none has as many.

    Two names are those of 0 and 1, too, where an output has one element.
    """
    sizes = [graph.types[name].elements for name in graph.outputs]
    return next((i for i, size in enumerate(sizes) if size == len(names) or (size, len(names)) == (1, 2)), None)
