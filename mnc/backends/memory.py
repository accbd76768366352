"""The network's memory as a C declaration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mnc.backends.names import comment
from mnc.backends.writer import Writer
from mnc.ir.types import DType
from mnc.plan.liveness import Plan, lifetimes
from mnc.plan.regions import Region
from mnc.program import Buffer, Holder, Program, Slices, ring_rows, struct_layout, up_to


def memory(program: Program, size: int) -> str:
    """The member `arena` of `size` bytes: an array, or where it holds several types a union of arrays."""
    return _member("arena", program.arena_dtype, _dtypes(program, "arena"), _rounded(program, size))


def state_memory(program: Program, size: int) -> str:
    """The member `state` of `size` bytes, likewise: what outlives a run."""
    return _member("state", program.state_dtype, _dtypes(program, "state"), _rounded(program, size))


def region_memory(w: Writer, program: Program, region: Region) -> None:
    """The members of a region's struct."""
    if region.size:
        w("/** What layers share; of no meaning between runs. */")
        dtypes = _dtypes(program, "arena")
        w(_member("arena", program.arena_dtype, dtypes, up_to(region.size, _largest(dtypes))))
    if region.state:
        w("/** Outlives a run. */")
        dtypes = _dtypes(program, "state")
        w(_member("state", program.state_dtype, dtypes, up_to(region.state, _largest(dtypes))))


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


def state_pointer(program: Program, owner: str, name: str = "state") -> str:
    """The local by which a run's calls name the memory that outlives it, or a part of it."""
    bytewise = " /* offsets below are in bytes */" if program.state_dtype is None else ""
    return f"{(program.state_dtype or DType.INT8).c} *const {name} = {state_place(program, owner)};{bytewise}"


def state_place(program: Program, owner: str) -> str:
    """The first address of the memory that outlives a run, from outside of one."""
    return f"{owner}state" if program.state_dtype is not None else f"{owner}state.as_int8"


def state_places(program: Program, owner: str, names: Iterable[str]) -> list[str]:
    """The first addresses of the parts of that memory that a run calls so, from outside of one."""
    within = (name.removeprefix("state") for name in names)
    return [state_place(program, f"{owner}region{region}->" if region else owner) for region in within]


def part(region: Region) -> str:
    """The name of the pointer to a region's memory."""
    return f"region_{region.name}"


def pointers(program: Program, plan: Plan, holder: Holder) -> list[str]:
    """The locals by which a run's calls name the network's memory."""
    if not plan.regions:
        arena = [arena_pointer(program, holder.arena)] * (plan.arena.size > 0)
        return [*arena, *[state_pointer(program, holder.kept)] * (program.state_bytes > 0)]
    found = []
    for region in plan.regions:
        place = f"{holder.arena}{part(region)}->"
        found += [arena_pointer(program, place, f"arena_{region.name}")] * (region.size > 0)
        found += [state_pointer(program, place, f"state_{region.name}")] * (region.state > 0)
    return found


def class_region(name: str) -> str:
    """The struct of a region inside a C++ class."""
    return f"{name}_region"


def region_macro(name: str, region: str) -> str:
    """The macro for the linker's section of a region of a network; with `_SIZE` behind it, of its bytes."""
    return f"{name}_region_{region}".upper()


def located(plan: Plan, buffer: Buffer) -> tuple[str, int]:
    """The name of the memory in which a buffer of the network's own lies, and its bytes from the beginning of that."""
    kind, place = ("state", buffer.index) if buffer.kind == "state" else ("arena", plan.arena.offsets[buffer.name])
    for region in plan.regions:
        base, size = (region.state_base, region.state) if kind == "state" else (region.base, region.size)
        if base <= place < base + size:
            return f"{kind}_{region.name}", place - base
    return kind, place


def region_of(plan: Plan, buffer: Buffer, owner: str) -> str:
    """The struct in which a buffer of the network's own lies, as the owner of its members."""
    name, _ = located(plan, buffer)
    return f"{owner}region{name.removeprefix('arena')}->" if plan.regions else owner


def region_comment(region: Region) -> str:
    """The sentence about a region's struct."""
    held = " and ".join(["of the arena"] * (region.size > 0) + ["of what outlives a run"] * (region.state > 0))
    return f"The part {held} that belongs into a memory of its own."


def section_macro(w: Writer, name: str, region: Region) -> None:
    """The macro for the linker's section of a region, which a build may define otherwise."""
    macro = region_macro(name, region.name)
    w("/** Stands in front of the definition of an object to lay it there: define it as, say,")
    w(f' * __attribute__((section(".{region.name}"))). */')
    w(f"#ifndef {macro}")
    w(f"#define {macro}")
    w("#endif")


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
        states = f", and {region.state:,} of states" if region.state else ""
        w(f" * {region.base:9} {region.size:10}  {'':7} {region.name}, of {region.limit:,}{states}")
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
        dtype = program.graph.inputs[0].type.dtype
        w(f"{dtype.c} frames[{_frames_bytes(program) // dtype.bytes}];")
        w("/** How many of them there are. */")
        w("short waiting;")
    if program.counted:
        w(f"/** How many runs there were, up to {program.counted}. */")
        w("short runs;")
    if count := unused(program):
        w(f"short unused[{count}]; /* where a core needs no padding, there is as much memory */")


def feeding_bytes(program: Program) -> int:
    """Bytes of the members of `feeding_memory`."""
    return _rounded(program, _frames_bytes(program) + _counters_bytes(program))


def unused(program: Program) -> int:
    """How many of `short` fill up the unit behind those members, as no compiler then does."""
    return (feeding_bytes(program) - _frames_bytes(program) - _counters_bytes(program)) // 2


def _frames_bytes(program: Program) -> int:
    """Frames that wait, and a byte behind them where the counters need it."""
    return up_to(program.collected * program.graph.inputs[0].type.dtype.bytes, 2)


def _counters_bytes(program: Program) -> int:
    return 2 * (bool(program.collected) + bool(program.counted))


def ram_bytes(program: Program, plan: Plan) -> int:
    """The `sizeof` of arena, state, frames and counters together, or of all regions and these."""
    size, counting = plan.arena.size, 2 * counters(program, plan) + program.ticks_bytes + feeding_bytes(program)
    if plan.regions:
        return sum(region.bytes for region in plan.regions) + counting
    if not program.state_bytes and not program.timed:
        return max(_rounded(program, size), _unit(program)) + counting  # C has no empty array
    return _rounded(program, size) + _rounded(program, program.state_bytes) + counting


@dataclass(frozen=True)
class Kept:
    """The memory that a network has besides its arena, as members of a C struct."""

    size: int
    alignment: int

    @classmethod
    def of(cls, program: Program, plan: Plan) -> Kept:
        """As `struct_layout` has it."""
        frames = program.graph.inputs[0].type.dtype.bytes
        held = max((dtype.bytes for dtype in _dtypes(program, "state")), default=1)
        members = [
            (program.ticks_bytes, 4),
            (_rounded(program, program.state_bytes), held),
            (_frames_bytes(program), frames),
            (_counters_bytes(program) + 2 * unused(program), 2),
            (2 * counters(program, plan), 2),
        ]
        _, size, alignment = struct_layout(members)
        return cls(size, alignment)


def alignment(program: Program) -> int:
    """Bytes to which the network's memory is aligned."""
    return _unit(program)


def counters(program: Program, plan: Plan) -> int:
    """How many counters outlive a call where rows are handed in one by one or a run is in slices, with those that fill
    up a unit.
    """
    count = Slices(program, plan.stages).position if program.fed is None else len(plan.stages[0].numbers) + 1
    return up_to(2 * count, _unit(program)) // 2


def _rounded(program: Program, size: int) -> int:
    """The arena's size rounded up to the unit to which C aligns its struct or union."""
    return up_to(size, _unit(program))


def _largest(dtypes: Iterable[DType]) -> int:
    return max(dtype.bytes for dtype in dtypes)


def _unit(program: Program) -> int:
    """Bytes to which C aligns the network's struct; `short` is the type of counters."""
    held = _dtypes(program, "arena") | (_dtypes(program, "state") if program.state_bytes else set())
    if program.collected:
        held.add(program.graph.inputs[0].type.dtype)
    counts = program.fed is not None or program.collected or program.counted or program.sliced
    return max([4 * program.timed, 2 * bool(counts), *(dtype.bytes for dtype in held)])


def _dtypes(program: Program, kind: Literal["arena", "state"]) -> set[DType]:
    """The element types by which a memory is named; with int8, by whose bytes calls count, where there are several."""
    dtype = program.arena_dtype if kind == "arena" else program.state_dtype
    if dtype is not None:
        return {dtype}
    return {DType.INT8} | {buffer.dtype for buffer in program.buffers.values() if buffer.kind == kind}
