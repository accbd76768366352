"""Names of the values of a network.

A layer's name is the first of these: `name = "..."`, if it is given; the name
it is assigned to, if nothing else is assigned to that name in the same block;
its kind, as Keras names layers: `conv2d`, `conv2d_1`.
Equal names are numbered in that manner.  Inside a block
all this begins with the call's own name: `hidden_1__dw`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnc.language.source import Place, SourceError
from mnc.names import Names

SCOPE = "__"
"""Stands between a block call's name and a name inside it."""


class Strength(enum.IntEnum):
    """How much a name insists on being kept as it is."""

    KIND = 0
    ASSIGNED = 1
    GIVEN = 2


@dataclass(frozen=True, eq=False)
class Label:
    """The name that a layer, or a call of a block, asks for."""

    stem: str
    strength: Strength
    scope: Label | None
    """The block call that it stands in."""
    at: Place
    part_of: Label | None = None
    """The label whose final name `stem` is added to, for a further layer that one layer of the text makes."""

    @property
    def depth(self) -> int:
        return 0 if self.scope is None else self.scope.depth + 1


def name_all(labels: Sequence[Label], taken: Iterable[str]) -> dict[Label, str]:
    """The final name of every label, none of them among those taken; SourceError where two insist on one."""
    free = Names(taken, first=1)
    names: dict[Label, str] = {}
    for label in sorted(labels, key=lambda label: (label.part_of is not None, label.depth, -label.strength)):
        if label.part_of is not None:
            name = free.new(names[label.part_of] + label.stem)
        else:
            wanted = label.stem if label.scope is None else f"{names[label.scope]}{SCOPE}{label.stem}"
            name = free.new(wanted)
            if name != wanted and label.strength is Strength.GIVEN:
                raise SourceError(label.at, f"the name {wanted!r} is taken", "every layer has a name of its own")
        names[label] = name
    return names
