"""A network as kernel calls: what a backend's selection yields and emission prints.

A `Step` computes one layer, one row of output after the other.  Which rows of
its inputs an output row reads is data (`Window`), not code, so that planning
can overlap buffers, and a schedule can interleave the rows of several layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mnc.ir.graph import Graph, Node
from mnc.ir.types import Constant, DType, Shape, TensorType


@dataclass(frozen=True)
class Layout:
    """Element (y, x, c) of a value lies at y * row + x * pixel + c * channel."""

    row: int
    pixel: int
    channel: int

    @classmethod
    def interleaved(cls, shape: Shape) -> Layout:
        """Rows of pixels, the channels of a pixel together: HWC, as Keras has it."""
        _, width, channels = image_shape(shape)
        return cls(width * channels, channels, 1)

    @classmethod
    def planar(cls, shape: Shape) -> Layout:
        """Rows of channel planes, the pixels of a channel together: HCW."""
        _, width, channels = image_shape(shape)
        return cls(width * channels, 1, width)


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """A shape as (height, width, channels): missing axes are 1, extra ones join the height."""
    axes = (1, 1, 1, *shape)
    return math.prod(axes[:-2]), axes[-2], axes[-1]


def dense(shape: Shape) -> tuple[int, ...]:
    """The strides of the axes of a row-major array."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


@dataclass(frozen=True)
class Value:
    """A value of the graph in memory."""

    name: str
    type: TensorType
    layout: Layout
    buffer: str

    @property
    def image(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return image_shape(self.type.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance in elements from one index to the next along each axis of its shape."""
        rank = self.type.rank
        if rank <= 3:
            return (self.layout.row, self.layout.pixel, self.layout.channel)[3 - rank :]
        assert self.layout == Layout.interleaved(self.type.shape)
        return dense(self.type.shape)


@dataclass(frozen=True)
class Buffer:
    """Memory that one value, or several views of it, live in."""

    name: str
    kind: Literal["input", "output", "arena", "state"]
    """The caller's memory, memory that layers share, or memory that outlives a run."""
    bytes: int
    index: int = 0
    """Which input or output of the network it is; the place of a state, in bytes."""
    dtype: DType = DType.FLOAT32


@dataclass(frozen=True)
class Window:
    """Output row y reads the input rows floor((y * stride - padding) / divisor) + k * dilation, 0 <= k < size."""

    size: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    divisor: int = 1
    """More than 1 where the output has more rows than the input."""

    def rows(self, y: int, height: int) -> list[int]:
        """The rows inside an input of `height` rows that output row y reads."""
        first = (y * self.stride - self.padding) // self.divisor
        return [r for k in range(self.size) if 0 <= (r := first + k * self.dilation) < height]


# Arguments of a kernel call.  Numbers stand for themselves; the rest is named
# from inside the layer's own function.


@dataclass(frozen=True)
class Rows:
    """The array of pointers to the input rows of the current output row."""

    read: int = 0


@dataclass(frozen=True)
class RowNumber:
    """The number of the current output row."""


@dataclass(frozen=True)
class In:
    """An input: its current row where the step goes by rows, else all of it."""

    read: int = 0
    offset: int = 0
    """In elements, here and below."""
    stride: int | None = None
    """Elements from one iteration to the next; None: a row, or as many as the step's window moves."""


@dataclass(frozen=True)
class Out:
    """The output: its current row where the step goes by rows, else all of it."""

    offset: int = 0
    write: int = 0
    stride: int | None = None


@dataclass(frozen=True)
class Scratch:
    """Memory of the step's own, of no defined content when the step begins."""

    offset: int = 0


@dataclass(frozen=True)
class State:
    """Memory of the step's own that outlives a run; zero after `<name>_init`."""

    offset: int = 0


@dataclass(frozen=True)
class Const:
    """One of the step's constants."""

    name: str
    offset: int = 0
    stride: int = 0
    """Elements from one iteration to the next."""


@dataclass(frozen=True)
class Name:
    """A macro of the kernel library, or NULL."""

    text: str


NULL = Name("NULL")


Member = int | tuple[int, ...] | Const | Scratch | Name
"""What a struct holds: numbers, structs of numbers, pointers."""


@dataclass(frozen=True)
class Record:
    """The address of a struct that a library declares.

    It is a constant in flash, or where it points to memory of the run a local
    variable that is filled before the calls.
    """

    type: str
    members: Mapping[str, Member]
    """In the order of their declaration."""
    label: str = ""
    """What all equal constants of a network are called, so that there is one of them; empty: the layer's own."""

    @property
    def constant(self) -> bool:
        """Whether all that it holds is known before a run."""
        return not any(isinstance(member, Scratch) for member in self.members.values())

    @property
    def bytes(self) -> int:
        """Its size where numbers and pointers take four bytes each."""
        return 4 * sum(len(member) if isinstance(member, tuple) else 1 for member in self.members.values())


Argument = int | float | Rows | RowNumber | In | Out | Scratch | State | Const | Name | Record


@dataclass(frozen=True)
class Call:
    """A call of a kernel, its arguments by parameter name."""

    kernel: str
    arguments: Mapping[str, Argument]
    header: str = ""
    """What declares the function of another library, which takes the arguments in their order; empty: mnc's own."""


@dataclass(frozen=True)
class Step:
    """One layer as kernel calls."""

    node: Node
    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    calls: tuple[Call, ...]
    """What computes one row of output (all of it where `rows` is 1)."""
    before: tuple[Call, ...] = ()
    """What comes before the first row."""
    after: tuple[Call, ...] = ()
    """What comes after the last row."""
    rows: int = 1
    windows: tuple[Window, ...] = ()
    """For each read; empty: the calls read everything."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Laid out for the kernel."""
    scratch: int = 0
    """Bytes."""
    scratch_dtype: DType = DType.FLOAT32
    state: int = 0
    """Bytes."""
    band: int = 1
    """So many rows of every value are one where rows are counted here."""
    sweeps: bool = False
    """The calls are made once, and go through the rows on their own, from the first to the last."""
    in_place: bool = False
    """Element by element: the output may take the very place of an input as large as it."""

    @property
    def kernel(self) -> str:
        """The kernel that does the work, by name: the one that reads the constants, where there are any."""
        reading = (c for c in self.calls if any(isinstance(a, Const) for a in c.arguments.values()))
        return next(reading, self.calls[0]).kernel

    @property
    def all_calls(self) -> tuple[Call, ...]:
        """All calls, in order."""
        return (*self.before, *self.calls, *self.after)

    @property
    def scratch_buffer(self) -> str:
        """The name of the buffer that is its scratch memory; a value cannot be called so."""
        return f"{self.node.name}\0scratch"

    @property
    def state_buffer(self) -> str:
        """The name of the buffer that is its state."""
        return f"{self.node.name}\0state"


@dataclass(frozen=True)
class Program:
    """A graph with everything decided but where its buffers lie."""

    graph: Graph
    values: Mapping[str, Value]
    buffers: Mapping[str, Buffer]
    steps: tuple[Step, ...]

    @property
    def kernels(self) -> tuple[str, ...]:
        """All kernels called, sorted."""
        return tuple(sorted({call.kernel for step in self.steps for call in step.all_calls}))

    @property
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
