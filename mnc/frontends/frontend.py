"""The interface of a frontend, and the result of reading a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mnc.errors import Problem
from mnc.ir.graph import Graph
from mnc.ir.types import Shape

HEAD_BYTES = 65536
"""How much of a file `recognises` sees, at most."""


@dataclass(frozen=True)
class Reading:
    """The result of reading a file: a network, or the reasons why there is none."""

    graph: Graph | None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    """Facts about the network that the user should know, one sentence each."""

    def __post_init__(self) -> None:
        assert (self.graph is None) == bool(self.problems)


@dataclass(frozen=True)
class Besides:
    """Facts about a model that its file does not state."""

    weights: Path | None = None
    """The file of its weights, where that is another."""
    input_shapes: Mapping[str, Shape] = field(default_factory=dict)
    """The shapes of inputs, without batch, by name: of those that have open axes."""


NOTHING = Besides()


class Frontend(Protocol):
    """Reads one kind of file."""

    @property
    def name(self) -> str:
        """The name of the kind of file, as in `mnc reads Keras .h5`."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes is of this kind."""

    def read(self, path: Path, besides: Besides = NOTHING) -> Reading:
        """Read the file; problems are in the result, or raised as CompileError."""
