"""Budgets of RAM, flash, stack and arithmetic: what to say when a network does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnc.errors import Problem
from mnc.plan.memory_map import MemoryMap
from mnc.report import Report

NAMED = 3
"""How many of the largest culprits a hint names."""


@dataclass(frozen=True)
class Budget:
    """The most that a network may take; None: any amount."""

    ram: int | None = None
    """Bytes."""
    flash: int | None = None
    """Bytes of code and constants where the code was measured, else of constants."""
    stack: int | None = None
    """Bytes; a stack that was not measured is not limited."""
    macs: int | None = None
    """Multiply-accumulate operations of one run."""

    @property
    def limits(self) -> tuple[tuple[str, int], ...]:
        """Those that a compiler can hold code to, by name."""
        named = (("ram", self.ram), ("flash", self.flash), ("macs", self.macs))
        return tuple((name, limit) for name, limit in named if limit is not None)

    def allows(self, report: Report) -> bool:
        """Whether the network fits."""
        return not any(_excess(self, report, each) for each in _RESOURCES)

    def eased(self, report: Report, changed: Report) -> bool:
        """Whether a change makes less of something that there is too much of."""
        return any(
            _excess(self, report, each) and (each.needed(changed) or 0) < (each.needed(report) or 0)
            for each in _RESOURCES
        )


@dataclass(frozen=True)
class Tried:
    """A change that was made by way of trial, in words, and what the network takes with it."""

    change: str
    report: Report


@dataclass(frozen=True)
class _Resource:
    """One of the things that run out."""

    field: str
    """Of `Budget`."""
    needed: Callable[[Report], int | None]
    named: Callable[[Report], str]
    """The unit and what is counted: `bytes of RAM`."""
    culprits: Callable[[Report, MemoryMap], str]
    """The largest share of it, in words; empty where nothing is known."""


def over_budget(report: Report, memory: MemoryMap, budget: Budget, tried: Sequence[Tried] = ()) -> tuple[Problem, ...]:
    """One problem for each budget that the network exceeds: what takes the most, and all of `tried` that takes less."""
    problems = []
    for resource in _RESOURCES:
        if excess := _excess(budget, report, resource):
            needed, limit = resource.needed(report) or 0, getattr(budget, resource.field)
            what = f"needs {needed:,} {resource.named(report)}, {excess:,} more than the budget of {limit:,}"
            culprits = resource.culprits(report, memory)
            ways = [_way(each, resource, needed, limit) for each in tried]
            problems.append(Problem(f"network {report.name!r}", what, tuple(filter(None, (culprits, *ways)))))
    return tuple(problems)


def _excess(budget: Budget, report: Report, resource: _Resource) -> int:
    """How much too much it is; 0 where it fits or nothing is known."""
    limit, needed = getattr(budget, resource.field), resource.needed(report)
    return 0 if limit is None or needed is None else max(0, needed - limit)


def _way(tried: Tried, resource: _Resource, needed: int, limit: int) -> str:
    """A trial in words; empty where it takes no less."""
    takes = resource.needed(tried.report)
    if takes is None or takes >= needed:
        return ""
    fits = "which fits" if takes <= limit else f"still {takes - limit:,} too many"
    return f"tried {tried.change}: {takes:,} {resource.named(tried.report)}, {fits}"


def _at_the_peak(_: Report, memory: MemoryMap) -> str:
    live = memory.live(memory.peak)
    if not live:
        return ""
    names = _named([(box.name, box.bytes) for box in live], "bytes")
    layers = memory.moments[memory.peak].layers
    alone = len(layers) == 1
    at_work = f"layer {layers[0]!r}" if alone else f"layers {layers[0]!r} to {layers[-1]!r}, {len(layers)} in turns"
    return f"at the peak, step {memory.peak} ({at_work}), the arena holds {names}"


def _unknown(*_: object) -> str:
    return ""


def _largest_weights(report: Report, _: MemoryMap) -> str:
    return _largest(
        "the largest weights are those of", [(each.name, each.weights_bytes) for each in report.layers], "bytes"
    )


def _most_arithmetic(report: Report, _: MemoryMap) -> str:
    return _largest("most are those of", [(each.name, each.macs) for each in report.layers], "MACs")


def _largest(words: str, amounts: list[tuple[str, int]], unit: str) -> str:
    largest = sorted((each for each in amounts if each[1]), key=lambda each: -each[1])
    return f"{words} {_named(largest, unit)}" if largest else ""


def _named(amounts: list[tuple[str, int]], unit: str) -> str:
    shown = [f"{name!r} ({amount:,} {unit})" for name, amount in amounts[:NAMED]]
    rest = [f"{len(amounts) - NAMED} more"] if len(amounts) > NAMED else []
    return ", ".join(shown + rest)


def _flash(report: Report) -> str:
    if report.flash.total is None:
        return "bytes of flash for constants alone, code not counted"
    return "bytes of flash for code and constants"


_RESOURCES = (
    _Resource("ram", lambda report: report.ram.needed, lambda _: "bytes of RAM", _at_the_peak),
    _Resource("flash", lambda report: report.flash.needed, _flash, _largest_weights),
    _Resource("stack", lambda report: report.stack, lambda _: "bytes of stack", _unknown),
    _Resource("macs", lambda report: report.macs, lambda _: "multiply-accumulate operations", _most_arithmetic),
)
