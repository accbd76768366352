"""A program: all steps of a network, and its memory but for the places of its buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from mnc.ir.graph import Graph
from mnc.ir.types import DType
from mnc.program.stage import Stage
from mnc.program.step import Step
from mnc.program.values import Buffer, Value

Memory = Literal["fast", "balanced", "least"]
"""No rows in turns; rows in turns where that costs few instructions by estimate; the smallest arena."""
Feed = Literal["caller", "owned", "rows"]
"""Where inputs are: in the caller's memory, in the arena, or one that is handed in row by row."""


_LISTED = 3
"""States that a refusal names."""


def scratch_buffers(steps: Iterable[Step]) -> dict[str, Buffer]:
    """The buffers of the arena that are scratch memory of steps."""
    return {
        step.scratch_buffer: Buffer(step.scratch_buffer, "arena", step.arena_scratch, 0, step.scratch_dtype)
        for step in steps
        if step.arena_scratch
    }


@dataclass(frozen=True)
class Frames:
    """How the frames of an input without end come one by one."""

    hop: int
    """Frames that a run takes: all that the input holds."""
    silent: int
    """Runs whose outputs do not count, from the first one on."""
    delay: int = 0
    """Frames by which outputs that go along time lag behind the newest frame."""

    @property
    def first(self) -> int:
        """Frames until the first output counts."""
        return (self.silent + 1) * self.hop


@dataclass(frozen=True)
class Holder:
    """The C struct that holds a network's memory, where others share it."""

    type: str
    arena: str
    """The text before `arena` in a function that has a pointer `net` to the struct."""
    kept: str
    """The text there before members that outlive a run."""


@dataclass(frozen=True)
class Program:
    """A graph with everything decided but where its buffers lie."""

    graph: Graph
    values: Mapping[str, Value]
    buffers: Mapping[str, Buffer]
    steps: tuple[Step, ...]
    memory: Memory = "fast"
    feed: Feed = "caller"
    regions: tuple[tuple[str, int], ...] = ()
    """Names and bytes of memories that buffers may lie in, the fastest first; none: one, as large as need be."""
    timed: bool = False
    """Whether a run counts the time that each layer takes, in counters beside the state."""
    sliced: int = 0
    """Operations that a slice of a run takes at most, 1: a layer (see `Slices`); 0: a run is in one piece."""
    apart: bool = False
    """Whether constants lie in a file of their own, which is handed in at run time."""
    limits: tuple[tuple[str, int], ...] = ()
    """Limits of the code, which a compiler checks where it can: bytes of `ram` and `flash`, and `macs` of a run."""
    frames: Frames | None = None
    """Where the input's frames come one by one."""
    stack: tuple[int, str] | None = None
    """Bytes of stack that a run takes, and the machine on which they were measured; None: nobody has."""
    holder: Holder | None = None
    """The struct of several networks that holds its memory; None: one of its own."""

    def held(self, name: str) -> Holder:
        """The struct that holds its memory, under the network's name."""
        return self.holder or Holder(f"{name}_t", "net->", "net->")

    def kept(self, memory: Memory, feed: Feed, regions: tuple[tuple[str, int], ...] = ()) -> Program:
        """The program planned and fed in another way; `unfeedable` says whether that may be."""
        kind: Literal["input", "arena"] = "input" if feed == "caller" else "arena"
        inputs = {given.name for given in self.graph.inputs}
        buffers = {name: replace(b, kind=kind) if name in inputs else b for name, b in self.buffers.items()}
        return replace(self, buffers=buffers, memory=memory, feed=feed, regions=regions)

    @property
    def unfeedable(self) -> tuple[str, str] | None:
        """Why the input cannot be handed in row by row, and the name of the layer (or input) that stands in the way."""
        given, *others = self.graph.inputs
        if self.graph.states:
            kept = ", ".join(repr(state.name) for state in self.graph.states[:_LISTED])
            return given.name, f"the network keeps states from run to run ({kept}), and a row is no run"
        if others:
            return given.name, f"one input can be handed in row by row, not {1 + len(others)}"
        height = self.values[given.name].image[0]
        if height == 1:
            return given.name, "has no rows to hand in: its shape has no axis in front of the last two"
        reading = [i for i, step in enumerate(self.steps) if any(x.buffer == given.name for x in step.reads)]
        for i in range(max(reading, default=-1) + 1):
            step = self.steps[i]
            if step.rowwise is None:
                return step.node.name, "does not compute its output row by row"
            if any(x.buffer == given.name != x.name for x in step.rowwise.reads):
                return step.node.name, "reads the input under another shape, and so all of it at once"
        return None if reading else (given.name, "is read by no layer")

    @property
    def fed(self) -> str | None:
        """The value that is handed in row by row; None where inputs are there as a whole."""
        return self.graph.inputs[0].name if self.feed == "rows" else None

    @property
    def counted(self) -> int:
        """The runs that are counted: as many as states are held for, and outputs do not count."""
        silent = 0 if self.frames is None else self.frames.silent
        return max([silent + 1 if silent else 0, *(state.held for state in self.graph.states)])

    @property
    def collected(self) -> int:
        """Elements of the frames that wait for a run; 0 where a run takes each frame as it comes."""
        return self.graph.inputs[0].type.elements if self.frames is not None and self.frames.hop > 1 else 0

    @property
    def remembers(self) -> bool:
        """Whether a call leaves something to the next one: states, rows, frames, counters or a run's position."""
        return bool(self.state_bytes or self.fed is not None or self.collected or self.counted or self.sliced)

    @property
    def fed_value(self) -> Value:
        """The value that is handed in row by row, where one is."""
        return self.values[self.graph.inputs[0].name]

    def by_rows(self, stages: Iterable[Stage]) -> Program:
        """The program whose steps in interleaved stages are those that go by rows, and no step has an alternative."""
        inside = {number for stage in stages if stage.interleaved for number in stage.numbers}
        steps = []
        for i, step in enumerate(self.steps):
            other = step.rowwise if i in inside else step
            assert other is not None, step.node.name
            steps.append(other if other.by_row is None else replace(other, by_row=None))
        return self.with_steps(steps)

    def moved(self, states: Mapping[str, int]) -> Program:
        """The program with these places of buffers that outlive a run, in bytes from the beginning of all of them."""
        buffers = {name: replace(self.buffers[name], index=place) for name, place in states.items()}
        return replace(self, buffers={**self.buffers, **buffers}) if buffers else self

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

    @cached_property
    def state_dtype(self) -> DType | None:
        """The element type of everything that outlives a run; None where that is of several."""
        types = {buffer.dtype for buffer in self.buffers.values() if buffer.kind == "state"}
        return types.pop() if len(types) == 1 else None if types else DType.FLOAT32

    @cached_property
    def state_bytes(self) -> int:
        """Bytes of memory that outlive a run."""
        kept = (buffer for buffer in self.buffers.values() if buffer.kind == "state")
        return max((buffer.index + buffer.bytes for buffer in kept), default=0)

    @cached_property
    def before(self) -> tuple[frozenset[int], ...]:
        """For each step those that must have run: they make what it reads, or read a state that it writes over."""
        maker = {y.buffer: i for i, step in enumerate(self.steps) for y in step.writes}
        needed = [{maker[x.buffer] for x in step.reads if x.buffer in maker} for step in self.steps]
        nexts = {state.next: state.name for state in self.graph.states}
        for i, step in enumerate(self.steps):
            for y in step.writes:
                if y.buffer in nexts:
                    old = nexts[y.buffer]
                    needed[i] |= {k for k, each in enumerate(self.steps) if any(x.buffer == old for x in each.reads)}
                    needed[i] -= {i}  # a step that writes over the state as it reads it
        return tuple(frozenset(each) for each in needed)

    @property
    def on_stack(self) -> dict[int, int]:
        """By the numbers of steps, the bytes of scratch memory that are local arrays of their functions."""
        held = {i: step.scratch - step.arena_scratch for i, step in enumerate(self.steps)}
        return {i: size for i, size in held.items() if size}

    @property
    def ticks_bytes(self) -> int:
        """Bytes of the counters of time, one of 32 bits a layer."""
        return 4 * len(self.steps) if self.timed else 0

    @property
    def unread_inputs(self) -> tuple[int, ...]:
        """The inputs that no step reads, by number."""
        read = {value.buffer for step in self.steps for value in step.reads}
        return tuple(i for i, given in enumerate(self.graph.inputs) if given.name not in read)
