"""The MicroNet Compiler: trained neural networks to C for microcontrollers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnc.compiler import Build, check, compile, load  # noqa: A004
    from mnc.errors import CompileError
    from mnc.ir.graph import Graph
    from mnc.linked import link

__version__ = "0.1.0"
__all__ = ["Build", "CompileError", "Graph", "check", "compile", "link", "load"]

_HOMES = {"CompileError": "mnc.errors", "Graph": "mnc.ir.graph", "link": "mnc.linked"}
"""The modules of public names that are not in `mnc.compiler`."""


def __getattr__(name: str) -> object:
    """Load what is asked for: the command line is a part of this package and need not wait for all of it."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "mnc.compiler")), name)
    try:
        return import_module(f"mnc.{name}")
    except ModuleNotFoundError as fault:
        if fault.name != f"mnc.{name}":
            raise
        raise AttributeError(f"module 'mnc' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
