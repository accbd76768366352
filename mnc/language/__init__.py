"""The network language: text to `Graph` and back.

parse(text)          the network that a text describes
read_text(path)      the text of a file
show(graph)          the text of any network, and its large constants
format_text(text)    the text as it should be laid out
parameter(setting)   `classes=4` as the name and value of a network's parameter
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mnc import files
from mnc.errors import CompileError, Problem, refuse
from mnc.ir.graph import Graph
from mnc.language import syntax
from mnc.language.elaborate import Elaborator, literal
from mnc.language.formatter import format_text
from mnc.language.printer import Shown, show
from mnc.language.source import Source, SourceError
from mnc.language.syntax import MAX_CHARACTERS
from mnc.language.values import Value
from mnc.language.weights import Loader, load_none

MAX_BYTES = 4 * MAX_CHARACTERS
"""A character has at most four in UTF-8."""

__all__ = ["Shown", "format_text", "parameter", "parse", "read_text", "show"]


def parse(
    text: str,
    name: str = "text",
    parameters: Mapping[str, Value] | None = None,
    load_weights: Loader = load_none,
    weights: str | None = None,
) -> Graph:
    """The network of a text.

    `name` is what errors call the text; `parameters` are set as by the command
    line; `load_weights` reads the files that `weights` statements name.  With
    `weights` that file has them all, whatever the text says.  CompileError has
    every independent problem, each with its line.
    """
    source = Source(name, text)
    return Elaborator(source, syntax.parse(source), load_weights, weights).graph(parameters or {})


def parameter(setting: str) -> tuple[str, Value]:
    """`classes=4` as a name and a value written as in the language; CompileError where it is neither."""
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise refuse("parameter", f"expected name=value, not {setting!r}")
    source = Source(f"parameter {name.strip()}", f"network p(value = ({value}\n))")
    (stated,) = syntax.parse(source).parameters
    assert stated.default is not None
    try:
        return name.strip(), literal(stated.default)
    except SourceError as fault:
        raise CompileError(Problem(source.name, fault.what, fault.hints)) from None


def read_text(path: Path) -> str:
    """A file as text, with plain newlines; CompileError where it cannot be read or is not UTF-8."""
    content = files.content(path, MAX_BYTES, "split it into blocks that are called, or loops")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise refuse(
            path.name, f"the text is not UTF-8: byte {fault.start} is {fault.object[fault.start]:#04x}"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
