"""The packages that an optional part of mnc needs, and the command that installs them."""

from __future__ import annotations

import importlib.metadata
import re


def install(extra: str) -> str:
    """The hint for a missing package of an extra; true wherever mnc was installed from, as it names no mnc."""
    return "install it with: pip install " + " ".join(f"'{each}'" for each in requirements(extra))


def requirements(extra: str) -> tuple[str, ...]:
    """The packages of an extra, as mnc's metadata state them."""
    of_extra = re.compile(rf"\s*;\s*extra\s*==\s*['\"]{re.escape(extra)}['\"]\s*$")
    stated = importlib.metadata.requires("mnc") or []
    return tuple(of_extra.sub("", each) for each in stated if of_extra.search(each))
