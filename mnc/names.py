"""Names: in snake case, not yet taken, near to the one that was meant, safe to show."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(1024)
def snake(class_name: str) -> str:
    """A class name as Keras turns it into a layer name: MaxPooling2D is max_pooling2d.

    Characters that no Python name has are left out.
    """
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def similar(name: str, known: Iterable[str], likeness: float = 0.6) -> tuple[str, ...]:
    """A hint at one or two known names near to an unknown one, or none; `likeness` as `difflib` counts it."""
    every = sorted(set(known))
    but_for_case = [each for each in every if each.lower() == name.lower()]
    found = but_for_case[:1] or difflib.get_close_matches(name, every, 2, likeness)
    return (f"did you mean {' or '.join(map(repr, found))}?",) if found else ()


def printable(text: str) -> str:
    """The text with control characters spelled out: a name in a file must not steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def brief(value: object) -> str:
    """A value for a message, cut where it is long."""
    try:
        shown = repr(value)
    except ValueError:  # Python prints no whole number of more than 4,300 digits
        shown = "an enormous number"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


class Names:
    """The names that are taken: every new one differs from all before it.

    A wish that is taken gets a number behind `mark`, counted from `first`.
    """

    def __init__(self, taken: Iterable[str] = (), *, mark: str = "_", first: int = 2) -> None:
        self._taken = set(taken)
        self._mark = mark
        self._first = first
        self._numbers: dict[str, int] = {}

    def new(self, wish: str) -> str:
        """The wish itself where it is free, else with the first number that makes it so; taken from now on."""
        name = wish
        while name in self._taken:
            number = self._numbers.get(wish, self._first)
            self._numbers[wish] = number + 1
            name = f"{wish}{self._mark}{number}"
        self._taken.add(name)
        return name
