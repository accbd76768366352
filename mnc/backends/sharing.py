"""Calls that layers have in common, made functions of their own.

A kernel is inlined where it is called, so every call costs the code of its layer.
Calls with the same literals compile to the same instructions; one function, to
which each caller passes what is its own, costs them once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from mnc.backends.library import Item, Library, calling
from mnc.backends.writer import GLUE, Writer, joined, literal
from mnc.program import Call, Name, Program

SIZES = frozenset(
    (
        *(
            "begin",
            "blocks",
            "channels",
            "count",
            "end",
            "group_size",
            "groups",
            "high",
            "in_channel",
            "in_channels",
            "in_pixel",
        ),
        *("in_row", "in_width", "in_zero", "inner_begin", "inner_end", "low", "out_channel", "out_channels"),
        *("out_pixel", "out_row", "out_width", "pixels", "rows", "vectors", "zero"),
    )
)
"""Parameters of kernels that state lengths of loops, strides, and limits of results.

As variables they cost an instruction here and there.  The others shape the code: with literals for them loops are
unrolled and branches fall away.
"""

Key = tuple[tuple[str, str], ...]
"""A kernel, and the parameters that all callers must agree in, with their values in C."""


def share(program: Program, library: Library, prefix: str, *, compact: bool) -> tuple[Program, Library]:
    """The program with functions in place of calls that it makes more than once, and the library with these functions.

    Their names have `prefix` in them, since they are the network's own.
    `compact`: also for calls that differ in `SIZES` only, which makes the code smaller and somewhat slower.
    """
    callers: dict[Key, list[_Made]] = {}
    keys: dict[int, Key] = {}
    """By the identity of a call, which the program keeps alive."""
    for number, step in enumerate(program.steps):
        for call in step.all_calls:
            if not call.header:
                made = _Made(number, call.kernel, _literals(call))
                key = keys[id(call)] = _key(made, compact=compact)
                callers.setdefault(key, []).append(made)
    shared: dict[Key, Item] = {}
    items = dict(library.items)
    for key, calls in callers.items():
        if len(calls) > 1:
            item = _function(calls, library, prefix, items)
            shared[key] = items[item.names[0]] = item

    def moved(call: Call) -> Call:
        item = shared.get(keys[id(call)]) if id(call) in keys else None
        if item is None:
            return call
        return Call(item.names[0], {p.name: call.arguments[p.name] for p in item.parameters or ()})

    if not shared:
        return program, library
    return replace(program, steps=tuple(step.with_calls(moved) for step in program.steps)), Library(items)


@dataclass(frozen=True)
class _Made:
    """A call that a step makes."""

    step: int
    kernel: str
    literals: Mapping[str, str]
    """The arguments that are known now, in C."""


def _key(call: _Made, *, compact: bool) -> Key:
    """The kernel and the arguments that calls of one shared function have in common."""
    known = call.literals.items()
    return (("", call.kernel), *((p, text) for p, text in known if not (compact and p in SIZES)))


def _literals(call: Call) -> Mapping[str, str]:
    """The arguments that are known now, in C."""
    texts: dict[str, str] = {}
    for parameter, argument in call.arguments.items():
        match argument:
            case Name(text):
                texts[parameter] = text
            case int() | float():
                texts[parameter] = literal(argument)
    return texts


def _function(calls: Sequence[_Made], library: Library, prefix: str, taken: Collection[str]) -> Item:
    """A function of the literals that calls of one kernel have in common."""
    kernel = calls[0].kernel
    own_name = f"mnc_{prefix}_{kernel.removeprefix('mnc_')}"
    name = next(name for n in count(1) if (name := f"{own_name}_{n}") not in taken)
    first, *others = (call.literals for call in calls)
    fixed = {p: text for p, text in first.items() if all(other[p] == text for other in others)}
    parameters = library.parameters(kernel)
    own = tuple(p for p in parameters if p.name not in fixed)
    w = Writer()
    w.wrapped(f"/* {kernel} as layers {joined(sorted({call.step for call in calls}))} call it. */")
    w.wrapped(f"MNC_LAYER void {name}({joined([p.declaration.replace(' ', GLUE) for p in own])})")
    with w.block():
        w.wrapped(calling(kernel, parameters, {p.name: fixed.get(p.name, p.name) for p in parameters}))
    return Item((name,), w.text().rstrip("\n"), own)
