"""Forms of attributes: how a value is read from the language and written in it.

A `Form` is both directions at once, and the words for them, so parser,
printer, messages and documentation cannot disagree.  `form_of` finds the form
of a dataclass field from its type alone.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mnc.ir.activations import Function
from mnc.ir.layers.window import Padding, Pair
from mnc.ir.types import DType, ElementType, Quantisation, TensorType
from mnc.language.functions import functions, make, spell_function
from mnc.language.names import quote
from mnc.language.numbers import spell_float
from mnc.language.values import RefusalError, describe, whole_hint


@dataclass
class Context:
    """The values that an attribute may depend on: the layer's inputs, and the attributes before it."""

    inputs: tuple[TensorType, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]


class Form:
    """The kind of value that an attribute takes."""

    @property
    def takes(self) -> str:
        """The values it takes, in the user's words."""
        raise NotImplementedError

    @property
    def words(self) -> frozenset[str]:
        """Names that stand for themselves here."""
        return frozenset()

    def read(self, value: Any, context: Context) -> Any:
        """The IR's value of a value of the language; RefusalError where it is none."""
        raise NotImplementedError

    def write(self, value: Any, context: Context) -> str:
        """The text that reads as an IR value."""
        raise NotImplementedError

    def refuse(self, value: object) -> RefusalError:
        return RefusalError(f"takes {self.takes}, not {describe(value)}", *whole_hint(value))


@dataclass(frozen=True)
class Whole(Form):
    """An int."""

    least: int | None = None

    @property
    def takes(self) -> str:
        return "a whole number" if self.least is None else f"a whole number of at least {self.least}"

    def read(self, value: Any, context: Context) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or (self.least is not None and value < self.least):
            raise self.refuse(value)
        return value

    def write(self, value: Any, context: Context) -> str:
        return str(int(value))


class Real(Form):
    """A float."""

    @property
    def takes(self) -> str:
        return "a number"

    def read(self, value: Any, context: Context) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(value)
        return float(value)

    def write(self, value: Any, context: Context) -> str:
        return spell_float(value)


class Flag(Form):
    """A bool."""

    @property
    def takes(self) -> str:
        return "true or false"

    def read(self, value: Any, context: Context) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value

    def write(self, value: Any, context: Context) -> str:
        return "true" if value else "false"


@dataclass(frozen=True)
class Word(Form):
    """A str, one of a few or any."""

    choices: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else "a text"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.choices)

    def read(self, value: Any, context: Context) -> str:
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            raise self.refuse(value)
        return value

    def write(self, value: Any, context: Context) -> str:
        return value if value in self.choices else quote(value)


@dataclass(frozen=True)
class PairForm(Form):
    """(height, width); one number where they are equal."""

    least: int = 1

    @property
    def takes(self) -> str:
        return "a whole number, or [height, width]"

    def read(self, value: Any, context: Context) -> Pair:
        pair = [value, value] if not isinstance(value, list) else value
        if len(pair) != 2 or any(isinstance(n, bool) or not isinstance(n, int) for n in pair):
            raise self.refuse(value)
        if min(pair) < self.least:
            raise RefusalError(f"takes whole numbers of at least {self.least}, not {describe(value)}")
        return (pair[0], pair[1])

    def write(self, value: Any, context: Context) -> str:
        height, width = value
        return str(height) if height == width else f"[{height}, {width}]"


@dataclass(frozen=True)
class PaddingForm(Form):
    """((top, bottom), (left, right)), or a rule that gives it for the layer's input."""

    rules: Mapping[str, Callable[[Context], Padding]] = field(default_factory=dict)

    @property
    def takes(self) -> str:
        rules = f"{', '.join(self.rules)}, " if self.rules else ""
        return f"{rules}a whole number, [height, width] or [[top, bottom], [left, right]]"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.rules)

    def read(self, value: Any, context: Context) -> Padding:
        if isinstance(value, str) and value in self.rules:
            return self.rules[value](context)
        sides = value if isinstance(value, list) else [value, value]
        sides = [side if isinstance(side, list) else [side, side] for side in sides]
        numbers = [n for side in sides for n in side]
        if [len(side) for side in sides] != [2, 2] or any(
            isinstance(n, bool) or not isinstance(n, int) for n in numbers
        ):
            raise self.refuse(value)
        if min(numbers) < 0:
            raise RefusalError(f"takes numbers of at least 0, not {describe(value)}")
        return ((numbers[0], numbers[1]), (numbers[2], numbers[3]))

    def write(self, value: Any, context: Context) -> str:
        for rule, padding in self.rules.items():
            if padding(context) == value:
                return rule
        (top, bottom), (left, right) = value
        if top != bottom or left != right:
            return f"[[{top}, {bottom}], [{left}, {right}]]"
        return str(top) if top == left else f"[{top}, {left}]"


class ShapeForm(Form):
    """A shape without batch; -1 once, for the size that is left."""

    @property
    def takes(self) -> str:
        return "a list of whole numbers"

    def read(self, value: Any, context: Context) -> tuple[int, ...]:
        if not isinstance(value, list) or any(isinstance(n, bool) or not isinstance(n, int) for n in value):
            raise self.refuse(value)
        if value.count(-1) > 1:
            raise RefusalError(f"leaves only one axis open with -1, not {value.count(-1)}")
        if -1 in value and len(context.inputs) == 1:
            known = 1
            for n in value:
                known *= n if n != -1 else 1
            elements = context.inputs[0].elements
            if known < 1 or elements % known:
                raise RefusalError(f"cannot share {elements} elements out to {describe(value)}")
            value = [elements // known if n == -1 else n for n in value]
        return tuple(value)

    def write(self, value: Any, context: Context) -> str:
        return f"[{', '.join(map(str, value))}]"


@dataclass(frozen=True)
class ActivationForm(Form):
    """A Function or none."""

    softmax: bool = False
    """Whether softmax may stand here too: a layer of its own behind this one, which the reader splits off."""

    @property
    def takes(self) -> str:
        return "an activation such as relu6 or relu(max_value = 6)"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(functions()) | {"linear", "softmax"}

    def read(self, value: Any, context: Context) -> Function | None:
        if value is None or value == "linear":
            return None
        if isinstance(value, Function):
            return value
        if isinstance(value, str) and value in functions():
            return make(value, {})
        if value == "softmax":
            raise RefusalError("softmax cannot be fused here", "make it a layer: y = softmax(x)")
        raise self.refuse(value)

    def write(self, value: Any, context: Context) -> str:
        return spell_function(value)


class QuantisationForm(Form):
    """A Quantisation."""

    @property
    def takes(self) -> str:
        return "quantised(scale = ..., zero_point = ..., axis = ...)"

    def read(self, value: Any, context: Context) -> Quantisation:
        if not isinstance(value, Quantisation):
            raise self.refuse(value)
        return value

    def write(self, value: Any, context: Context) -> str:
        return spell_quantisation(value)


class DTypeForm(Form):
    """A DType."""

    @property
    def takes(self) -> str:
        return f"one of {', '.join(dtype.value for dtype in DType)}"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(dtype.value for dtype in DType)

    def read(self, value: Any, context: Context) -> DType:
        if not isinstance(value, str) or value not in self.words:
            raise self.refuse(value)
        return DType(value)

    def write(self, value: Any, context: Context) -> str:
        return str(value.value)


class ElementTypeForm(Form):
    """An element type, quantised or not."""

    @property
    def takes(self) -> str:
        return "an element type such as int8(scale = 0.1, zero_point = -3)"

    @property
    def words(self) -> frozenset[str]:
        return DTypeForm().words

    def read(self, value: Any, context: Context) -> ElementType:
        if isinstance(value, str) and value in self.words:
            return ElementType(DType(value))
        if not isinstance(value, ElementType):
            raise self.refuse(value)
        return value

    def write(self, value: Any, context: Context) -> str:
        return str(value.dtype.value) + ("" if value.quant is None else f"({_quantisation(value.quant)})")


@dataclass(frozen=True)
class Maybe(Form):
    """Values of another form, or none."""

    form: Form

    @property
    def takes(self) -> str:
        return f"{self.form.takes}, or none"

    @property
    def words(self) -> frozenset[str]:
        return self.form.words

    def read(self, value: Any, context: Context) -> Any:
        return None if value is None else self.form.read(value, context)

    def write(self, value: Any, context: Context) -> str:
        return "none" if value is None else self.form.write(value, context)


@dataclass(frozen=True)
class Several(Form):
    """A tuple: of any length where `forms` has one member and `open_ended`, else one form for each item."""

    forms: tuple[Form, ...]
    open_ended: bool

    @property
    def takes(self) -> str:
        if self.open_ended:
            return f"a list, each item of it {self.forms[0].takes}"
        return f"a list of {len(self.forms)}: {'; '.join(form.takes for form in self.forms)}"

    @property
    def words(self) -> frozenset[str]:
        return frozenset().union(*(form.words for form in self.forms))

    def read(self, value: Any, context: Context) -> tuple[Any, ...]:
        if not isinstance(value, list) or (not self.open_ended and len(value) != len(self.forms)):
            raise self.refuse(value)
        return tuple(form.read(item, context) for form, item in zip(self._each(value), value, strict=True))

    def write(self, value: Any, context: Context) -> str:
        items = (form.write(item, context) for form, item in zip(self._each(value), value, strict=True))
        return f"[{', '.join(items)}]"

    def _each(self, value: Any) -> tuple[Form, ...]:
        return self.forms * len(value) if self.open_ended else self.forms


def spell_quantisation(quant: Quantisation) -> str:
    """`quantised(...)` with the arguments that differ from the defaults."""
    return f"quantised({_quantisation(quant)})"


def _quantisation(quant: Quantisation) -> str:
    scales = [spell_float(scale) for scale in quant.scale]
    parts = ["scale = " + (scales[0] if quant.axis is None else f"[{', '.join(scales)}]")]
    if quant.zero_point != 0:
        parts.append(f"zero_point = {quant.zero_point}")
    if quant.axis is not None:
        parts.append(f"axis = {quant.axis}")
    if quant.features is not None:
        for name, values in (("feature_scale", quant.features.scale), ("feature_offset", quant.features.offset)):
            parts.append(f"{name} = [{', '.join(map(spell_float, values))}]")
        parts.append(f"feature_axis = {quant.features.axis}")
    return ", ".join(parts)


def form_of(hint: Any) -> Form:
    """The form of a field from its type; an assertion names a type that has none."""
    if hint == Pair:
        return PairForm(least=0)
    if hint == Padding:
        return PaddingForm()
    simple: dict[Any, Form] = {bool: Flag(), int: Whole(), float: Real(), str: Word()}
    if hint in simple:
        return simple[hint]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union) and len(arguments) == 2 and type(None) in arguments:
        (inner,) = (each for each in arguments if each is not type(None))
        return ActivationForm() if inner is Function else Maybe(form_of(inner))
    if typing.get_origin(hint) is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return ShapeForm() if arguments[0] is int else Several((form_of(arguments[0]),), True)
        return Several(tuple(map(form_of, arguments)), False)
    if typing.get_origin(hint) is typing.Literal:
        return Word(arguments)
    if hint is Function:
        return ActivationForm()
    if hint is Quantisation:
        return QuantisationForm()
    if hint is ElementType:
        return ElementTypeForm()
    if hint is DType:
        return DTypeForm()
    raise AssertionError(f"the language has no form for attributes of type {hint}")
