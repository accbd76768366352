"""Which layer kinds the Keras classes become, found out from the code that converts them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from mnc.ir.layer import Layer
from mnc.ir.layers import Identity

WRAPPERS = frozenset({"TimeDistributed"})


@dataclass(frozen=True)
class KerasRow:
    """One class of Keras."""

    name: str
    becomes: tuple[str, ...]
    """Layer kinds; none where nothing is left at inference, or what a wrapper's inner layer becomes."""
    meaning: str

    @property
    def wraps(self) -> bool:
        """Whether it only says how another layer is applied."""
        return self.name in WRAPPERS


def keras_rows(kinds: dict[str, type[Layer]]) -> list[KerasRow]:
    """Every Keras class that mnc reads, and what it becomes of the layer kinds, which are given by name."""
    from mnc.frontends import FRONTENDS
    from mnc.frontends.keras.registry import CONVERTERS

    assert FRONTENDS, "importing them registers their converters"
    rows = []
    for name, converter in sorted(CONVERTERS.items()):
        namesake = kinds.get(name) or kinds.get(f"{name[:-2]}2D") or kinds.get(name[:-2])
        found = {namesake} if namesake else set() if name in WRAPPERS else _mentioned(converter, set())
        becomes = sorted(kind.__name__ for kind in found - {Identity} if kind.__name__ in kinds)
        rows.append(KerasRow(name, tuple(becomes), first_sentence(converter) or first_sentence(namesake)))
    return rows


def first_sentence(documented: object) -> str:
    """What the documentation of a function or a class begins with, without the full stop; empty where it has none."""
    paragraph = " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())
    return re.split(r"\.(?= |$)", paragraph, maxsplit=1)[0]


def _mentioned(function: FunctionType | Callable[..., Any], seen: set[object]) -> set[type[Layer]]:
    """The layer kinds that a function's code names, and the code of the functions of its module that it calls."""
    if not isinstance(function, FunctionType) or function in seen:
        return set()
    seen.add(function)
    found: set[type[Layer]] = set()
    for value in _values(function):
        if isinstance(value, type) and issubclass(value, Layer):
            found.add(value)
        elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
            found |= _mentioned(value, seen)
    return found


def _values(function: FunctionType) -> Iterator[object]:
    """What the names in a function stand for: globals, the values of global tables, and what it is closed over."""
    for code in _codes(function.__code__):
        for name in code.co_names:
            value = function.__globals__.get(name)
            yield from value.values() if isinstance(value, dict) else (value,)
    yield from (cell.cell_contents for cell in function.__closure__ or ())


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
