"""Several networks as one unit of C: their kernels and equal constants once, their arenas one above the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import mnc
from mnc.backends.c import C, declarations, has_integers, layers_source, macros, members, network_source
from mnc.backends.facts import LICENCE, facts, terms, version_macro
from mnc.backends.memory import Kept, alignment, memory
from mnc.backends.unit import Unit
from mnc.backends.writer import Writer, assertion, declaration, linkage
from mnc.ir.types import Array, DType
from mnc.pieces import Files
from mnc.plan.liveness import Plan
from mnc.program import Holder, Program, struct_layout, up_to
from mnc.targets.builtin import REACH_OF_LPM

Pair = frozenset[str]
"""Two networks that may run at the same time."""


@dataclass(frozen=True)
class Part:
    """One of the networks."""

    name: str
    """Its own: the functions have the unit's in front."""
    backend: C
    program: Program
    plan: Plan


@dataclass(frozen=True)
class Unity:
    """Networks in one unit."""

    files: Files
    ram: int
    """The `sizeof` of the struct that holds the memory of all, where types are aligned to their sizes."""
    arenas: tuple[tuple[str, ...], ...]
    """Names of networks whose arenas lie in one place, the largest first."""
    constants: int
    """Bytes of constants, equal ones once."""


def shared_arenas(sizes: Mapping[str, int], together: Collection[Pair]) -> tuple[tuple[str, ...], ...]:
    """Networks whose arenas lie in one place; those that run together lie apart.

    Largest first, each goes to the first place where no network is that it runs
    together with: only the first network of a place counts.
    """
    places: list[list[str]] = []
    for name in sorted(sizes, key=lambda each: -sizes[each]):
        if not sizes[name]:
            continue
        free = (place for place in places if not any(frozenset((name, other)) in together for other in place))
        place = next(free, None)
        if place is None:
            places.append([name])
        else:
            place.append(name)
    return tuple(map(tuple, places))


def unite(parts: Sequence[Part], name: str, together: Collection[Pair] = ()) -> Unity:
    """Print the networks as `<name>.h` and `<name>.c`; `together` are pairs of their names."""
    arenas = shared_arenas({part.name: part.plan.arena.size for part in parts}, together)
    place = {each: i for i, group in enumerate(arenas) for each in group}
    held = []
    for part in parts:
        holder = Holder(f"{name}_t", f"net->shared_{place.get(part.name)}.{part.name}.", f"net->{part.name}.")
        held.append(replace(part, program=replace(part.program, holder=holder, limits=())))
    pieces = [part.backend.pieces(part.program, part.plan, f"{name}_{part.name}") for part in held]
    same = _same(pieces)
    constants = sum(sum(each.constant_bytes.values()) + each.other_bytes for each in pieces)
    constants -= sum(
        values.nbytes for each in pieces for layer in each.layers for c, values in layer.constants.items() if c in same
    )
    struct = _Struct(name, held, arenas)
    files = {
        f"{name}.h": _header(held, pieces, struct),
        f"{name}.c": _source(held, pieces, struct, same, constants),
    }
    return Unity(Files(files), struct.size, arenas, constants)


@dataclass(frozen=True)
class _Struct:
    """The memory of all networks."""

    name: str
    parts: Sequence[Part]
    arenas: tuple[tuple[str, ...], ...]

    @property
    def _unit(self) -> int:
        """Bytes to which the arenas are rounded, so that no compiler fills them up."""
        return max(alignment(part.program) for part in self.parts)

    def _place(self, group: Sequence[str]) -> int:
        largest = max(part.plan.arena.size for part in self.parts if part.name in group)
        return up_to(largest, self._unit)

    @property
    def _kept(self) -> list[tuple[Part, Kept]]:
        """The parts that keep something from run to run, the most aligned first."""
        found = [(part, Kept.of(part.program, part.plan)) for part in self.parts]
        return sorted(((part, kept) for part, kept in found if kept.size), key=lambda each: -each[1].alignment)

    @property
    def size(self) -> int:
        """Its `sizeof`, where types are aligned to their sizes."""
        arenas = [(self._place(group), self._unit) for group in self.arenas]
        _, size, _ = struct_layout([*arenas, *((kept.size, kept.alignment) for _, kept in self._kept)])
        return max(size, 1)

    def define(self, w: Writer) -> None:
        """Its definition."""
        w(f"/** All the memory of {self.name}'s networks. */")
        with w.block("typedef struct", f" {self.name}_t;"):
            for i, group in enumerate(self.arenas):
                w("/** What layers share, and networks that do not run at the same time. */")
                with w.block("union", f" shared_{i};"):
                    for part in self.parts:
                        if part.name in group:
                            size = up_to(part.plan.arena.size, self._unit)
                            with w.block("struct", f" {part.name};"):
                                w(memory(part.program, size))
            for part, _ in self._kept:
                w(f"/** Of {self.name}_{part.name} alone. */")
                with w.block("struct", f" {part.name};"):
                    members(w, part.program, part.plan, f"{self.name}_{part.name}")
            if not self.arenas and not self._kept:
                w("char unused; /* no network needs memory, and C has no empty struct */")


def _header(parts: Sequence[Part], pieces: Sequence[Unit], struct: _Struct) -> Writer:
    name, upper = struct.name, struct.name.upper()
    w = Writer()
    w(LICENCE)
    w(f"/* {name}: made by mnc {mnc.__version__}; change the models, not this file. */")
    w(f"#ifndef {upper}_H")
    w(f"#define {upper}_H")
    if any(has_integers(part.program) for part in parts):
        w("#include <stdint.h>")
    w()
    w("/** @file")
    w(f" * Neural networks that share kernels, constants and memory: {', '.join(part.name for part in parts)}.")
    for part in parts:
        w(" *")
        w(f" * {part.name}:")
        for line in facts(part.program, part.plan):
            w(f" * {line}")
    w(" *")
    for line in terms(max((p.program for p in parts), key=alignment), "net", "structs"):
        w(f" * {line}")
    for group in struct.arenas:
        if len(group) > 1:
            w(f" * - On one struct no two of these run at the same time: {', '.join(group)}.")
    w(" */")
    w()
    version_macro(w)
    for part in parts:
        w()
        w(f"/* {part.name} */")
        w()
        macros(w, part.program, part.plan, f"{name}_{part.name}")
    w("/** Bytes of RAM of all networks, all of them in the struct. */")
    w(f"#define {upper}_RAM_SIZE {struct.size}")
    w()
    with linkage(w):
        struct.define(w)
        w()
        w("/** Call once before the first run of any network, or for each network its own.")
        w(" * @param net the memory, of whatever content */")
        w(f"void {name}_init({name}_t *net);")
        for part, each in zip(parts, pieces, strict=True):
            w()
            w(f"/* {part.name} */")
            w()
            declarations(w, part.program, part.plan, each.test, f"{name}_{part.name}", top=part.backend.top)
    w("#endif")
    return w


def _source(
    parts: Sequence[Part], pieces: Sequence[Unit], struct: _Struct, same: Mapping[str, str], constants: int
) -> Writer:
    name = struct.name
    w = Writer()
    w(LICENCE)
    w(f"/* {name}: made by mnc {mnc.__version__}; see {name}.h. */")
    w(f'#include "{name}.h"')
    feeds = any(part.program.feed != "caller" for part in parts)
    for header in sorted({*(each for unit in pieces for each in unit.headers), *["<stddef.h>"] * feeds}):
        w(f"#include {header}")
    w()
    for condition in dict.fromkeys(part.backend.conditions(part.program) for part in parts):
        if condition:
            w.lines(condition)
            w()
    if constants > REACH_OF_LPM:
        w("#if defined(__AVR__)")
        w(f'#error "AVR reads the first 64 KiB of flash, the constants take {constants:,} bytes"')
        w("#endif")
        w()
    for text in dict.fromkeys(text for each in pieces for text in each.macros):
        w.lines(text)
        w()
    w("/* ---- kernels ---- */")
    w()
    for text in dict.fromkeys(kernel.guarded for each in pieces for kernel in each.kernels):
        w.lines(text)
        w()
    for part, each in zip(parts, pieces, strict=True):
        w(f"/* ---- {part.name} ---- */")
        w()
        full = f"{name}_{part.name}"
        layers_source(w, part.program, part.plan, each, full, top=part.backend.top, same=same)
        network_source(w, part.program, part.plan, each, full)
        w()
    w("/* ---- all ---- */")
    w()
    w("/* The struct is as planned, or smaller by what a core that aligns nothing does not fill up. */")
    w.lines(assertion(f"{name}_ram_is_as_planned", f"(long)sizeof({name}_t) <= {name.upper()}_RAM_SIZE"))
    w()
    w(f"void {name}_init({name}_t *net)")
    with w.block():
        for part in parts:
            w(f"{name}_{part.name}_init(net);")
    return w


def _same(pieces: Sequence[Unit]) -> dict[str, str]:
    """Constants that equal an earlier one, and its name."""
    known: dict[tuple[DType, str, bytes], str] = {}
    found = {}
    for each in pieces:
        for layer in each.layers:
            for name, values in layer.constants.items():
                first = known.setdefault(_content(name, values), name)
                if first != name:
                    found[name] = first
    return found


def _content(name: str, values: Array) -> tuple[DType, str, bytes]:
    """The type, memory and numbers of a constant, which two must have in common to be one."""
    return DType.of(values), declaration(name, values).partition("]")[2], values.tobytes()
