"""Evaluation of expressions: numbers, texts and lists here, calls elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from mnc.ir.types import DType, ShapeError, TensorType
from mnc.language import arithmetic, tree
from mnc.language.functions import functions
from mnc.language.kinds import kinds
from mnc.language.names import unescape
from mnc.language.naming import Label
from mnc.language.source import LimitError, Place, SourceError, UnknownNameError
from mnc.language.values import UNKNOWN, FromFile, RefusalError, Unknown, Value, describe, whole_hint
from mnc.names import similar

MAX_STEPS = 1_000_000
"""How many expressions may be worked out, loops and blocks included."""
MAX_DEPTH = 100
"""How deep expressions and calls of blocks may be nested."""
ITEMS_A_STEP = 4
"""How many items of a list count as one step."""
_MAX_TEXT = 10_000
_MAX_AXES = 32

DTYPES = tuple(dtype.value for dtype in DType)
"""The element types by name."""

LITERALS: dict[str, Value] = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}
"""Names with a fixed meaning."""

_PIECE = re.compile(r"\\u\{[^}]*\}|\\.|\{([^{}]*)\}|[{}]", re.DOTALL)


class ConsequenceError(Exception):
    """Something depends on what already is an error; there is nothing to report."""


@dataclass
class Scope:
    """The variables of a network or of one call of a block."""

    sole: frozenset[str]
    """Names that the text assigns once, not in a loop."""
    parent: Scope | None = None
    label: Label | None = None
    """The call's own name, where it is a block's."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where names get their first value."""
    callers: tuple[str, ...] = ()
    """How it was reached, for errors: one sentence for each block on the way."""
    variables: dict[str, Value | Unknown] = field(default_factory=dict)

    def names(self) -> Iterator[str]:
        yield from self.variables
        if self.parent is not None:
            yield from self.parent.names()


Hints = tuple[str | None, ...]
"""The names that the result of a call is assigned to; None where the name does not stick to it."""


class Expressions:
    """Works expressions out, within limits on how many and how deep."""

    def __init__(self, call: Callable[[tree.Call, Scope, Hints], Value]) -> None:
        self._call = call
        self._steps = 0
        self._depth = 0

    def charge(self, steps: int, at: Place) -> None:
        """Count work; SourceError where it becomes too much."""
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise LimitError(at, f"the network takes more than {MAX_STEPS:,} steps to work out")

    def value(
        self, expression: tree.Expression, scope: Scope, words: frozenset[str] = frozenset(), hints: Hints = ()
    ) -> Value:
        """The value of an expression; `words` are names that stand for themselves here.

        SourceError where it has no value, ConsequenceError where that is known already.
        """
        self.charge(1, expression.at)
        if self._depth >= MAX_DEPTH:
            raise SourceError(expression.at, f"expressions and blocks are nested more than {MAX_DEPTH} deep")
        self._depth += 1
        try:
            return self._value(expression, scope, words, hints)
        except RefusalError as fault:
            raise SourceError(expression.at, fault.what, *fault.hints) from None
        finally:
            self._depth -= 1

    def _value(self, expression: tree.Expression, scope: Scope, words: frozenset[str], hints: Hints) -> Value:
        if isinstance(expression, tree.Number):
            return arithmetic.within_limits(expression.value)  # type: ignore[no-any-return]  # a number
        if isinstance(expression, tree.Name):
            return self._name(expression, scope, words)
        if isinstance(expression, tree.Call):
            return self._call(expression, scope, hints)
        if isinstance(expression, tree.Text):
            return self._text(expression, scope)
        if isinstance(expression, tree.Items):
            return [self.value(item, scope, words) for item in expression.items]
        if isinstance(expression, tree.Stored):
            return FromFile(self.type(expression.dtype, expression.shape, expression.at, scope))
        if isinstance(expression, tree.Choice):
            condition = self.value(expression.condition, scope)
            if not isinstance(condition, bool):
                raise SourceError(expression.condition.at, f"'if' takes true or false, not {describe(condition)}")
            return self.value(expression.then if condition else expression.otherwise, scope, words, hints)
        return self._operation(expression, scope)

    def type(self, dtype: str, shape: tree.Items, at: Place, scope: Scope) -> TensorType:
        """The type that `float32[96, 96, 1]` stands for."""
        if dtype not in DTYPES:
            raise SourceError(
                at, f"there is no element type '{dtype}'", *similar(dtype, DTYPES), f"types are {', '.join(DTYPES)}"
            )
        if len(shape.items) > _MAX_AXES:
            raise SourceError(shape.at, f"a shape has at most {_MAX_AXES} axes")
        sizes = [_size(self.value(item, scope), item.at) for item in shape.items]
        try:
            return TensorType(tuple(sizes), DType(dtype))
        except ShapeError as fault:
            raise SourceError(shape.at, str(fault)) from None

    def _operation(self, operation: tree.Operation, scope: Scope) -> Value:
        first = self.value(operation.operands[0], scope)
        if operation.operator in ("and", "or") and isinstance(first, bool) and first == (operation.operator == "or"):
            return first
        rest = [self.value(each, scope) for each in operation.operands[1:]]
        result = arithmetic.operate(operation.operator, first, *rest)
        if isinstance(result, list):
            self.charge(len(result) // ITEMS_A_STEP, operation.at)
        return result

    def _name(self, name: tree.Name, scope: Scope | None, words: frozenset[str]) -> Value:
        if not name.quoted and name.value in LITERALS:  # a value may be called so, between backquotes
            return LITERALS[name.value]
        if not name.quoted and name.value in words:
            return name.value
        inner = scope
        while scope is not None:
            if name.value in scope.variables:
                value = scope.variables[name.value]
                if isinstance(value, Unknown):
                    raise ConsequenceError
                return value
            scope = scope.parent
        if not name.quoted and name.value in vocabulary():
            return name.value
        assert inner is not None
        known = [*inner.names(), *vocabulary(), *LITERALS]
        if name.value in inner.lines:
            raise UnknownNameError(name.at, name.value, f"it gets its value in line {inner.lines[name.value]}")
        raise UnknownNameError(name.at, name.value, *similar(name.value, known))

    def _text(self, text: tree.Text, scope: Scope) -> str:
        def fill(match: re.Match[str]) -> str:
            piece = match[0]
            if piece.startswith("\\"):
                try:
                    return unescape(piece)
                except ValueError as fault:
                    raise SourceError(text.at, str(fault)) from None
            if match[1] is None:
                raise SourceError(text.at, f"a '{piece}' in a text is written \\{piece}")
            value = self._name(tree.Name(match[1].strip(), True, text.at), scope, frozenset())
            if not isinstance(value, (int, float, str)):
                raise SourceError(text.at, f"a text takes numbers, texts and words in braces, not {describe(value)}")
            return str(value)

        filled = _PIECE.sub(fill, text.value)
        if len(filled) > _MAX_TEXT:
            raise SourceError(text.at, f"a text has at most {_MAX_TEXT:,} characters")
        self.charge(len(filled) // ITEMS_A_STEP, text.at)
        return filled


def _size(value: Value, at: Place) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SourceError(at, f"a shape takes whole numbers, not {describe(value)}", *whole_hint(value))
    return value


def assign(scope: Scope, targets: tuple[tree.Target, ...], value: Value | Unknown) -> None:
    """Give names to a value, or to its parts where there are several names; SourceError where they do not match."""
    if len(targets) == 1:
        scope.variables[targets[0].name] = value
        return
    if isinstance(value, Unknown):
        scope.variables.update((target.name, UNKNOWN) for target in targets)
        return
    parts = value if isinstance(value, (list, tuple)) else [value]
    if len(parts) != len(targets):
        values = "one value" if len(parts) == 1 else f"{len(parts)} values"
        raise SourceError(targets[0].at, f"{len(targets)} names stand for {values}")
    scope.variables.update((target.name, part) for target, part in zip(targets, parts, strict=True))


@cache
def vocabulary() -> frozenset[str]:
    """Names that stand for themselves wherever nothing else is called so: same, relu6, int8 and the like."""
    attributes = (attribute for kind in kinds() for attribute in kind.attributes)
    return frozenset(functions()).union(*(attribute.form.words for attribute in attributes))
