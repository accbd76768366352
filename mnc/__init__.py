"""The MicroNet Compiler: trained neural networks to C for microcontrollers."""

from __future__ import annotations

__version__ = "0.1.0"

from mnc.compiler import Build, compile, load  # noqa: A004
from mnc.errors import CompileError
from mnc.ir.graph import Graph

__all__ = ["Build", "CompileError", "Graph", "compile", "load"]
