"""The network's memory as a C declaration."""

from __future__ import annotations

from mnc.backends.names import comment
from mnc.backends.writer import Writer
from mnc.ir.types import DType
from mnc.plan.arena import Arena
from mnc.plan.liveness import lifetimes
from mnc.program import Program


def memory(program: Program, size: int) -> str:
    """The member `arena` of `size` bytes: an array, or where it holds several types a union of arrays."""
    dtype, whole = program.arena_dtype, _rounded(program, size)
    if dtype is not None:
        return f"{dtype.c} arena[{max(whole // dtype.bytes, 1)}];"
    members = " ".join(
        f"{d.c} as_{d.value}[{whole // d.bytes}];" for d in sorted(_dtypes(program), key=lambda d: d.value)
    )
    return f"union {{ {members} }} arena;"


def arena_pointer(program: Program, owner: str) -> str:
    """The local by which a run's calls name the arena."""
    dtype = program.arena_dtype
    if dtype is None:
        return f"int8_t *const arena = {owner}arena.as_int8; /* offsets below are in bytes */"
    unit = "bytes" if dtype.bytes == 1 else f"elements of {dtype.bytes} bytes"
    return f"{dtype.c} *const arena = {owner}arena; /* offsets below are in {unit} */"


def arena_map(w: Writer, program: Program, arena: Arena) -> None:
    """A comment that shows what lies where in the arena, and from which layer's run to which."""
    lives = lifetimes(program)
    holds: dict[str, str] = {step.scratch_buffer: "scratch" for step in program.steps if step.arena_scratch}
    for value in program.values.values():
        holds.setdefault(value.buffer, comment(value.name))
    w("/* The arena, in bytes, and the layers from the first that writes to the last that reads:")
    w(" *    offset      bytes  layers")
    for name in sorted(lives, key=lambda name: (lives[name].first, arena.offsets[name])):
        life, size = lives[name], program.buffers[name].bytes
        layers = f"{life.first:02d}-{life.last:02d}"
        w(f" * {arena.offsets[name]:9} {size:10}  {layers:7} {holds[name]}".rstrip())
    w(" */")


def ram_bytes(program: Program, size: int) -> int:
    """The `sizeof` of arena and state together."""
    if not program.state_bytes:
        return max(_rounded(program, size), (program.arena_dtype or DType.FLOAT32).bytes)
    return _rounded(program, size) + program.state_bytes


def _rounded(program: Program, size: int) -> int:
    """The arena's size rounded up to the unit to which C aligns its struct or union."""
    unit = 4 if program.state_bytes else max(d.bytes for d in _dtypes(program))
    return -(-size // unit) * unit


def _dtypes(program: Program) -> set[DType]:
    if program.arena_dtype is not None:
        return {program.arena_dtype}
    return {DType.INT8} | {buffer.dtype for buffer in program.buffers.values() if buffer.kind == "arena"}
