"""Text from files, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters spelled out: a name in a file must not steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
