"""Budgets as far as the C and C++ compilers can hold code to them: bytes of memory and of constants, operations."""

from __future__ import annotations

from mnc.backends.memory import class_region, counters, ram_bytes, unused
from mnc.backends.unit import Unit
from mnc.backends.writer import Writer, assertion
from mnc.plan.liveness import Plan
from mnc.program import Program

KINDS = {
    "ram": "Bytes of RAM that there are for it.",
    "flash": "Bytes of flash that there are for it, to which the C compiler holds its constants alone.",
    "macs": "Multiply-accumulate operations that a run may take.",
}
"""Kinds of limits, and the header's remark about each."""


def limit_macros(w: Writer, program: Program, name: str) -> None:
    """The limits as macros, which a build may define otherwise."""
    for kind, limit in program.limits:
        macro = _macro(name, kind)
        w(f"/** {KINDS[kind]} */")
        w(f"#ifndef {macro}")
        w(f"#define {macro} {limit}")
        w("#endif")


def asserted_in_header(w: Writer, program: Program, plan: Plan, name: str) -> None:
    """Definitions below the network's struct that are no C where it is too large, or a run takes too long."""
    upper = name.upper()
    memory = f"(long)sizeof({name}_t)"
    if program.apart and not plan.regions:  # beside which the struct has a pointer to the constants
        memory = f"{upper}_RAM_SIZE"
    if plan.regions:  # beside which the network's struct has pointers to them
        besides = ram_bytes(program, plan) - sum(region.bytes for region in plan.regions)
        memory = " + ".join([*(f"(long)sizeof({name}_{region.name}_t)" for region in plan.regions), f"{besides}"])
    taken = {"ram": memory, "macs": f"{upper}_MACS"}
    kinds = [kind for kind, _ in program.limits if kind in taken]
    for kind in kinds:
        w.lines(assertion(f"{name}_keeps_max_{kind}", f"{taken[kind]} <= {_macro(name, kind)}"))
    if kinds:
        w()


def asserted_in_source(w: Writer, program: Program, pieces: Unit, name: str) -> None:
    """A definition that is no C where the constants take more flash than there is."""
    if "flash" in dict(program.limits) and (sizes := constant_sizes(pieces)):
        held = sizes.replace("sizeof", "(long)sizeof")
        w.lines(assertion(f"{name}_keeps_max_flash", f"({held}) <= {_macro(name, 'flash')}"))


def asserted_in_class(w: Writer, program: Program, plan: Plan, pieces: Unit) -> None:
    """Likewise in a C++ class, behind its members, whose limits are numbers; its outputs are no memory of the plan."""
    members = {class_region(region.name): True for region in plan.regions}
    members |= {
        "arena": plan.arena.size > 0 and not plan.regions,
        "state": program.state_bytes > 0 and not plan.regions,
        "made": counters(program, plan) > 0,
        "frames": program.collected > 0,
        "waiting": program.collected > 0,
        "unused": unused(program) > 0,
        "runs": program.counted > 0,
        "ticks": program.timed,
    }
    memory = " + ".join(f"sizeof({member})" for member, there in members.items() if there)
    taken = {"ram": memory, "flash": constant_sizes(pieces), "macs": "kMacs"}
    for kind, limit in program.limits:
        if taken[kind]:
            w.lines(f'static_assert({taken[kind]} <= {limit}, "the network keeps max_{kind}");')


def constant_sizes(pieces: Unit) -> str:
    """The bytes of all constants in C; empty where there are none."""
    apart = [] if pieces.blob is None else [str(len(pieces.blob.content))]
    return " + ".join([*apart, *(f"sizeof({constant})" for layer in pieces.layers for constant in layer.constants)])


def _macro(name: str, kind: str) -> str:
    return f"{name}_max_{kind}".upper()
