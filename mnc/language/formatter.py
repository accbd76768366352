"""A text as it should be laid out: spaces and indentation, nothing else.

Lines stay lines and comments stay where they are; only the white space
between the words changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from lark import Lark, Token

from mnc.language import syntax
from mnc.language.source import Source

_INDENT = "    "
_OPENING = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})
_TIGHT_BEFORE = frozenset({"COMMA", "COLON", "RPAR", "RSQB"})
_TIGHT_AFTER = frozenset({"LPAR", "LSQB"})
_OPERANDS = frozenset({"NAME", "NUMBER", "TEXT", "RPAR", "RSQB"})
"""Tokens that can end a value: a sign behind one is an operator between two values."""


def format_text(text: str, name: str = "text") -> str:
    """The text with its white space put right; CompileError where it has syntax errors."""
    syntax.parse(Source(name, text))
    lines: list[str] = []
    depth = 0
    for tokens in _lines(text):
        if not tokens:
            if lines and lines[-1] and not lines[-1].endswith("{"):
                lines.append("")
            continue
        leading = 0
        while leading < len(tokens) and tokens[leading].type in _CLOSING:
            leading += 1
        if tokens[0].type == "RBRACE" and lines and not lines[-1]:
            lines.pop()
        lines.append(_INDENT * max(depth - leading, 0) + _joined(tokens))
        depth += sum((token.type in _OPENING) - (token.type in _CLOSING) for token in tokens)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


@cache
def _lexer() -> Lark:
    return Lark(syntax.grammar(), parser=None, lexer="basic")


def _lines(text: str) -> Iterator[list[Token]]:
    """The tokens of each line, comments included."""
    line: list[Token] = []
    for token in _lexer().lex(text, dont_ignore=True):
        if token.type == "_NL":
            yield line
            line = []
        elif token.type != "SPACE":
            line.append(token)
    yield line


def _joined(tokens: Sequence[Token]) -> str:
    text = ""
    for index, token in enumerate(tokens):
        if index and _spaced(tokens, index):
            text += "  " if token.type == "COMMENT" else " "
        text += token.rstrip()
    return text


def _spaced(tokens: Sequence[Token], index: int) -> bool:
    """Whether a space stands before a token."""
    before, token = tokens[index - 1].type, tokens[index].type
    if before in _TIGHT_AFTER:
        return token == "COMMENT"
    if token in _TIGHT_BEFORE:
        return False
    if before == "SUM" and (index == 1 or tokens[index - 2].type not in _OPERANDS):
        return False  # a sign
    return not (token in ("LPAR", "LSQB") and before == "NAME")
