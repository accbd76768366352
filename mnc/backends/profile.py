"""Time by layers: what code made with `-X profile=1` has besides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mnc.backends.class_names import string
from mnc.backends.writer import Writer
from mnc.program import Program

HELPERS = (
    "MNC_START_TICKS",
    "MNC_BEFORE_LAYER",
    "MNC_AFTER_LAYER",
    "mnc_clear_ticks",
    "mnc_sum_ticks",
    "mnc_ticks_line",
)
"""The macros and kernels that such code calls."""
_NUMBERS = 19
"""Characters of a line of the table behind the name, as mnc_ticks_line writes them."""
_LONGEST = 28
"""Most characters of a layer's name that the table shows."""
_ALL = "all layers"


def layer_names(program: Program) -> list[str]:
    """The names of the layers, then that of all together, as the table shows them."""
    return [_shown(step.node.name) for step in program.steps] + [_ALL]


def _shown(name: str) -> str:
    """A name in printable ASCII; of a long one the end, which tells layers apart."""
    plain = re.sub(r"[^ -~]", "_", name)
    return plain if len(plain) <= _LONGEST else f"..{plain[2 - _LONGEST :]}"


def width(program: Program) -> int:
    """Characters of the longest name."""
    return max(map(len, layer_names(program)))


def line_size(program: Program) -> int:
    """Characters of a line of the table, with the zero at its end."""
    return width(program) + _NUMBERS


def names_type(program: Program, name: str) -> str:
    """The array of names, as it is declared; a name has no zero at its end where it takes all its room."""
    return f"char {name}[{len(program.steps) + 1}][{width(program) + 1}] MNC_FLASH"


def define_names(w: Writer, program: Program, head: str) -> None:
    """The definition of the array of names."""
    with w.block(f"{head} =", ";"):
        names = layer_names(program)
        for i, name in enumerate(names):
            w(string(name) + ("," if i < len(names) - 1 else ""))


def table_line(program: Program, ticks: str, names: str, layers: str, this: str = "") -> str:
    """The body of the function that writes a line of the table, `this` as in `starts`."""
    return (
        f"const uint32_t all = {this}mnc_sum_ticks({ticks}, {layers});\n\n"
        f"{this}mnc_ticks_line({names}[layer], {width(program)}, (layer < {layers}) ? {ticks}[layer] : all, all, line);"
    )


def before(layer: int) -> str:
    """The statement in front of a layer's calls."""
    return f"MNC_BEFORE_LAYER({layer}, began);"


def after(layer: int) -> str:
    """The statement behind them."""
    return f"MNC_AFTER_LAYER({layer}, began, ticks);"


def starts(program: Program, this: str = "") -> Iterator[str]:
    """The statements at the beginning of a run; `this` stands before the functions that they call."""
    yield "MNC_START_TICKS();"
    yield f"{this}mnc_clear_ticks(ticks, {len(program.steps)} /* layers */);"
