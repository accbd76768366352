"""Which layer kinds the Keras classes become, as rows of a table."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from mnc.frontends.keras import CLASSES
from mnc.frontends.keras.operations import KERAS_2, OPERATIONS

WRAPPERS = frozenset({"PruneLowMagnitude", "SpectralNormalization", "TimeDistributed"})


@dataclass(frozen=True)
class KerasRow:
    """One class of Keras."""

    name: str
    becomes: tuple[str, ...]
    """Layer kinds; none where nothing is left at inference, or what a wrapper's inner layer becomes."""
    meaning: str

    @property
    def wraps(self) -> bool:
        """Whether it only says how another layer is applied."""
        return self.name in WRAPPERS


def keras_rows() -> list[KerasRow]:
    """Every Keras class that mnc reads, and the layers that it becomes."""
    return [
        KerasRow(
            name,
            tuple(sorted(kind.__name__ for kind in known.to)),
            first_sentence(known.convert) or first_sentence(known.to[0]),
        )
        for name, known in sorted(CLASSES.items())
    ]


@dataclass(frozen=True)
class OperationRow:
    """One operation of a functional model."""

    name: str
    """In `keras.ops`, as a class."""
    of_tensorflow: tuple[str, ...]
    """TensorFlow's functions that Keras 2 saves for it."""
    meaning: str


def operation_rows() -> list[OperationRow]:
    """Every operation that mnc reads."""
    spelt: dict[str, list[str]] = {}
    for function, (name, _, _) in KERAS_2.items():
        spelt.setdefault(name, []).append(function)
    return [
        OperationRow(name, tuple(sorted(spelt.get(name, ()))), first_sentence(known.convert))
        for name, known in sorted(OPERATIONS.items())
    ]


def first_sentence(documented: object) -> str:
    """The first sentence of an object's docstring, without the full stop; empty where it has none."""
    paragraph = " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())
    return re.split(r"\.(?= |$)", paragraph, maxsplit=1)[0]
