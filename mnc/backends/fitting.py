"""C text made to fit a width: statements, function heads, comments and directives that are too long are filled anew.

Kernels are written for an editor's width; the code that they are copied into may be
narrower, and a C++ class indents them.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache

_TOKEN = re.compile(r"""(?:/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S)+(?: /\*.*?\*/\S*)*""")
"""A token, within which no line is broken: text without spaces, with the comment behind it."""
_COMMENT = re.compile(r"/\*.*?\*/")
_OPERATORS = re.compile(r"[-+*/%<>=!&|]+")


@lru_cache(2**12)  # kernels have the same texts in every network
def fitted(text: str, width: int) -> tuple[str, ...]:
    """The lines of C text; of `width` columns at most, as far as there are spaces to break a line at."""
    lines = text.split("\n")
    if _fits(lines, width):
        return tuple(lines)
    parts = _statements(text)
    return tuple(line for lines in parts for line in (lines if _fits(lines, width) else _filled(lines, width)))


def _fits(lines: list[str], width: int) -> bool:
    return all(len(line) <= width for line in lines)


def _statements(text: str) -> Iterator[list[str]]:
    """Lines that belong together: up to the end of parentheses, of a directive, or of a sentence in a comment."""
    pending: list[str] = []
    depth = 0
    for line in text.split("\n"):
        pending.append(line)
        code = "" if _is_comment(line) else _COMMENT.sub("", line)
        depth += code.count("(") - code.count(")")
        if _is_comment(line):
            goes_on = not line.endswith((".", ":", "*/"))
        else:
            goes_on = line.endswith("\\") if pending[0].startswith("#") else depth > 0
        if not goes_on:
            yield pending
            pending, depth = [], 0
    if pending:
        yield pending


def _is_comment(line: str) -> bool:
    """Whether a line is part of a comment that has its lines for itself."""
    return re.match(r"\s*(?:/\*(?!.*\*/ *\S)|\* |\*/|\*$)", line) is not None


def _filled(lines: list[str], width: int) -> list[str]:
    first = lines[0]
    margin = first[: len(first) - len(first.lstrip())]
    if first.startswith("#"):
        *filled, last = _broken([token for line in lines for token in line.rstrip("\\").split()], "", width - 2)
        return [*(f"{line} \\" for line in filled), last]
    if _is_comment(first):
        start = re.match(r"\s*(?:/\*\*?|\*) *", first)
        assert start is not None, first
        begins = margin + " * " if "/" in start[0] else start[0]
        words = " ".join([first, *(line.lstrip(" *") if line.lstrip() != "*/" else "*/" for line in lines[1:])])
        return textwrap.wrap(words, width, subsequent_indent=begins, break_long_words=False, break_on_hyphens=False)
    return list(_broken([token[0] for line in lines for token in _TOKEN.finditer(line)], margin, width))


def _broken(tokens: list[str], margin: str, width: int) -> Iterator[str]:
    """A statement's tokens on lines that go on below what follows the innermost open parenthesis."""
    line, longest = margin, max(map(len, tokens))
    opened: list[int] = []
    while tokens:
        count = _most(len(line), tokens, width)
        line += " ".join(tokens[:count])
        yield line
        for column, character in enumerate(_COMMENT.sub(lambda comment: " " * len(comment[0]), line)):
            if character == "(":
                opened.append(column + 1)
            elif character == ")" and opened:
                opened.pop()
        below = opened[-1] if opened and opened[-1] + longest <= width else len(margin) + (8 if opened else 4)
        line, tokens = " " * below, tokens[count:]


def _most(begin: int, tokens: list[str], width: int) -> int:
    """How many tokens fit on a line that is `begin` columns long already, up to a good place to break.

    The best place is in the fewest parentheses, and of such the last: behind a comma
    or an operator, before `?` and `:`; behind `=` where one line takes the rest, or no comma is as good.
    """
    rest = sum(map(len, tokens)) + len(tokens) - 1
    if begin + rest <= width:
        return len(tokens)
    best, length, depth = (1_000_000.0, -1), begin - 1, 0
    for n, token in enumerate(tokens[:-1], start=1):
        length += 1 + len(token)
        rest -= 1 + len(token)
        if length > width:
            break
        code = _COMMENT.sub("", token).replace(" ", "")
        depth += code.count("(") - code.count(")") + 2 * (code.count("[") - code.count("]"))
        good = code.endswith((",", ";")) or tokens[n] in ("?", ":") or _OPERATORS.fullmatch(code)
        is_early = code.endswith("=") and code not in ("==", "!=", "<=", ">=") and rest + 8 > width
        best = min(best, (depth + 1.5 * is_early if good else 1000, -n))
    return -best[1]
