"""What a selection function sees: one layer, and its operands in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mnc.ir.graph import Node
from mnc.ir.layer import Layer
from mnc.ir.types import Constant, DType
from mnc.program import Call, Step, Value, Window

SUFFIXES = {DType.FLOAT32: "f32", DType.INT8: "s8", DType.INT16: "s16", DType.INT32: "s32"}
"""How a kernel's name tells the element type it works on."""

L = TypeVar("L", bound=Layer, covariant=True)


@dataclass(frozen=True)
class Site(Generic[L]):
    """One layer at its place in the network."""

    node: Node
    layer: L
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    @property
    def output(self) -> Value:
        """The only output."""
        (output,) = self.outputs
        return output

    def kernel(self, name: str) -> str:
        """A kernel by its name without the element type, which is the output's."""
        return f"mnc_{name}_{SUFFIXES[self.outputs[0].type.dtype]}"

    def by_rows(self, window: Window, calls: tuple[Call, ...], constants: Mapping[str, Constant]) -> Step:
        """A step of one output row after the other, each from a window of input rows."""
        return Step(
            self.node,
            self.inputs,
            self.outputs,
            calls,
            rows=self.output.image[0],
            windows=(window,) * len(self.inputs),
            constants=constants,
        )

    def whole(
        self, calls: tuple[Call, ...], constants: Mapping[str, Constant] | None = None, *, in_place: bool = False
    ) -> Step:
        """A step that computes everything at once."""
        return Step(self.node, self.inputs, self.outputs, calls, constants=constants or {}, in_place=in_place)
