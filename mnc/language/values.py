"""Values of expressions while a network is put together."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from mnc.ir.activations import Function
from mnc.ir.types import Constant, ElementType, Quantisation, TensorType


class RefusalError(Exception):
    """A fault of a value; a caller that knows its place makes a `SourceError` of it."""

    def __init__(self, what: str, *hints: str) -> None:
        super().__init__(what)
        self.what = what
        self.hints = hints


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of the network: an input, or one output of a layer.  Its final name comes last of all."""

    type: TensorType
    line: int
    """The line that made it, for errors."""
    call: str
    """The call that made it, for errors: `conv2d(...)`."""


@dataclass(frozen=True)
class FromFile:
    """A constant of this type, its quantisation aside, that the weights file has."""

    type: TensorType


class Unknown(enum.Enum):
    """The value of an expression whose fault is reported already; its consequences are not reported."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN

Value: TypeAlias = (
    int
    | float
    | str
    | list["Value"]
    | Tensor
    | tuple[Tensor, ...]
    | Function
    | Constant
    | FromFile
    | Quantisation
    | ElementType
    | None
)
"""A bool is an int, as in Python; a layer with several outputs gives a tuple."""


def describe(value: object, depth: int = 2) -> str:
    """A value in the user's words; lists are shown down to `depth` levels."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return f"'{_short(value)}'"
    if isinstance(value, list):
        if depth == 0:
            return "[...]"
        items = ", ".join(describe(item, depth - 1) for item in value[:8])
        return f"[{_short(items)}{', ...' if len(value) > 8 else ''}]"
    if isinstance(value, Tensor):
        return f"a value of the network ({value.type})"
    if isinstance(value, tuple):
        return f"the {len(value)} outputs of a layer"
    if isinstance(value, Function):
        return "an activation function"
    if isinstance(value, Quantisation):
        return "a quantisation"
    if isinstance(value, ElementType):
        return "a quantised element type"
    return "a constant"


def whole_hint(value: object) -> tuple[str, ...]:
    """How a number becomes a whole one, where it is none."""
    return ("int(...) or round(...) makes a whole number",) if isinstance(value, float) else ()


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
