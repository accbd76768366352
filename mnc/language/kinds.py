"""Layer kinds in the language: their names, attributes and constants.

A kind that `mnc.language.table` does not list is derived from its dataclass:
the class name in snake case, and every field an attribute under its own name.
"""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache, cached_property, lru_cache
from typing import Any

from mnc.ir.layer import Layer
from mnc.ir.types import Constant, Shape
from mnc.language.forms import Context, Form, Maybe, NumberForm, form_of
from mnc.language.functions import snake, subclasses


class Required:
    """The default of an attribute that must be given."""


REQUIRED = Required()


@dataclass(frozen=True)
class Attribute:
    """One attribute of a layer kind."""

    name: str
    """As the language calls it; where it is a field or property of the IR's class, as that does."""
    form: Form
    default: Any = REQUIRED
    """The default: an IR value, or a function of the attributes before it."""
    aliases: tuple[str, ...] = ()
    """Other names, Keras' above all."""
    meaning: str = ""
    of: Callable[[Layer, Context], Any] | None = None
    """How a layer's value is found where it is not an attribute of the class: from it and what is printed so far."""

    def value_in(self, layer: Layer, context: Context) -> Any:
        """The attribute's value in a layer of the IR."""
        return self.of(layer, context) if self.of else getattr(layer, self.name)

    def default_in(self, context: Context) -> Any:
        return self.default(context) if callable(self.default) else self.default

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Weight:
    """One constant of a layer kind: normally in the weights file under `layer/field`."""

    field: str
    shape: Callable[[Context], Shape] | None = None
    """Its shape, from the attributes and inputs; None: whatever the file has."""
    optional: bool = False
    """Whether the layer can do without."""
    expected: bool = True
    """Whether an optional one is there when nothing is said of it."""
    switch: str = ""
    """The flag that leaves it out, where it is not the field's own name."""
    aliases: tuple[str, ...] = ()
    initial: str = "uniform"
    """How a seeded initialiser fills it: `uniform` as Glorot has it, `zeros` or `ones`."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which an attribute or a key in a file may mean it."""
        return (self.field, *([self.switch] if self.switch else []), *self.aliases)

    @property
    def flag(self) -> str:
        """The name by which an optional one is left out: `bias = false`."""
        return self.switch or self.field


@dataclass(frozen=True)
class Kind:
    """One layer kind."""

    name: str
    layer: type[Layer]
    attributes: tuple[Attribute, ...] = ()
    """In the order in which they may be given without their names; `OUTPUT` follows."""
    weights: tuple[Weight, ...] = ()
    aliases: tuple[str, ...] = ()
    """Further names under which it may be called."""
    ignored: tuple[str, ...] = ()
    """Attributes that Keras has and that mean nothing at inference."""
    make: Callable[[Context, Mapping[str, Constant | None]], Layer] | None = None
    """How the IR's layer is built where it is not just the class with its fields."""
    sequence: bool = False
    """Whether its input is a sequence (steps, channels), for the class an image of one row."""
    prints: bool = True
    """Whether layers of the class are printed by this name; else it is only another way to write some of them."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def positional(self) -> tuple[Attribute, ...]:
        """The attributes that may be given without their names."""
        return tuple(each for each in self.attributes if each is not OUTPUT)

    @cached_property
    def _fields(self) -> frozenset[str]:
        return frozenset(each.name for each in fields(self.layer))

    @cached_property
    def keywords(self) -> Mapping[str, Attribute | Weight]:
        """The attribute or constant of each argument's name; an attribute has precedence."""
        meant: dict[str, Attribute | Weight] = {name: each for each in self.weights for name in each.names}
        meant.update((name, each) for each in self.attributes for name in each.names)
        return meant

    def build(self, context: Context, constants: Mapping[str, Constant | None]) -> Layer:
        """The IR's layer."""
        if self.make is not None:
            return replace(self.make(context, constants), output=context["output"])
        build: Callable[..., Layer] = self.layer
        own = {name: value for name, value in context.attributes.items() if name in self._fields}
        return build(**own, **constants)

    @property
    def meaning(self) -> str:
        """The kind's meaning, in one line or a few: the class's docstring."""
        return inspect.cleandoc(self.layer.__doc__ or "")


OUTPUT = Attribute("output", Maybe(NumberForm()), None, meaning="what a quantised layer converts its result to")
"""The attribute that every kind has."""


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


def attribute_of(layer: type[Layer], name: str, *aliases: str, **changes: Any) -> Attribute:
    """A field of the IR's class as an attribute; `form` and `default` where they differ from the field's."""
    (own,) = (each for each in fields(layer) if each.name == name)
    default = own.default if own.default is not MISSING else REQUIRED
    form = changes.pop("form", None) or form_of(typing.get_type_hints(layer)[name])
    return Attribute(name, form, changes.pop("default", default), aliases, **changes)


@cache
def _listed() -> tuple[Kind, ...]:
    from mnc.language.table import TABLE

    return tuple(replace(kind, attributes=(*kind.attributes, OUTPUT)) for kind in TABLE)


@cache
def _listed_names() -> Mapping[str, Kind]:
    return {name: kind for kind in _listed() for name in kind.names}


def kinds() -> tuple[Kind, ...]:
    """Every layer kind, the table's first, then those that are derived."""
    return (*_listed(), *(kind_of(layer) for layer in _unlisted()))


def _unlisted() -> Iterator[type[Layer]]:
    """The classes of layers that the table does not have; not those that others only build on."""
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


def similar(name: str, known: typing.Iterable[str], likeness: float = 0.6) -> tuple[str, ...]:
    """A hint at what may have been meant, or none."""
    found = difflib.get_close_matches(name, sorted(set(known)), 2, likeness)
    return (f"did you mean {' or '.join(repr(each) for each in found)}?",) if found else ()
