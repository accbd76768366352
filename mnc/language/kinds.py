"""All layer kinds of the language, by name and by class.

A kind that `mnc.language.table` does not list is derived from its dataclass:
the class name in snake case, and every field an attribute under its own name.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, replace
from functools import cache, lru_cache

from mnc.ir.layer import Layer
from mnc.ir.types import Constant
from mnc.language.forms import form_of
from mnc.language.functions import subclasses
from mnc.language.kind import OUTPUT, REQUIRED, Attribute, Kind, Weight
from mnc.language.table import TABLE
from mnc.names import snake


def derive(layer: type[Layer]) -> Kind:
    """A kind as its dataclass has it."""
    hints = typing.get_type_hints(layer)
    attributes: list[Attribute] = []
    weights: list[Weight] = []
    for each in fields(layer):
        if each.name == OUTPUT.name:
            continue
        hint = hints[each.name]
        default = each.default if each.default is not MISSING else REQUIRED
        if hint is Constant:
            weights.append(Weight(each.name))
        elif Constant in typing.get_args(hint):
            weights.append(Weight(each.name, optional=True, expected=False))
        else:
            attributes.append(Attribute(each.name, form_of(hint), default))
    return Kind(snake(layer.__name__), layer, (*attributes, OUTPUT), tuple(weights))


@cache
def _listed() -> tuple[Kind, ...]:
    return tuple(replace(kind, attributes=(*kind.attributes, OUTPUT)) for kind in TABLE)


@cache
def _listed_names() -> Mapping[str, Kind]:
    return {name: kind for kind in _listed() for name in kind.names}


def kinds() -> tuple[Kind, ...]:
    """Every layer kind, the table's first, then the derived ones."""
    return (*_listed(), *(kind_of(layer) for layer in _unlisted()))


def _unlisted() -> Iterator[type[Layer]]:
    """The classes of layers that the table does not have, bases aside."""
    listed = {kind.layer for kind in _listed() if kind.prints}
    for layer in subclasses(Layer):
        base = any(each.__module__.startswith("mnc.") for each in layer.__subclasses__())
        if not base and layer not in listed and not layer.__name__.startswith("_"):
            yield layer


@lru_cache(1024)
def kind_named(name: str) -> Kind | None:
    """The kind that goes by a name."""
    if name in _listed_names():
        return _listed_names()[name]
    return next((kind_of(layer) for layer in _unlisted() if snake(layer.__name__) == name), None)


def kind_of(layer: type[Layer]) -> Kind:
    """The kind of a class of the IR."""
    return next((kind for kind in _listed() if kind.layer is layer and kind.prints), None) or derive(layer)
