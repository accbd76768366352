"""How names and texts are spelt: plain identifiers, the rest quoted with escapes."""

from __future__ import annotations

import re

RESERVED = frozenset(
    {"network", "input", "output", "block", "for", "in", "return", "weights", "by", "order", "unused"}
    | {"if", "else", "and", "or", "not", "true", "false", "none"}
)
"""Names that are written in backquotes."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPE = re.compile(r"\\(u\{[0-9A-Fa-f]{1,6}\}|.)", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r"}


def spell(name: str) -> str:
    """A name as the language writes it: bare, or in backquotes where it is no identifier."""
    if _IDENTIFIER.fullmatch(name) and name not in RESERVED:
        return name
    return _quote(name, "`")


def quote(text: str) -> str:
    """A text literal in which nothing is filled in."""
    return _quote(text, '"{}')


def unquote(literal: str) -> str:
    """The characters of a quoted name or text; ValueError where an escape is none."""
    return unescape(literal[1:-1])


def unescape(body: str) -> str:
    """The characters that a text with backslash escapes stands for."""
    return _ESCAPE.sub(_character, body) if "\\" in body else body


def _character(match: re.Match[str]) -> str:
    escape = match[1]
    if escape.startswith("u{"):
        code = int(escape[2:-1], 16)
        if code > 0x10FFFF:
            raise ValueError(f"there is no character \\{escape}")
        return chr(code)
    if escape.isalnum() and escape not in _SHORT:
        raise ValueError(f"there is no escape \\{escape}")
    return _SHORT.get(escape, escape)


def _quote(text: str, special: str) -> str:
    mark = special[0]
    return mark + "".join(_escaped(c, special) for c in text) + mark


def _escaped(character: str, special: str) -> str:
    if character == "\\" or character in special:
        return "\\" + character
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
