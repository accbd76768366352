"""The three forms in which CMSIS-NN is compiled: they differ in speed and in the scratch they need, not in results."""

from __future__ import annotations

from enum import Enum


class Core(Enum):
    """The forms of CMSIS-NN's functions; the C compiler's feature macros choose one."""

    PLAIN = "plain"
    """Neither of the others: portable C."""
    DSP = "dsp"
    """The DSP extension, two products of 16 bits in one instruction."""
    MVE = "mve"
    """Helium, vectors of 16 bytes."""


Cores = frozenset[Core]
"""The forms that code has to be right for: one, or all where the target is not known."""

EVERY: Cores = frozenset(Core)


def forms(core: frozenset[str] | None) -> Cores:
    """The forms that code for a core of these features may meet; None: for any core."""
    if core is None:
        return EVERY
    if "mve" in core:
        return frozenset({Core.MVE})
    return frozenset({Core.DSP if "dsp" in core else Core.PLAIN})
