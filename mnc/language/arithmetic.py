"""Operators and functions on numbers, texts and lists: what is worked out before there is a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mnc.language.values import RefusalError, Value, describe

MAX_ITEMS = 65_536
"""How many items a list may have, and with it how often a loop may run."""
MAX_MAGNITUDE = 2**63
"""Whole numbers are smaller than this."""
_MAX_EXPONENT = 64


def operate(operator: str, *operands: Value) -> Value:
    """The result of an operator; RefusalError where the operands are none of its."""
    if operator in ("and", "or", "not"):
        return _logic(operator, operands)
    if operator in ("==", "!="):
        return _equal(*operands) == (operator == "==")
    if len(operands) == 2 and isinstance(operands[0], list):
        return _lists(operator, operands[0], operands[1])
    for operand in operands:
        if not _is_number(operand):
            raise RefusalError(f"'{operator}' takes numbers, not {describe(operand)}")
    try:
        result: Value = within_limits(_NUMBERS[(operator, len(operands))](*operands))
        return result
    except ZeroDivisionError:
        raise RefusalError(f"{f' {operator} '.join(map(describe, operands))} has no value") from None
    except OverflowError:
        raise RefusalError("the number is too large") from None


def within_limits(number: Any) -> Any:
    """The number, unless it is a whole one too large to mean anything."""
    if isinstance(number, int) and abs(number) >= MAX_MAGNITUDE:
        raise RefusalError("the number is too large")
    if isinstance(number, complex):
        raise RefusalError("a negative number has no such power")
    return number


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > _MAX_EXPONENT:
        raise RefusalError(f"an exponent is at most {_MAX_EXPONENT}, not {describe(exponent)}")
    return base**exponent


_NUMBERS: Mapping[tuple[str, int], Callable[..., Any]] = {
    ("+", 2): lambda a, b: a + b,
    ("-", 2): lambda a, b: a - b,
    ("*", 2): lambda a, b: a * b,
    ("/", 2): lambda a, b: a / b,
    ("//", 2): lambda a, b: a // b,
    ("%", 2): lambda a, b: a % b,
    ("**", 2): _power,
    ("<", 2): lambda a, b: a < b,
    ("<=", 2): lambda a, b: a <= b,
    (">", 2): lambda a, b: a > b,
    (">=", 2): lambda a, b: a >= b,
    ("+", 1): lambda a: +a,
    ("-", 1): lambda a: -a,
}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _logic(operator: str, operands: tuple[Value, ...]) -> bool:
    for operand in operands:
        if not isinstance(operand, bool):
            raise RefusalError(f"'{operator}' takes true or false, not {describe(operand)}")
    if operator == "not":
        return not operands[0]
    return all(operands) if operator == "and" else any(operands)


def _equal(*operands: Value) -> bool:
    for operand in operands:
        if operand is not None and not isinstance(operand, (int, float, str)):
            raise RefusalError(f"numbers, texts and words can be compared, not {describe(operand)}")
    return operands[0] == operands[1]


def _lists(operator: str, left: list[Value], right: Value) -> list[Value]:
    if operator == "+" and isinstance(right, list):
        _check_length(len(left) + len(right))
        return left + right
    if operator == "*" and isinstance(right, int) and not isinstance(right, bool):
        _check_length(len(left) * max(right, 0))
        return left * right
    raise RefusalError(f"a list takes '+ list' or '* number', not '{operator}' and {describe(right)}")


def _check_length(length: int) -> None:
    if length > MAX_ITEMS:
        raise RefusalError(f"a list has at most {MAX_ITEMS} items, not {length}")


# Functions.  Each takes its arguments by position.


def _range(*bounds: Value) -> Value:
    numbers = [_whole("range", bound) for bound in bounds]
    if len(numbers) == 3 and numbers[2] == 0:
        raise RefusalError("range takes a step other than 0")
    result = range(*numbers)
    _check_length(len(result))
    return list(result)


def _zip(*lists: Value) -> Value:
    return [list(items) for items in zip(*(_items("zip", each) for each in lists), strict=False)]


def _enumerate(items: Value, start: Value = 0) -> Value:
    first = _whole("enumerate", start)
    return [[first + i, item] for i, item in enumerate(_items("enumerate", items))]


def _extreme(name: str, choose: Callable[[list[Any]], Any]) -> Callable[..., Value]:
    def extreme(*arguments: Value) -> Value:
        given = arguments[0] if len(arguments) == 1 else list(arguments)
        numbers: list[Any] = [_number(name, each) for each in _items(name, given)]
        if not numbers:
            raise RefusalError(f"{name} takes at least one number")
        return choose(numbers)  # type: ignore[no-any-return]  # one of the numbers

    return extreme


def _rounded(name: str, function: Callable[[float], int]) -> Callable[[Value], Value]:
    def rounded(number: Value) -> Value:
        value = _number(name, number)
        if not math.isfinite(value):
            raise RefusalError(f"{name} takes a finite number, not {describe(number)}")
        return within_limits(function(value))  # type: ignore[no-any-return]  # a whole number

    return rounded


def _number(name: str, value: Value) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise RefusalError(f"{name} takes numbers, not {describe(value)}")
    return value


def _whole(name: str, value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusalError(f"{name} takes whole numbers, not {describe(value)}")
    return value


def _items(name: str, value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise RefusalError(f"{name} takes lists, not {describe(value)}")
    return value


FUNCTIONS: Mapping[str, tuple[Callable[..., Value], int, int]] = {
    "range": (_range, 1, 3),
    "zip": (_zip, 1, 8),
    "enumerate": (_enumerate, 1, 2),
    "len": (lambda items: len(_items("len", items)), 1, 1),
    "min": (_extreme("min", min), 1, 64),
    "max": (_extreme("max", max), 1, 64),
    "abs": (lambda number: abs(_number("abs", number)), 1, 1),
    "int": (_rounded("int", int), 1, 1),
    "round": (_rounded("round", round), 1, 1),
    "floor": (_rounded("floor", math.floor), 1, 1),
    "ceil": (_rounded("ceil", math.ceil), 1, 1),
    "float": (lambda number: float(_number("float", number)), 1, 1),
}
"""Every function: what it does, and the least and most arguments it takes."""


def call(name: str, arguments: list[Value]) -> Value:
    """The result of a function; RefusalError where the arguments do not fit."""
    function, least, most = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        takes = str(least) if least == most else f"{least} to {most}"
        raise RefusalError(f"{name} takes {takes} arguments, not {len(arguments)}")
    return function(*arguments)
