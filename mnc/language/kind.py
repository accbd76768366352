"""A layer kind of the language: its name, attributes and constants."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cached_property
from typing import Any

from mnc.ir.layer import Layer
from mnc.ir.types import Constant, Shape
from mnc.language.forms import Context, ElementTypeForm, Form, Maybe, form_of


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


OUTPUT = Attribute("output", Maybe(ElementTypeForm()), None, meaning="what a quantised layer converts its result to")
"""The attribute that every kind has."""


def attribute_of(layer: type[Layer], name: str, *aliases: str, **changes: Any) -> Attribute:
    """A field of the IR's class as an attribute; `form` and `default` where they differ from the field's."""
    (own,) = (each for each in fields(layer) if each.name == name)
    default = own.default if own.default is not MISSING else REQUIRED
    form = changes.pop("form", None) or form_of(typing.get_type_hints(layer)[name])
    return Attribute(name, form, changes.pop("default", default), aliases, **changes)
