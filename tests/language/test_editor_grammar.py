"""docs/mnc.tmLanguage.json knows the words of the language."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnc.ir.types import DType
from mnc.language.expressions import LITERALS
from mnc.language.names import RESERVED

GRAMMAR = json.loads((Path(__file__).resolve().parents[2] / "docs" / "mnc.tmLanguage.json").read_text("utf-8"))


def patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key in ("match", "begin", "end") and isinstance(value, str))
        for value in part.values():
            yield from patterns(value)
    elif isinstance(part, list):
        for value in part:
            yield from patterns(value)


def test_every_pattern_is_a_regular_expression() -> None:
    assert len([re.compile(pattern) for pattern in patterns(GRAMMAR)]) > 10


def test_every_word_of_the_language_is_in_it() -> None:
    known = set(re.findall(r"[a-z]+[0-9]*", " ".join(patterns(GRAMMAR)).replace("\\s", " ").replace("\\b", " ")))
    assert known >= RESERVED | set(LITERALS) | {dtype.value for dtype in DType}


def test_what_is_included_exists() -> None:
    assert {each["include"][1:] for each in GRAMMAR["patterns"]} == set(GRAMMAR["repository"])
