"""A text of the network language as a tree: what was written, nothing worked out yet.

Every node carries its place in the text (`at`), for errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mnc.language.source import Place


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: 3, 0.25, 1e-3."""

    value: int | float
    at: Place


@dataclass(frozen=True, slots=True)
class Text:
    """A literal between double quotes, as written; `{...}` in it is still to be worked out."""

    value: str
    at: Place


@dataclass(frozen=True, slots=True)
class Name:
    """A value, a variable, or a word such as `same`.  In backquotes it is never a word."""

    value: str
    quoted: bool
    at: Place


@dataclass(frozen=True, slots=True)
class Items:
    """[a, b, ...]."""

    items: tuple[Expression, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Stored:
    """float32[4, 12]: a constant of this type that the weights file has."""

    dtype: str
    shape: Items
    at: Place


@dataclass(frozen=True, slots=True)
class Operation:
    """A unary or binary operator at work."""

    operator: str
    operands: tuple[Expression, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if condition else otherwise`; only the chosen side is worked out."""

    then: Expression
    condition: Expression
    otherwise: Expression
    at: Place


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call, by position or by keyword."""

    keyword: str | None
    value: Expression
    at: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A layer, a block or a function at work."""

    name: str
    arguments: tuple[Argument, ...]
    at: Place
    """Where the callee's name stands."""


Expression: TypeAlias = Number | Text | Name | Items | Stored | Operation | Choice | Call


@dataclass(frozen=True, slots=True)
class Target:
    """A name that a statement gives a meaning to."""

    name: str
    at: Place


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a network or block; without default it must be given."""

    name: str
    default: Expression | None
    at: Place


@dataclass(frozen=True, slots=True)
class Type:
    """float32[96, 96, 1], where quantised with `quantised(...)` behind it."""

    dtype: str
    shape: Items
    quantisation: Call | None
    at: Place


@dataclass(frozen=True, slots=True)
class Input:
    """A value that the caller provides."""

    name: str
    type: Type
    unused: bool
    at: Place


@dataclass(frozen=True, slots=True)
class State:
    """A value that outlives a run, and what it is before the first one."""

    name: str
    type: Type
    initial: Expression
    held: Expression | None
    """Runs after which it is that still; none: 0."""
    at: Place


@dataclass(frozen=True, slots=True)
class Next:
    """The value that a state takes when a run ends."""

    state: str
    value: Expression
    at: Place


@dataclass(frozen=True, slots=True)
class Block:
    """A sub-network with a name and parameters."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Loop:
    """`for a, b in list { ... }`: the body once for each item."""

    targets: tuple[Target, ...]
    over: Expression
    body: tuple[Statement, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Assignment:
    """Names for the values of an expression."""

    targets: tuple[Target, ...]
    value: Expression
    at: Place


@dataclass(frozen=True, slots=True)
class Output:
    """Outputs of the network; with an assignment, the values that it names."""

    values: tuple[Expression, ...]
    assignment: Assignment | None
    at: Place


@dataclass(frozen=True, slots=True)
class Return:
    """The values that a block returns; the last statement of its body."""

    values: tuple[Expression, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the constants come from."""

    source: Expression
    by_order: bool
    at: Place


Statement: TypeAlias = Input | State | Next | Block | Loop | Assignment | Output | Return | Weights


@dataclass(frozen=True, slots=True)
class Network:
    """A whole text."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    at: Place


def targets(statement: Statement | Parameter) -> list[Target]:
    """Every name that a statement gives a meaning to."""
    if isinstance(statement, Assignment):
        return list(statement.targets)
    if isinstance(statement, Output):
        return [] if statement.assignment is None else list(statement.assignment.targets)
    if isinstance(statement, (Input, State, Parameter)):
        return [Target(statement.name, statement.at)]
    if isinstance(statement, Loop):
        inner = [target for each in statement.body for target in targets(each)]
        return [*statement.targets, *inner]
    return []
