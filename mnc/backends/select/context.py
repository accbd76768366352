"""The argument of a selection function: one layer, and its operands in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from mnc.backends.select.blocks import float_registers
from mnc.backends.select.loops import Loops
from mnc.ir.graph import Node
from mnc.ir.layer import Layer
from mnc.ir.types import Constant, DType
from mnc.program import Call, Once, Rows, Step, Times, Value, Window

Constants = Mapping[str, Constant]
NONE: Constants = MappingProxyType({})
L = TypeVar("L", bound=Layer, covariant=True)
M = TypeVar("M", bound=Layer)


@dataclass(frozen=True)
class Refusal:
    """The answer of a selection that has no kernel for a layer."""

    reason: str


@dataclass(frozen=True)
class Context(Generic[L]):
    """One layer, its operands in memory, and the core that the code is for."""

    node: Node
    layer: L
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    core: frozenset[str] | None = None
    """The features of the core that the code is for, as `Target.features` has them; None: it must be right for any."""
    compact: bool = False
    """Whether small code and constants come before speed."""
    larger: bool = False
    """Whether constants of several times the size are worth the instructions that they save."""

    @property
    def few_registers(self) -> bool:
        """Whether registers hold no more than a few sums: blocks are small then, and loops are not unrolled.

        On a core without FPU a sum of float32 is an argument and the result of a function at each multiply-add.
        """
        if self.core is None:
            return False
        return "few_registers" in self.core or ("fpu" not in self.core and self.outputs[0].type.dtype is DType.FLOAT32)

    @property
    def float_registers(self) -> int:
        """How many registers a block of float32 may fill."""
        return float_registers(self.core)

    @property
    def registers(self) -> Mapping[str, bool]:
        """The arguments of `vector_block` that tell of the core's registers."""
        many = "many_registers" in (self.core or ())
        return {"many_registers": many, "few_registers": self.few_registers}

    @property
    def written_out(self) -> bool:
        """Whether there may be code for each round of a short loop that is not over a block."""
        return not self.compact and not self.few_registers

    def of(self, layer: M) -> Context[M]:
        """Another layer with these operands."""
        return Context(self.node, layer, self.inputs, self.outputs, self.core, self.compact, self.larger)

    @property
    def output(self) -> Value:
        """The only output."""
        (output,) = self.outputs
        return output

    def kernel(self, name: str) -> str:
        """A kernel by its name without the element type, which is the output's."""
        return f"mnc_{name}_{self.outputs[0].type.dtype.suffix}"

    def by_rows(
        self,
        window: Window,
        calls: tuple[Call, ...],
        constants: Constants = NONE,
        *,
        after: tuple[Call, ...] = (),
        scratch: int = 0,
        scratch_dtype: DType = DType.FLOAT32,
    ) -> Step:
        """A step of one output row after the other, each from a window of input rows."""
        return Step(
            self.node,
            self.inputs,
            self.outputs,
            calls,
            Rows((window,) * len(self.inputs), self.output.image[0]),
            after=after,
            constants=constants,
            scratch=scratch,
            scratch_dtype=scratch_dtype,
        )

    def whole(
        self,
        calls: tuple[Call, ...],
        constants: Constants = NONE,
        nest: Loops | None = None,
        times: int = 1,
        *,
        after: tuple[Call, ...] = (),
        scratch: int = 0,
        scratch_dtype: DType = DType.FLOAT32,
    ) -> Step:
        """A step that computes everything at once, or by repeating its calls.

        `nest` are the loops of a call that reads no element once it has written
        a later one of their order: through the output, then through each input.
        """
        # With several calls the output is written before the last input is read.
        in_place = nest is not None and len(calls) == 1 and self._works_in_place(nest)
        return Step(
            self.node,
            self.inputs,
            self.outputs,
            calls,
            Times(times) if times > 1 else Once(in_place),
            after=after,
            constants=constants,
            scratch=scratch,
            scratch_dtype=scratch_dtype,
        )

    def _works_in_place(self, nest: Loops) -> bool:
        """Whether a call may write where it reads, or below.

        Of an input at least as large as the output no element lies below the one that it becomes, so
        what is overwritten has been read.
        """
        size = self.output.type.elements
        large = [own for own, x in zip(nest.strides[1:], self.inputs, strict=True) if x.type.elements >= size]
        return nest.ascend and all(
            back >= forth for own in large for back, forth in zip(own, nest.strides[0], strict=True)
        )
