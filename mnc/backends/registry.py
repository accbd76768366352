"""Which backends there are: entry points of the group `mnc.backends`, mnc's own among them.

A backend is loaded when it is asked for, so a broken plugin harms nobody who
does not use it.  Whatever is wrong with one names the distribution it is from.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from mnc.backends.interface import API_VERSION, Backend
from mnc.errors import refuse
from mnc.names import similar

GROUP = "mnc.backends"


@dataclass(frozen=True)
class Entry:
    """A backend that is installed, not yet loaded."""

    name: str
    distribution: str
    """Name and version of the distribution it is from."""
    point: EntryPoint
    rivals: tuple[Entry, ...] = ()
    """Others that claim the same name."""

    @property
    def package(self) -> str:
        """The package, or module, that the backend is in."""
        return self.point.module.partition(".")[0]

    def load(self) -> Backend:
        """The backend itself; CompileError where it cannot be had or does not fit."""
        where = f"backend {self.name!r} of {self.distribution}"
        if self.rivals:
            claims = [f"{each.distribution} ({each.point.value})" for each in (self, *self.rivals)]
            raise refuse(f"backend {self.name!r}", f"comes from {' and from '.join(claims)}", "uninstall all but one")
        try:
            found = self.point.load()
            backend = found() if isinstance(found, type) else found
        except Exception as fault:
            raise refuse(
                where,
                f"cannot be loaded: {type(fault).__name__}: {fault}",
                "the fault is in that distribution: upgrade or uninstall it",
            ) from fault
        stated = {**vars(type(backend)), **getattr(backend, "__dict__", {})}
        version = stated.get("api_version")  # one that is inherited says what mnc has, not what the plugin knows
        if "api_version" not in stated and hasattr(backend, "api_version"):
            raise refuse(where, "does not state its own api_version", f"for this mnc it is {API_VERSION}")
        if version is not None and version != API_VERSION:
            raise refuse(
                where,
                f"is written for version {version} of the backend interface, this mnc has version {API_VERSION}",
                "install versions of mnc and of the plugin that fit together",
            )
        unfit = [name for name, kind in _DATA.items() if not isinstance(getattr(backend, name, None), kind)]
        unfit += [name for name in _METHODS if not callable(getattr(backend, name, None))]
        if unfit:
            raise refuse(
                where,
                f"is a {type(backend).__name__} without a fitting {', '.join(unfit)}",
                "a backend has the members of mnc.backends.Backend; docs/plugins.md shows one",
            )
        if backend.name != self.name:
            raise refuse(where, f"calls itself {backend.name!r}", "its entry point and its name must agree")
        assert isinstance(backend, Backend)
        return backend


_DATA: Mapping[str, type] = {"name": str, "description": str, "api_version": int, "options": Mapping}
_METHODS = ("configured", "select", "emit")


@cache
def installed() -> Mapping[str, Entry]:
    """All backends by name, sorted; one that several distributions claim is refused when it is loaded."""
    entries: dict[str, Entry] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        source = point.dist
        distribution = f"{source.metadata['Name']} {source.version}" if source is not None else point.value
        entry = Entry(point.name, distribution, point)
        known = entries.setdefault(point.name, entry)
        if known.point.value != point.value:
            entries[point.name] = replace(known, rivals=(*known.rivals, entry))
    return entries


def culprit(fault: BaseException) -> Entry | None:
    """The plugin through whose code a fault came; None where mnc is among itself."""
    packages = {entry.package: entry for entry in installed().values() if entry.package != "mnc"}
    frames = traceback.walk_tb(fault.__traceback__)
    names = [str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in frames]
    return next((packages[name] for name in reversed(names) if name in packages), None)


def names() -> tuple[str, ...]:
    """The names of all backends, sorted."""
    return tuple(installed())


def get(name: str) -> Backend:
    """A backend by name; CompileError where there is none of that name or it does not work."""
    entries = installed()
    if name not in entries:
        known = ", ".join(entries) or "none: install mnc, do not run it from its sources"
        raise refuse(f"backend {name!r}", "is not known", *(similar(name, entries) or (f"known: {known}",)))
    return entries[name].load()
