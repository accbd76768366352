"""The network's memory as a C declaration."""

from __future__ import annotations

from typing import Literal

from mnc.backends.names import comment
from mnc.backends.writer import Writer
from mnc.ir.types import DType
from mnc.plan.liveness import Plan, lifetimes
from mnc.plan.regions import Region
from mnc.program import Program, ring_rows


def memory(program: Program, size: int) -> str:
    """The member `arena` of `size` bytes: an array, or where it holds several types a union of arrays."""
    return _member("arena", program.arena_dtype, _dtypes(program, "arena"), _rounded(program, size))


def state_memory(program: Program) -> str:
    """The member `state`, likewise: all that outlives a run."""
    size = _rounded(program, program.state_bytes)
    return _member("state", program.state_dtype, _dtypes(program, "state"), size)


def _member(name: str, dtype: DType | None, dtypes: set[DType], size: int) -> str:
    if dtype is not None:
        return f"{dtype.c} {name}[{max(size // dtype.bytes, 1)}];"
    members = " ".join(f"{d.c} as_{d.value}[{size // d.bytes}];" for d in sorted(dtypes, key=lambda d: d.value))
    return f"union {{ {members} }} {name};"


def arena_pointer(program: Program, owner: str, name: str = "arena") -> str:
    """The local by which a run's calls name the arena, or a part of it."""
    dtype = program.arena_dtype
    if dtype is None:
        return f"int8_t *const {name} = {owner}arena.as_int8; /* offsets below are in bytes */"
    unit = "bytes" if dtype.bytes == 1 else f"elements of {dtype.bytes} bytes"
    return f"{dtype.c} *const {name} = {owner}arena; /* offsets below are in {unit} */"


def state_pointer(program: Program, owner: str) -> str:
    """The local by which a run's calls name the memory that outlives it."""
    bytewise = " /* offsets below are in bytes */" if program.state_dtype is None else ""
    return f"{(program.state_dtype or DType.INT8).c} *const state = {state_place(program, owner)};{bytewise}"


def state_place(program: Program, owner: str) -> str:
    """The first address of the memory that outlives a run, from outside of one."""
    return f"{owner}state" if program.state_dtype is not None else f"{owner}state.as_int8"


def part(region: Region) -> str:
    """The name of a region's memory, in the network's struct and in a run."""
    return f"arena_{region.name}"


def region_macro(name: str, region: str) -> str:
    """The macro for the linker's section of a region of a network; with `_SIZE` behind it, of its bytes."""
    return f"{name}_region_{region}".upper()


def located(plan: Plan, offset: int) -> tuple[str, int]:
    """The name of the memory in which an address of the plan lies, and its bytes from the beginning of that."""
    for region in plan.regions:
        if region.holds(offset):
            return part(region), offset - region.base
    return "arena", offset


def arena_map(w: Writer, program: Program, plan: Plan) -> None:
    """A comment that shows what lies where in the arena, and from which layer's run to which."""
    lives, offsets = lifetimes(program), plan.arena.offsets
    holds: dict[str, str] = {step.scratch_buffer: "scratch" for step in program.steps if step.arena_scratch}
    for value in program.values.values():
        holds.setdefault(value.buffer, comment(value.name))
        if (rows := ring_rows(value, plan.rings)) is not None and holds[value.buffer] == comment(value.name):
            holds[value.buffer] += f", {rows} of {value.image[0]} rows"
    w("/* The arena, in bytes, and the layers from the first that writes to the last that reads:")
    for region in plan.regions:
        w(f" * {region.base:9} {region.size:10}  {'':7} {region.name}, of {region.limit:,}")
    w(" *    offset      bytes  layers")
    for name in sorted(lives, key=lambda name: (lives[name].first, offsets[name])):
        life, size = lives[name], plan.rings.get(name, program.buffers[name].bytes)
        layers = f"{max(life.first, 0):02d}-{life.last:02d}"
        w(f" * {offsets[name]:9} {size:10}  {layers:7} {holds[name]}".rstrip())
    w(" */")


def feeding_memory(w: Writer, program: Program) -> None:
    """The members behind arena and state: frames that wait for a run, and counters."""
    if program.collected:
        w("/** Frames that wait for a run. */")
        w(f"{program.graph.inputs[0].type.dtype.c} frames[{program.collected}];")
        w("/** How many of them there are. */")
        w("short waiting;")
    if program.counted:
        w(f"/** How many runs there were, up to {program.counted}. */")
        w("short runs;")


def feeding_bytes(program: Program) -> int:
    """Bytes of the members of `feeding_memory`, with those that fill up a unit."""
    frames = program.collected * program.graph.inputs[0].type.dtype.bytes
    return _rounded(program, frames + frames % 2 + 2 * (bool(frames) + bool(program.counted)))


def ram_bytes(program: Program, plan: Plan) -> int:
    """The `sizeof` of arena, state, frames and counters together, or of all regions and these."""
    size, counting = plan.arena.size, 2 * counters(program, plan) + program.ticks_bytes + feeding_bytes(program)
    if plan.regions:
        size = sum(region_bytes(program, each) for each in plan.regions)
        return size + _rounded(program, program.state_bytes) + counting
    if not program.state_bytes and not program.timed:
        return max(_rounded(program, size), _unit(program)) + counting  # C has no empty array
    return _rounded(program, size) + _rounded(program, program.state_bytes) + counting


def region_bytes(program: Program, region: Region) -> int:
    """The `sizeof` of a region's struct."""
    return _rounded(program, region.size)


def counters(program: Program, plan: Plan) -> int:
    """How many counters of rows outlive a call where rows are handed in one by one, with those that fill up a unit."""
    if program.fed is None:
        return 0
    unit = _unit(program)
    return -(-2 * (len(plan.stages[0].numbers) + 1) // unit) * unit // 2


def _rounded(program: Program, size: int) -> int:
    """The arena's size rounded up to the unit to which C aligns its struct or union."""
    unit = _unit(program)
    return -(-size // unit) * unit


def _unit(program: Program) -> int:
    """Bytes to which C aligns the network's struct; `short` is the type of counters."""
    held = _dtypes(program, "arena") | (_dtypes(program, "state") if program.state_bytes else set())
    if program.collected:
        held.add(program.graph.inputs[0].type.dtype)
    counts = program.fed is not None or program.collected or program.counted
    return max([4 * program.timed, 2 * bool(counts), *(dtype.bytes for dtype in held)])


def _dtypes(program: Program, kind: Literal["arena", "state"]) -> set[DType]:
    """The element types by which a memory is named; with int8, by whose bytes calls count, where there are several."""
    dtype = program.arena_dtype if kind == "arena" else program.state_dtype
    if dtype is not None:
        return {dtype}
    return {DType.INT8} | {buffer.dtype for buffer in program.buffers.values() if buffer.kind == kind}
