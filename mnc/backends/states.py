"""The values that a network's states have before the first run, as a C function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnc.backends.memory import located
from mnc.backends.windows import both, plus
from mnc.backends.writer import Writer, joined, literal
from mnc.ir.types import Array, DType
from mnc.names import snake
from mnc.plan.liveness import Plan
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

    memory: str
    """The name of the part of the memory that outlives a run."""
    offset: int
    """In bytes from the beginning of that."""
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
        behind = self.memory == other.memory and self.offset + self.count * self.dtype.bytes == other.offset
        return alike and behind and self.dtype is other.dtype


@dataclass(frozen=True)
class Beginning:
    """The function that gives all memory that outlives a run its first values."""

    name: str
    memories: tuple[str, ...]
    """The names of the parts of the memory that it takes."""
    constants: Mapping[str, Array]
    """By their names in the generated code."""
    function: str

    def call(self, *arguments: str) -> str:
        """The statement that calls it, with the parts of the memory first."""
        return f"{self.name}({', '.join(arguments)});"

    @property
    def bytes(self) -> int:
        """Bytes of its constants."""
        return sum(array.nbytes for array in self.constants.values())


def beginning(program: Program, plan: Plan, prefix: str) -> Beginning | None:
    """The function, called `<prefix>_begin`; None where nothing outlives a run."""
    fills = list(_fills(program, plan))
    return _filling(program, f"{prefix}_begin", fills, held=False) if fills else None


def holding(program: Program, plan: Plan, prefix: str) -> Beginning | None:
    """The function, called `<prefix>_hold`, that is told how many runs there were, and gives the states that are held
    for so many or more their first values again; None where none is.
    """
    fills = [each for each in _each(program, plan) if each.held]
    return _filling(program, f"{prefix}_hold", fills, held=True) if fills else None


def _filling(program: Program, function: str, fills: Sequence[_Fill], *, held: bool) -> Beginning:
    """The function that writes the fills: all of them, or where `held` those that are so for the runs it is told."""
    mixed = program.state_dtype is None
    tables = {f"{function}_{snake(each.name)}_{i}": each for i, each in enumerate(fills) if each.values.size > 1}
    names = {id(each): name for name, each in tables.items()}
    memories = tuple(sorted({each.memory for each in fills}))
    parameters = [f"{(program.state_dtype or DType.INT8).c} *{memory}" for memory in memories]
    parameters += ["int runs"] * held
    w = Writer()
    w.lines(f"MNC_LAYER void {function}({joined(parameters)})")
    with w.block():
        for memory, dtype in _typed_parts(fills) if mixed else ():
            w(f"{dtype.c} *const {_typed(memory, dtype)} = ({dtype.c} *)(void *){memory};")
        w("int i;")
        w()
        for each in fills:
            place = plus("i", each.offset // each.dtype.bytes)
            memory = _typed(each.memory, each.dtype) if mixed else each.memory
            value = (
                _READ[each.dtype].format(f"{names[id(each)]}[i]") if id(each) in names else literal(each.values.flat[0])
            )
            with w.block(f"for (i = 0; {both([f'runs <= {each.held}'] * held + [f'i < {each.count}'])}; ++i)"):
                w(f"{memory}[{place}] = {value};")
    return Beginning(
        function,
        memories,
        {name: each.values for name, each in tables.items()},
        w.text(),
    )


def _typed_parts(fills: Sequence[_Fill]) -> list[tuple[str, DType]]:
    """The parts of the memory that are written, with each type of their elements."""
    return sorted({(each.memory, each.dtype) for each in fills}, key=lambda part: (part[0], part[1].value))


def _typed(memory: str, dtype: DType) -> str:
    """The name of a part of the memory as elements of a type."""
    return f"as_{dtype.value}{memory.removeprefix('state')}"


def begins_at_zero(program: Program, plan: Plan) -> bool:
    """Whether all memory that outlives a run is zero before the first one."""
    return not any(each.values.tobytes().strip(b"\0") for each in _each(program, plan))


def _fills(program: Program, plan: Plan) -> Iterator[_Fill]:
    """All memory that outlives a run, in order; equal neighbours are one."""
    held: _Fill | None = None
    for each in sorted(_each(program, plan), key=lambda fill: (fill.memory, fill.offset)):
        if held is not None and held.joins(each):
            held = replace(held, count=held.count + each.count)
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held


def _each(program: Program, plan: Plan) -> Iterator[_Fill]:
    for state in program.graph.states:
        type_ = state.type
        yield _Fill(
            *located(plan, program.buffers[state.name]),
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
            yield _Fill(*located(plan, buffer), buffer.dtype, step.state // buffer.dtype.bytes, zero)
