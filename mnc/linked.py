"""Several networks in one unit of C: `mnc link`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mnc import backends, targets
from mnc.backends.c import C
from mnc.backends.linking import Pair, Part, Unity, unite
from mnc.backends.names import check_name
from mnc.compiler import Build
from mnc.errors import argument, refuse
from mnc.output import write_files
from mnc.report import Report

MOST = 32
"""Networks of a unit."""


@dataclass(frozen=True)
class Linked:
    """Networks in one unit, and what they cost together."""

    name: str
    builds: Mapping[str, Build]
    """By the networks' own names; as each would be alone."""
    unity: Unity

    @property
    def files(self) -> Mapping[str, str]:
        """File name to content."""
        return self.unity.files

    @property
    def reports(self) -> dict[str, Report]:
        """The report on each network alone, by its name."""
        return {name: build.report for name, build in self.builds.items()}

    def write(self, directory: str | Path, *, force: bool = False) -> None:
        """Write the files, all of them or none, as `Build.write`."""
        write_files(self.files, Path(directory), force=force)

    def to_json(self) -> str:
        """One JSON object: the unit's bytes, beside those of the networks apart, and the report of each."""
        reports = self.reports
        found = {
            "name": self.name,
            "ram": {"total": self.unity.ram, "apart": sum(each.ram.total for each in reports.values())},
            "flash": {
                "total_constants": self.unity.constants,
                "apart": sum(each.flash.total_constants for each in reports.values()),
            },
            "arenas": self.unity.arenas,
            "files": tuple(self.files),
            "networks": {name: asdict(each) for name, each in reports.items()},
        }
        return json.dumps(found, indent=2)


def link(builds: Mapping[str, Build], name: str, together: Iterable[Collection[str]] = ()) -> Linked:
    """Link builds of backend `c` or `cmsis-nn`, each under its own name, into one unit called `name`.

    Functions of network `a` are called `<name>_a_run` and so on, and all take the
    one struct `<name>_t`.  Networks share the memory of their arenas, so no two
    of them may run at the same time on one struct, but for those of a group of
    `together`; a network that is fed by rows runs from its first row to its last.
    CompileError where a name or a group does not fit, a build is in regions, or its
    backend cannot be linked.
    """
    check_name(name)
    if not 2 <= len(builds) <= MOST:
        raise refuse("link", f"takes 2 to {MOST} networks, not {len(builds)}")
    parts = [_part(own, build, name) for own, build in builds.items()]
    for own in builds:
        others = [each for each in builds if each != own and each.lower() == own.lower()]
        if others:
            raise refuse("link", f"{own!r} and {others[0]!r} have the same macros", "give another name: NAME=MODEL")
    pairs: set[Pair] = set()
    for group in together:
        for each in group:
            if each not in builds:
                raise refuse(argument("together"), f"there is no network {each!r}", f"they are {', '.join(builds)}")
        if len(set(group)) < 2:
            raise refuse(argument("together"), "names two or more networks", "such as a,b")
        pairs |= {frozenset((a, b)) for a in group for b in group if a != b}
    return Linked(name, dict(builds), unite(parts, name, pairs))


def _part(own: str, build: Build, name: str) -> Part:
    check_name(own)
    check_name(f"{name}_{own}")
    if own.startswith("shared_"):
        raise refuse("link", f"{own!r} is a name of the unit's own memory", "give another name: NAME=MODEL")
    request = build.request
    target = None if request.target is None else targets.get(request.target)
    chosen = backends.get(request.backend).configured(request.settings, target)
    if not isinstance(chosen, C):
        raise refuse(
            f"backend {request.backend!r}",
            "makes code that is not linked: each object of its class has its memory",
            "use --backend c or cmsis-nn; objects of C++ classes may share memory in a union",
        )
    if build.emission.blob is not None:
        raise refuse("option 'weights'", f"{own!r} has constants in a file of its own", "leave weights=binary out")
    if build.emission.plan.regions:
        raise refuse(
            argument("region"), f"{own!r} lies in several memories, and linked networks share one", "leave it out"
        )
    return Part(own, chosen, build.emission.program, build.emission.plan)
