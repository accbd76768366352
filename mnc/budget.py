"""Budgets of RAM and flash: what to say when a network does not fit."""

from __future__ import annotations

import math

import numpy as np

from mnc.errors import Problem
from mnc.report import LayerReport, Report

NAMED = 3
"""How many of the largest culprits a hint names."""


def over_budget(report: Report, max_ram: int | None, max_flash: int | None) -> tuple[Problem, ...]:
    """One problem for each budget (bytes; None: any amount) that the network exceeds."""
    where = f"network {report.name!r}"
    ram, flash = report.ram.total, report.flash.total_constants
    problems = []
    if max_ram is not None and ram > max_ram:
        problems.append(Problem(where, _exceeds("RAM", ram, max_ram), _ram_hints(report)))
    if max_flash is not None and flash > max_flash:
        problems.append(Problem(where, _exceeds("flash for constants", flash, max_flash), _flash_hints(report)))
    return tuple(problems)


def _exceeds(resource: str, needed: int, budget: int) -> str:
    return f"needs {needed:,} bytes of {resource}, {needed - budget:,} more than the budget of {budget:,}"


def _ram_hints(report: Report) -> tuple[str, ...]:
    live = _live_at_peak(report)
    if not live:
        return ()
    names = _named([(layer.name, _output_bytes(layer)) for layer in live])
    return (
        f"at the peak, step {_peak(report)}, these outputs are live together: {names}; a smaller one is the way down",
    )


def _flash_hints(report: Report) -> tuple[str, ...]:
    largest = sorted(report.layers, key=lambda layer: -layer.weights_bytes)
    names = _named([(layer.name, layer.weights_bytes) for layer in largest if layer.weights_bytes])
    return (f"the largest weights are those of {names}",) if names else ()


def _peak(report: Report) -> int:
    """The step at which the largest sum of bytes is live in the arena."""
    steps = range(1 + max((layer.last or 0 for layer in report.layers), default=0))
    return max(steps, key=lambda step: sum(map(_output_bytes, _live(report, step))))


def _live_at_peak(report: Report) -> list[LayerReport]:
    return sorted(_live(report, _peak(report)), key=lambda layer: -_output_bytes(layer))


def _live(report: Report, step: int) -> list[LayerReport]:
    return [
        layer
        for layer in report.layers
        if layer.first is not None and layer.last is not None and layer.first <= step <= layer.last
    ]


def _output_bytes(layer: LayerReport) -> int:
    return math.prod(layer.output_shape) * np.dtype(layer.dtype).itemsize


def _named(sizes: list[tuple[str, int]]) -> str:
    shown = [f"{name!r} ({size:,} bytes)" for name, size in sizes[:NAMED]]
    rest = [f"{len(sizes) - NAMED} more"] if len(sizes) > NAMED else []
    return ", ".join(shown + rest)
