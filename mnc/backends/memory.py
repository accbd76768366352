"""The network's memory as a C declaration."""

from __future__ import annotations

from mnc.backends.writer import TYPES
from mnc.ir.types import DType
from mnc.program import Program


def memory(program: Program, size: int) -> str:
    """The member `arena` of `size` bytes: an array, or where it holds several types a union of arrays."""
    dtype, whole = program.arena_dtype, _rounded(program, size)
    if dtype is not None:
        return f"{TYPES[dtype.value]} arena[{max(whole // dtype.bytes, 1)}];"
    members = " ".join(
        f"{TYPES[d.value]} as_{d.value}[{whole // d.bytes}];" for d in sorted(_dtypes(program), key=lambda d: d.value)
    )
    return f"union {{ {members} }} arena;"


def arena_pointer(program: Program, owner: str) -> str:
    """The local by which a run's calls name the arena."""
    dtype = program.arena_dtype
    if dtype is not None:
        return f"{TYPES[dtype.value]} *const arena = {owner}arena;"
    return f"int8_t *const arena = {owner}arena.as_int8;"


def ram_bytes(program: Program, size: int) -> int:
    """What `sizeof` says of arena and state together."""
    if not program.state_bytes:
        return max(_rounded(program, size), (program.arena_dtype or DType.FLOAT32).bytes)
    return _rounded(program, size) + program.state_bytes


def _rounded(program: Program, size: int) -> int:
    """What follows the arena, or lies over it in a union, begins at once, also where nothing needs to be aligned."""
    unit = 4 if program.state_bytes else max(d.bytes for d in _dtypes(program))
    return -(-size // unit) * unit


def _dtypes(program: Program) -> set[DType]:
    if program.arena_dtype is not None:
        return {program.arena_dtype}
    return {DType.INT8} | {buffer.dtype for buffer in program.buffers.values() if buffer.kind == "arena"}
