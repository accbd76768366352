"""The base of all layer kinds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from mnc.ir.types import Constant, ElementType, TensorType

L = TypeVar("L", bound="Layer")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer kind: its attributes are fields, its operands are wired by a `Node`.

    A subclass states its meaning in its docstring, checks its attributes and
    operands in `infer`, and is defined in numbers by `mnc.reference`.
    """

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Smallest and largest number of inputs (None: any)."""

    output: ElementType | None = None
    """The element type of the output where the layer chooses it itself: a
    quantised layer requantises its result.  None: as `infer` finds, float32
    for a layer that computes, the input's for one that only moves elements."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The type of the output; ShapeError where the operands do not fit."""
        raise NotImplementedError(type(self).__name__)

    def outputs(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The types of all outputs; a kind with several overrides this."""
        inferred = self.infer(*inputs)
        if self.output is None:
            return (inferred,)
        return (TensorType(inferred.shape, self.output.dtype, self.output.quant),)

    def macs(self, *inputs: TensorType) -> int:
        """Multiply-accumulate operations of one inference, taps over padding included."""
        return 0

    def changed(self: L, **attributes: Any) -> L:
        """The layer with other attributes; for code that knows only a base class of its kind."""
        return replace(self, **attributes)

    @property
    def constants(self) -> dict[str, Constant]:
        """The constants among the attributes, by field name, in field order."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in values if isinstance(value, Constant)}
