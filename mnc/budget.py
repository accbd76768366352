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
        problems.append(
            Problem(
                where, _exceeds("flash for constants alone, code not counted", flash, max_flash), _flash_hints(report)
            )
        )
    return tuple(problems)


def _exceeds(resource: str, needed: int, budget: int) -> str:
    return f"needs {needed:,} bytes of {resource}, {needed - budget:,} more than the budget of {budget:,}"


def _ram_hints(report: Report) -> tuple[str, ...]:
    live = sorted(_live(report, _peak(report)), key=lambda layer: -_output_bytes(layer))
    if not live:
        return ()
    names = _named([(layer.name, _output_bytes(layer)) for layer in live])
    return (f"at the peak, step {_peak(report)}, the arena holds the outputs of {names}; make the largest smaller",)


def _flash_hints(report: Report) -> tuple[str, ...]:
    largest = sorted(report.layers, key=lambda layer: -layer.weights_bytes)
    names = _named([(layer.name, layer.weights_bytes) for layer in largest if layer.weights_bytes])
    return (f"the largest weights are those of {names}",) if names else ()


def _peak(report: Report) -> int:
    """The step at which the most bytes of the arena are occupied."""
    steps = range(1 + max((layer.last or 0 for layer in report.layers), default=0))
    return max(steps, key=lambda step: _occupied(_live(report, step)))


def _occupied(live: list[LayerReport]) -> int:
    """Bytes of the arena that some output lies in; an output may overlap its inputs."""
    occupied = end = 0
    for offset, size in sorted((layer.offset or 0, _output_bytes(layer)) for layer in live):
        occupied += max(0, offset + size - max(offset, end))
        end = max(end, offset + size)
    return occupied


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
