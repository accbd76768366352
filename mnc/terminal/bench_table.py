"""Costs as tables of text."""

from __future__ import annotations

from collections.abc import Sequence

from mnc import targets
from mnc.bench import Cost
from mnc.terminal.tables import Paper, listing

HEADINGS = (
    *("<model", "type", "backend", "target", ">MACs", ">instructions", ">per MAC"),
    *(">code", ">constants", ">RAM", ">stack"),
)


def measured(costs: Sequence[Cost], paper: Paper) -> str:
    """A row for each measurement, a table of its layers where they were measured, and how it was compiled."""
    parts = [listing(HEADINGS, map(_row, costs), paper)]
    for cost in costs:
        if cost.layers:
            title = f"{cost.model}, {_backend(cost)} on {cost.target}"
            parts.append(f"{title}\n{_layers(cost, paper)}")
    parts.extend(dict.fromkeys(_without_library(cost) for cost in costs if _is_without_library(cost)))
    compilers = dict.fromkeys(f"{cost.target}: {cost.compiler}{_unit(cost)}" for cost in costs)
    parts.append("\n".join((*compilers, "one inference; instructions are not cycles; sizes in bytes")))
    return "\n\n".join(parts)


def _is_without_library(cost: Cost) -> bool:
    return cost.backend == targets.cmsis_nn.BACKEND and not cost.cmsis_nn


def _without_library(cost: Cost) -> str:
    """A note under figures that a reader might take for the library's."""
    return f"{cost.model}, {cost.backend}: {cost.dtype} only, so no layer calls CMSIS-NN; all kernels are mnc's own"


def _row(cost: Cost) -> tuple[str, ...]:
    sizes = (cost.code, cost.constants, cost.ram, cost.stack)
    return (
        *(cost.model, cost.dtype, _backend(cost), cost.target, f"{cost.macs:,}", f"{cost.instructions:,}"),
        _ratio(cost.instructions, cost.macs),
        *(f"{size:,}" for size in sizes),
    )


def _layers(cost: Cost, paper: Paper) -> str:
    rows = (
        (
            layer.name,
            layer.op,
            f"{layer.macs:,}",
            f"{layer.instructions:,}",
            _ratio(layer.instructions, layer.macs),
            f"{layer.code:,}",
            f"{layer.instructions / max(cost.instructions, 1):.1%}",
        )
        for layer in cost.layers
    )
    return listing(("<layer", "op", ">MACs", ">instructions", ">per MAC", ">code", ">share"), rows, paper)


def _backend(cost: Cost) -> str:
    return " ".join((cost.backend, *(f"{key}={value}" for key, value in cost.settings.items())))


def _ratio(instructions: int, macs: int) -> str:
    return f"{instructions / macs:.2f}" if macs else ""


def _unit(cost: Cost) -> str:
    """A note on the unit where it is not instructions."""
    clock = targets.get(cost.target).board.clock
    return f"; {clock.unit}, not instructions" if clock and clock.unit != "instructions" else ""
