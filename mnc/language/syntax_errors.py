"""Messages for syntax errors, and how reading goes on behind one."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from mnc.language.source import Source, SourceError
from mnc.names import similar

_VALUE = {"NAME", "NUMBER", "TEXT", "LSQB", "LPAR"}
_OPERATORS = {"SUM", "PRODUCT", "POWER", "COMPARISON", "AND", "OR", "IF"}
_STATEMENTS = {"INPUT", "OUTPUT", "BLOCK", "FOR", "WEIGHTS", "_STATE", "_NEXT"}
_WORDS = {
    "NAME": "a name",
    "TEXT": 'a text in "double quotes"',
    "EQUAL": "'='",
    "COMMA": "','",
    "COLON": "':'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "IN": "'in'",
    "ELSE": "'else'",
    "BY": "'by order'",
    "ORDER": "'order'",
    "UNUSED": "'unused'",
    "NETWORK": "'network' and the network's name first of all",
    "_NL": "the end of the line",
}
_SIGNS = {
    "'": "texts stand in double quotes",
    ";": "a statement ends with its line; no sign is needed",
    "{": "a block's body stands in braces behind its parameters",
    "\u201c": 'use plain double quotes: "..."',
    "\u201d": 'use plain double quotes: "..."',
    ".": "numbers have a digit before the point: 0.5; names have no points unless in backquotes",
}

_LANDMARK = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`|#[^\n]*|[()\[\]{}\n]')
_HEADER = re.compile(r"^\s*network\b.*\n", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]+")
_STATEMENT_WORDS = ("network", "input", "state", "next", "output", "block", "for", "return", "weights")
_CLOSES = {")": "(", "]": "[", "}": "{"}


def explain(fault: UnexpectedInput, source: Source) -> SourceError:
    """A fault of the parser in the user's words."""
    if isinstance(fault, UnexpectedCharacters):
        return _bad_character(source, fault.pos_in_stream or 0)
    assert isinstance(fault, UnexpectedToken), fault
    token = fault.token
    at_end = token.type == "$END" or isinstance(fault, UnexpectedEOF)
    start = len(source.text.rstrip()) if at_end else token.start_pos or 0
    at = (start, start + (1 if at_end or token.type == "_NL" else len(token)))
    found = "the end of the text" if at_end else "the end of the line" if token.type == "_NL" else f"'{token}'"
    wanted = fault.accepts or fault.expected
    hints = []
    opened = _open_brackets(source.text, start)
    if opened and opened[-1][0] != "{" and source.line(at) != source.line((opened[-1][1], 0)):
        hints.append(f"'{opened[-1][0]}' in line {source.line((opened[-1][1], 0))} is still open")
    elif opened and at_end:
        hints.append(f"'{{' in line {source.line((opened[-1][1], 0))} is still open")
    if token == "(" and "EQUAL" in wanted:
        hints.append("give the result a name, or make it an output: y = ...")
    if token == "=" and "EQUAL" not in wanted and wanted & (_OPERATORS | {"ELSE"}):
        hints.append("'==' compares")
    if token == ":" and "LBRACE" in wanted:
        hints.append("a body stands in braces: { ... }")
    hints += _misspelt(source, start)
    return SourceError(at, f"expected {_wanted(wanted)}, not {found}", *hints)


def _misspelt(source: Source, start: int) -> tuple[str, ...]:
    """A hint at the statement that was meant, where an error is at its first word or right behind it."""
    line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    word = _WORD.match(line.strip() or source.text[start:])
    if word is None or line.strip() not in ("", word[0]) or word[0] in _STATEMENT_WORDS:
        return ()
    return similar(word[0], _STATEMENT_WORDS, 0.7)


def _bad_character(source: Source, start: int) -> SourceError:
    character = source.text[start] if start < len(source.text) else "\n"
    at = (start, start + 1)
    if character in '"`':
        end = source.text.find("\n", start)
        what = "text" if character == '"' else "name"
        return SourceError((start, len(source.text) if end < 0 else end), f"this {what} is not closed with {character}")
    hint = _SIGNS.get(character)
    shown = f"the sign {character}" if character.isprintable() else f"the character \\u{{{ord(character):x}}}"
    return SourceError(at, f"{shown} means nothing here", *([hint] if hint else []))


def _wanted(terminals: AbstractSet[str]) -> str:
    """The tokens that could have stood there, in the user's words, the most telling first."""
    left = set(terminals)
    if "NETWORK" in left:
        return _WORDS["NETWORK"]
    words = []
    if left >= _STATEMENTS:
        words.append("a statement")
        left -= _STATEMENTS | {"NAME", "RETURN", "_NL", "$END"}
    if left >= _VALUE:
        words.append("a value")
        left -= _VALUE | {"NOT", "SUM"}
    if len(left) > 1 and left & _OPERATORS:
        left -= _OPERATORS  # they could stand behind any value: not worth saying
    words += [_WORDS[terminal] for terminal in _WORDS if terminal in left]
    if "$END" in left and "_NL" not in left:
        words.append("the end of the text")
    if not words:
        words = ["an operator"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _open_brackets(text: str, end: int) -> list[tuple[str, int]]:
    """The brackets that are open at an offset, with their places."""
    opened: list[tuple[str, int]] = []
    for match in _LANDMARK.finditer(text, 0, end):
        sign = match[0]
        if sign in ("(", "[", "{"):
            opened.append((sign, match.start()))
        elif sign in _CLOSES and opened and opened[-1][0] == _CLOSES[sign]:
            opened.pop()
    return opened


def without_statement(text: str, fault: SourceError) -> str | None:
    """The text with the statement at fault blanked out, offsets kept, so that reading can go on.

    None where it cannot be told where the statement ends, or where all that
    follows depends on it: further errors would only be consequences.
    """
    at = fault.at
    if at[0] >= len(text.rstrip()) or not _HEADER.search(text, 0, at[0]):
        return None
    begin = text.rfind("\n", 0, min(at[0], len(text))) + 1
    opened = [(sign, start) for sign, start in _open_brackets(text, begin) if sign != "{"]
    if opened:
        begin = text.rfind("\n", 0, opened[0][1]) + 1
    depth, end = 0, None
    for match in _LANDMARK.finditer(text, begin):
        sign = match[0]
        if sign in ("(", "[", "{"):
            depth += 1
        elif sign in _CLOSES:
            depth -= 1
        elif sign == "\n" and depth == 0 and match.start() >= at[0]:
            end = match.start()
            break
    end = len(text) if end is None and depth == 0 else end
    if end is None or not text[begin:end].strip():
        return None
    blank = re.sub(r"[^\n]", " ", text[begin:end])
    return text[:begin] + blank + text[end:]
