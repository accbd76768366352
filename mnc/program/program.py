"""A program: all steps of a network, and its memory but for the places of its buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mnc.ir.graph import Graph
from mnc.ir.types import DType
from mnc.program.step import Step
from mnc.program.values import Buffer, Value


def scratch_buffers(steps: Iterable[Step]) -> dict[str, Buffer]:
    """The buffers of the arena that are scratch memory of steps."""
    return {
        step.scratch_buffer: Buffer(step.scratch_buffer, "arena", step.arena_scratch, 0, step.scratch_dtype)
        for step in steps
        if step.arena_scratch
    }


@dataclass(frozen=True)
class Program:
    """A graph with everything decided but where its buffers lie."""

    graph: Graph
    values: Mapping[str, Value]
    buffers: Mapping[str, Buffer]
    steps: tuple[Step, ...]

    def with_steps(self, steps: Sequence[Step]) -> Program:
        """The program with other steps that compute its layers, in their order, and their scratch memory."""
        old = {step.scratch_buffer for step in self.steps}
        kept = {name: buffer for name, buffer in self.buffers.items() if name not in old}
        return replace(self, steps=tuple(steps), buffers=kept | scratch_buffers(steps))

    @property
    def kernels(self) -> tuple[str, ...]:
        """All kernels called, sorted."""
        return tuple(sorted({call.kernel for step in self.steps for call in step.all_calls}))

    @cached_property
    def arena_dtype(self) -> DType | None:
        """The element type of everything in the arena; None where it holds several."""
        types = {buffer.dtype for buffer in self.buffers.values() if buffer.kind == "arena"}
        return types.pop() if len(types) == 1 else None if types else DType.FLOAT32

    @property
    def state_bytes(self) -> int:
        """Bytes of memory that outlive a run."""
        return sum(buffer.bytes for buffer in self.buffers.values() if buffer.kind == "state")

    @property
    def unread_inputs(self) -> tuple[int, ...]:
        """The inputs that no step reads, by number."""
        read = {value.buffer for step in self.steps for value in step.reads}
        return tuple(i for i, given in enumerate(self.graph.inputs) if given.name not in read)
