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
from mnc.frontends.frontend import HEAD_BYTES, Besides, Frontend, Reading
from mnc.frontends.keras import KERAS_JSON
from mnc.frontends.recognise import MODELS, frontend_of
from mnc.frontends.text import NETWORK_TEXT
from mnc.ir.graph import Graph
from mnc.ir.types import Shape

if TYPE_CHECKING:
    from mnc.language.values import Value

SET_SHAPE = "write the shape into the text, or as a parameter and set that (--set)"
"""The way out for network texts, whose inputs have no open axes."""

FRONTENDS: tuple[Frontend, ...] = (*MODELS, NETWORK_TEXT)
"""Every frontend, in the order in which they are asked whether a file is theirs."""

__all__ = ["FRONTENDS", "Frontend", "Reading", "check", "has_weights_apart", "is_text", "load", "read"]


def load(
    path: str | Path,
    parameters: Mapping[str, Value] | None = None,
    weights: str | Path | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> Graph:
    """The network in a file, arguments as for `read`; CompileError with all problems where there is no valid one."""
    reading = read(path, parameters, weights, input_shapes)
    if reading.graph is None:
        raise CompileError(*reading.problems)
    return reading.graph


def check(path: str | Path) -> tuple[Problem, ...]:
    """All that stands in the way of compiling a file, at once; empty where nothing does."""
    return read(path).problems


def read(
    path: str | Path,
    parameters: Mapping[str, Value] | None = None,
    weights: str | Path | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
) -> Reading:
    """Read a file with the frontend that recognises it.

    `parameters` are a network text's, see `mnc.frontends.text`; `weights` are a
    text's, or those of a Keras model's configuration (`.json`); `input_shapes`
    fill the open axes of inputs of Keras and TensorFlow Lite.  A file of another
    kind is refused with them.
    """
    path = Path(path)
    try:
        frontend = frontend_of(path, FRONTENDS)
        if parameters and frontend is not NETWORK_TEXT:
            raise refuse(str(path), "parameters are for network texts (.mnc), and this is none", "leave them out")
        if weights is not None and frontend not in (NETWORK_TEXT, KERAS_JSON):
            what = "weights are for network texts (.mnc) and configurations of Keras (.json), and this is neither"
            raise refuse(str(path), what, "leave them out")
        if input_shapes and frontend is NETWORK_TEXT:
            raise refuse(str(path), f"the input shapes of {frontend.name} are fixed", SET_SHAPE)
        if frontend is NETWORK_TEXT:
            return Reading(text.load(path, parameters, weights))
        return frontend.read(path, Besides(None if weights is None else Path(weights), input_shapes or {}))
    except CompileError as error:
        return Reading(None, error.problems)


def has_weights_apart(path: Path) -> bool:
    """Whether a file is a model's configuration, whose weights are in another file."""
    return path.is_file() and KERAS_JSON.recognises(files.head(path, HEAD_BYTES))


def is_text(path: Path) -> bool:
    """Whether a file is read as a network text; so is an empty one, which tells what it lacks."""
    if not path.is_file():
        return False
    head = files.head(path, HEAD_BYTES)
    return not head or NETWORK_TEXT.recognises(head)
