"""How a program may use memory, and how it takes its input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from mnc.backends.interface import Backend
from mnc.errors import argument, refuse
from mnc.program import Feed, Memory, Program

Owner = Literal["caller", "owned"]
"""Whose memory inputs lie in."""
Feeding = Literal["run", "rows"]
"""Whether a run takes all of the input, or its rows are handed in one by one."""


class Asked(TypedDict):
    """The choices as arguments of `compile`."""

    memory: Memory
    input: Owner
    feed: Feeding
    region: Mapping[str, int]


@dataclass(frozen=True)
class Storage:
    """The choices of `--memory`, `--input`, `--feed` and `--region`."""

    memory: Memory = "balanced"
    input: Owner = "caller"
    feed: Feeding = "run"
    regions: tuple[tuple[str, int], ...] = ()
    """Names and bytes of memories, the fastest first."""

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
        return {"memory": self.memory, "input": self.input, "feed": self.feed, "region": dict(self.regions)}

    def of(self, program: Program, backend: Backend) -> Program:
        """The program under these choices; CompileError where the network or the backend does not allow them."""
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
                "use --backend c or cmsis-nn, or leave regions out",
            )
        return program.kept(self.memory, feed, self.regions)


USUAL = Storage()
"""Where nothing else is said."""
