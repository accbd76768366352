"""From a model file to a `Graph`: one frontend for each kind of file, told apart by content.

    load(path)   the network, or CompileError with everything that was refused
    check(path)  everything that would be refused; nothing where `load` succeeds
    read(path)   both at once, and notes for the user

`check` and `load` are views of one reading, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mnc import files
from mnc.errors import CompileError, Problem, refuse
from mnc.frontends import text
from mnc.frontends.frontend import HEAD_BYTES, Frontend, Reading
from mnc.frontends.recognise import MODELS, frontend_of
from mnc.frontends.text import NETWORK_TEXT
from mnc.ir.graph import Graph

if TYPE_CHECKING:
    from mnc.language.values import Value

FRONTENDS: tuple[Frontend, ...] = (*MODELS, NETWORK_TEXT)
"""Every frontend, in the order in which they are asked whether a file is theirs."""

__all__ = ["FRONTENDS", "Frontend", "Reading", "check", "is_text", "load", "read"]


def load(path: str | Path, parameters: Mapping[str, Value] | None = None, weights: str | Path | None = None) -> Graph:
    """The network in a file, arguments as for `read`; CompileError with all problems where there is no valid one."""
    reading = read(path, parameters, weights)
    if reading.graph is None:
        raise CompileError(*reading.problems)
    return reading.graph


def check(path: str | Path) -> tuple[Problem, ...]:
    """All that stands in the way of compiling a file, at once; empty where nothing does."""
    return read(path).problems


def read(path: str | Path, parameters: Mapping[str, Value] | None = None, weights: str | Path | None = None) -> Reading:
    """Read a file with the frontend that recognises it.

    `parameters` and `weights` are a network text's, see `mnc.frontends.text`; any
    other file is refused with them.
    """
    path = Path(path)
    try:
        frontend = frontend_of(path, FRONTENDS)
        if not parameters and weights is None:
            return frontend.read(path)
        if frontend is not NETWORK_TEXT:
            what = "parameters are" if parameters else "weights are"
            raise refuse(str(path), f"{what} for network texts (.mnc), and this is none", "leave them out")
        return Reading(text.load(path, parameters, weights))
    except CompileError as error:
        return Reading(None, error.problems)


def is_text(path: Path) -> bool:
    """Whether a file is read as a network text; so is an empty one, which tells what it lacks."""
    if not path.is_file():
        return False
    head = files.head(path, HEAD_BYTES)
    return not head or NETWORK_TEXT.recognises(head)
