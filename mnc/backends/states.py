"""The values that a network's states have before the first run, as a C function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.backends.windows import plus
from mnc.backends.writer import Writer, literal
from mnc.ir.types import Array, DType
from mnc.names import snake
from mnc.program import Program

_READ = {
    DType.FLOAT32: "MNC_READ({})",
    DType.INT8: "MNC_READ_S8({})",
    DType.UINT8: "(uint8_t)MNC_READ_S8({})",
    DType.INT16: "MNC_READ_S16({})",
    DType.INT32: "MNC_READ_S32({})",
}
"""How an element of a constant is read, which may lie in a memory of its own."""


@dataclass(frozen=True)
class _Fill:
    """Elements that lie one behind the other, and what they are before the first run."""

    offset: int
    """In bytes from the beginning of the memory that outlives a run."""
    dtype: DType
    count: int
    values: Array
    """One number for all of them, or as many."""
    name: str = ""
    held: int = 0
    """Runs after which it is that still."""

    def joins(self, other: _Fill) -> bool:
        """Whether another one goes on where it ends, with the same number."""
        alike = self.values.size == other.values.size == 1 and self.values.tobytes() == other.values.tobytes()
        return alike and self.dtype is other.dtype and self.offset + self.count * self.dtype.bytes == other.offset


@dataclass(frozen=True)
class Beginning:
    """The function that gives all memory that outlives a run its first values."""

    name: str
    constants: Mapping[str, Array]
    """By their names in the generated code."""
    function: str

    def call(self, *arguments: str) -> str:
        """The statement that calls it, with the memory first."""
        return f"{self.name}({', '.join(arguments)});"

    @property
    def bytes(self) -> int:
        """Bytes of its constants."""
        return sum(array.nbytes for array in self.constants.values())


def beginning(program: Program, prefix: str) -> Beginning | None:
    """The function, called `<prefix>_begin`; None where nothing outlives a run."""
    fills = list(_fills(program))
    return _filling(program, f"{prefix}_begin", fills, held=False) if fills else None


def holding(program: Program, prefix: str) -> Beginning | None:
    """The function, called `<prefix>_hold`, that is told how many runs there were, and gives the states that are held
    for so many or more their first values again; None where none is.
    """
    fills = [each for each in _each(program) if each.held]
    return _filling(program, f"{prefix}_hold", fills, held=True) if fills else None


def _filling(program: Program, function: str, fills: Sequence[_Fill], *, held: bool) -> Beginning:
    """The function that writes the fills: all of them, or where `held` those that are so for the runs it is told."""
    mixed = program.state_dtype is None
    tables = {f"{function}_{snake(each.name)}_{i}": each for i, each in enumerate(fills) if each.values.size > 1}
    names = {id(each): name for name, each in tables.items()}
    w = Writer()
    runs = ", int runs" if held else ""
    w(f"MNC_LAYER void {function}({(program.state_dtype or DType.INT8).c} *state{runs})")
    with w.block():
        for dtype in sorted({each.dtype for each in fills}, key=lambda dtype: dtype.value) if mixed else ():
            w(f"{dtype.c} *const as_{dtype.value} = ({dtype.c} *)(void *)state;")
        w("int i;")
        w()
        for each in fills:
            place = plus("i", each.offset // each.dtype.bytes)
            memory = f"as_{each.dtype.value}" if mixed else "state"
            value = (
                _READ[each.dtype].format(f"{names[id(each)]}[i]") if id(each) in names else literal(each.values.flat[0])
            )
            w(f"for (i = 0; {f'runs <= {each.held} && ' if held else ''}i < {each.count}; ++i)")
            w(f"    {memory}[{place}] = {value};")
    return Beginning(
        function,
        {name: each.values for name, each in tables.items()},
        w.text(),
    )


def begins_at_zero(program: Program) -> bool:
    """Whether all memory that outlives a run is zero before the first one."""
    return not any(each.values.tobytes().strip(b"\0") for each in _fills(program))


def _fills(program: Program) -> Iterator[_Fill]:
    """All memory that outlives a run, in order; equal neighbours are one."""
    held: _Fill | None = None
    for each in sorted(_each(program), key=lambda fill: fill.offset):
        if held is not None and held.joins(each):
            held = replace(held, count=held.count + each.count)
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held


def _each(program: Program) -> Iterator[_Fill]:
    for state in program.graph.states:
        type_ = state.type
        yield _Fill(
            program.buffers[state.name].index,
            type_.dtype,
            type_.elements,
            state.initial.array,
            state.name,
            state.held,
        )
    for step in program.steps:
        if step.state:
            buffer = program.buffers[step.state_buffer]
            zero = np.zeros((), buffer.dtype.numpy)
            yield _Fill(buffer.index, buffer.dtype, step.state // buffer.dtype.bytes, zero)
