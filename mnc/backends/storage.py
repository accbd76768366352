"""How a program may use memory, and how it takes its input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, get_args

from mnc.backends.interface import Backend
from mnc.errors import argument, refuse
from mnc.ir.graph import Graph
from mnc.passes.stream import Stream, stream
from mnc.program import Feed, Frames, Memory, Program

Owner = Literal["caller", "owned"]
"""Whose memory inputs lie in."""
Feeding = Literal["run", "rows", "frames"]
"""Whether a run takes all of the input, or its rows are handed in one by one, or the frames of an input without end."""


class Asked(TypedDict):
    """The choices as arguments of `compile`."""

    memory: Memory
    input: Owner
    feed: Feeding
    region: Mapping[str, int]
    hop: int | None


@dataclass(frozen=True)
class Storage:
    """The choices of `--memory`, `--input`, `--feed` and `--region`."""

    memory: Memory = "balanced"
    input: Owner = "caller"
    feed: Feeding = "run"
    regions: tuple[tuple[str, int], ...] = ()
    """Names and bytes of memories, the fastest first."""
    hop: int | None = None
    """Frames from one run to the next, where they are handed in one by one; None: as few as the network allows."""

    def __post_init__(self) -> None:
        for name, known in (("memory", Memory), ("input", Owner), ("feed", Feeding)):
            given, values = getattr(self, name), get_args(known)
            if given not in values:
                raise refuse(argument(name), f"is one of {', '.join(values)}, not {given!r}")
        if self.feed == "rows" and self.input == "owned":
            raise refuse(
                argument("input"),
                "rows that are handed in lie in the network's memory already",
                "leave it out: <name>_row() says where the next row goes",
            )
        if self.feed == "frames" and self.input == "owned":
            raise refuse(
                argument("input"), "frames that are handed in are copied where a run needs them", "leave it out"
            )
        if self.hop is not None and self.feed != "frames":
            raise refuse(argument("hop"), "says how many frames a run takes", "add --feed frames, or leave it out")
        names = [name for name, _ in self.regions]
        for name, size in self.regions:
            if re.fullmatch("[a-z][a-z0-9_]*", name) is None:
                raise refuse(argument("region"), f"is no name for a region: {name!r}", "such as dtcm or sram2")
            if names.count(name) > 1:
                raise refuse(argument("region"), f"names {name!r} twice")
            if size <= 0:
                raise refuse(argument("region"), f"{name!r} has {size:,} bytes", "name as many as there are")

    @property
    def asked(self) -> Asked:
        """The choices by the names of their arguments."""
        return {
            "memory": self.memory,
            "input": self.input,
            "feed": self.feed,
            "region": dict(self.regions),
            "hop": self.hop,
        }

    def stream(self, graph: Graph) -> Stream | None:
        """The network for frames one by one, where these are asked for; CompileError where it has no such form."""
        return stream(graph, self.hop) if self.feed == "frames" else None

    def of(self, program: Program, backend: Backend, stream: Stream | None = None) -> Program:
        """The program under these choices; CompileError where the network or the backend does not allow them.

        `stream`: that of which the program is made.
        """
        feed: Feed = "rows" if self.feed == "rows" else self.input
        if feed not in getattr(backend, "feeds", ("caller",)):
            where = argument("feed" if feed == "rows" else "input")
            raise refuse(where, f"the code of backend {backend.name!r} takes inputs from the caller's memory only")
        if feed == "rows" and (obstacle := program.unfeedable) is not None:
            layer, reason = obstacle
            raise refuse(
                f"{argument('feed')}, {layer!r}", reason, "leave it out; --input owned puts a whole input into the plan"
            )
        if self.regions and not getattr(backend, "has_regions", False):
            raise refuse(
                argument("region"),
                f"the code of backend {backend.name!r} keeps all of its memory in one object",
                "use --backend c, cpp or cmsis-nn, or leave regions out",
            )
        if stream is not None:
            if not getattr(backend, "has_frames", False):
                where = argument("feed")
                raise refuse(where, f"the code of backend {backend.name!r} takes no frames", "use --backend c or cpp")
            program = replace(program, frames=Frames(stream.hop, stream.silent, stream.delay))
        return program.kept(self.memory, feed, self.regions)


USUAL = Storage()
"""Where nothing else is said."""
