"""The machines that generated code runs on."""

from __future__ import annotations

from mnc.errors import refuse
from mnc.names import similar
from mnc.targets import cmsis_nn, process
from mnc.targets.builtin import TARGETS
from mnc.targets.image import Options, Sizes, compiler_version
from mnc.targets.interface import Interface
from mnc.targets.measure import (
    Footprint,
    Measurement,
    footprint,
    layer_code,
    layer_instructions,
    layer_values,
    measure,
    run,
)
from mnc.targets.target import Target

__all__ = [
    "Footprint",
    "Interface",
    "Measurement",
    "Options",
    "Sizes",
    "Target",
    "cmsis_nn",
    "compiler_version",
    "footprint",
    "get",
    "layer_code",
    "layer_instructions",
    "layer_values",
    "measure",
    "names",
    "run",
]


def names() -> tuple[str, ...]:
    """The targets of this installation, in the order of their table."""
    return tuple(target.name for target in TARGETS)


def get(name: str) -> Target:
    """The target called `name`, by the best compiler that is installed.

    `CompileError` with the nearest name where there is none.
    """
    for target in TARGETS:
        if target.name == name:
            other = target.instead
            return other if other is not None and process.installed(other.compiler) else target
    hints = similar(name.lower(), names()) or (f"known: {', '.join(names())}",)
    raise refuse("", f"unknown target {name!r}", *hints)
