"""Activation functions by their names in the language.

Every `Function` of the IR is known by its class name in snake case, with its
fields as arguments; the table adds what Keras calls some of them besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from typing import TypeVar

from mnc.ir import activations
from mnc.ir.activations import Function
from mnc.language.numbers import spell_float
from mnc.language.values import RefusalError, Value, describe
from mnc.names import snake


@dataclass(frozen=True)
class Named:
    """A name of a function: the class, and the arguments that the name itself fixes or presets."""

    function: type[Function]
    fixed: Mapping[str, float] = field(default_factory=dict)
    """Arguments that the name decides."""
    preset: Mapping[str, float] = field(default_factory=dict)
    """Defaults that differ from the class's."""
    as_layer: Mapping[str, float] = field(default_factory=dict)
    """Defaults that differ again where it stands as a layer, as they do in Keras."""


T = TypeVar("T")


def subclasses(base: type[T]) -> Iterator[type[T]]:
    """All classes below one, in the order of their definition."""
    for each in base.__subclasses__():
        yield each
        yield from subclasses(each)


_KERAS = {
    "relu6": Named(activations.Relu, fixed={"max_value": 6.0}),
    "leaky_relu": Named(activations.Relu, preset={"negative_slope": 0.2}, as_layer={"negative_slope": 0.3}),
    "silu": Named(activations.Swish),
    "hard_silu": Named(activations.HardSwish),
}
_ALIASES = {"alpha": "negative_slope"}
_PREFERRED = ("relu6",)
"""Names that are printed where what they fix is what a function has, and nothing else."""


@cache
def functions() -> Mapping[str, Named]:
    """Every name of an activation function."""
    own = {snake(each.__name__): Named(each) for each in subclasses(Function)}
    return {**own, **_KERAS}


def make(name: str, arguments: Mapping[str, Value], *, layer: bool = False) -> Function:
    """The function of a name with arguments; RefusalError where they do not fit."""
    named = functions()[name]
    known = {each.name: each.default for each in fields(named.function) if each.name not in named.fixed}
    values: dict[str, Value] = {**named.preset, **(named.as_layer if layer else {})}
    for key, value in arguments.items():
        target = key if key in known else _ALIASES.get(key, key)
        if target not in known:
            takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise RefusalError(f"{name} has no argument {key!r}", takes)
        if isinstance(known[target], bool):
            if not isinstance(value, bool):
                raise RefusalError(f"{key} takes true or false, not {describe(value)}")
            values[target] = value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            values[target] = float(value)
        elif value is None and known[target] is None:
            values[target] = None
        else:
            raise RefusalError(f"{key} takes a number, not {describe(value)}")
    return named.function(**{**named.fixed, **values})


@lru_cache(1024)
def spelled(function: Function) -> tuple[str, Sequence[str]]:
    """The name of a function and its arguments as the language writes them."""
    for name in _PREFERRED:
        named = functions()[name]
        if type(function) is named.function and function == make(name, {}):
            return name, ()
    arguments = []
    for each in fields(function):
        value = getattr(function, each.name)
        if value != each.default:
            written = "none" if value is None else str(value).lower() if isinstance(value, bool) else spell_float(value)
            arguments.append(f"{each.name} = {written}")
    return snake(type(function).__name__), tuple(arguments)


def spell_function(function: Function | None) -> str:
    """A function as the value of an attribute."""
    if function is None:
        return "linear"
    name, arguments = spelled(function)
    return f"{name}({', '.join(arguments)})" if arguments else name
