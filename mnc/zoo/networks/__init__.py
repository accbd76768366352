"""The networks of the zoo: one text of the network language each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from mnc.errors import refuse
from mnc.ir.graph import Graph
from mnc.language import parse
from mnc.language.values import Value

NAMES = ("pico", "nano", "micro", "milli", "base")
"""Names of the architectures, the smallest first."""


def text(name: str) -> str:
    """The text of an architecture; CompileError where there is none of that name."""
    if name not in NAMES:
        raise refuse("zoo", f"there is no network called {name!r}", f"there are {', '.join(NAMES)}")
    return resources.files(__name__).joinpath(f"{name}.mnc").read_text("utf-8")


def graph(name: str, parameters: Mapping[str, Value] | None = None) -> Graph:
    """An architecture with random weights, the same on every machine.

    `parameters` are those that the text states: `height`, `width`, `channels`
    and `classes`; `alpha`, the share of its filters; `batch_norm`.
    CompileError where they do not fit.
    """
    return parse(text(name), f"{name}.mnc", parameters)
