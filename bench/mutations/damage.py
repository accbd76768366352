"""Damage to bytes, to JSON, and to text."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Sequence
from typing import Any

WORDS = (0, 1, 2, 7, 127, 128, 255, 2**15, 2**16, 2**24, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 0x7F800000, 0x7FC00000)
"""Sizes, indices, signs and floats that are trouble."""
LONG_WORDS = (*WORDS, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
JUNK: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 5, 64, 65536, 2**31 - 1, 2**31, 10**12, 10**400, -1.5, 0.5, 1e-300, 1e39),
    *(float("nan"), float("inf"), "", "same", "valid", "causal", "relu", "softmax", "channels_first", "linear"),
    *("Sequential", "Functional", "Dense", "Bidirectional", "TimeDistributed", "Reshape", "Lambda", "InputLayer"),
    *("x" * 5000, "\x1b[2J\n\u202e", "a/b", "..", [], {}, [None], [2, 3], [0, 0, 0], [[1, 2], [3, 4]], [[["x", 0, 0]]]),
    {"class_name": "Dense", "config": {"name": "d", "units": 3}},
)


def damaged(content: bytes, rng: random.Random, places: Sequence[int] = ()) -> bytes:
    """Cut off, or with some bytes or words of it replaced, most of them near one of `places`."""
    if not content or rng.random() < 0.04:
        return content[: rng.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        start = rng.randrange(len(changed))
        if places and rng.random() < 0.8:
            start = min(len(changed) - 1, rng.choice(places) + rng.randrange(64))
        width = rng.choice((1, 1, 2, 4, 4, 8))
        how = rng.random()
        if how < 0.5:
            word = rng.choice(LONG_WORDS) & (1 << 8 * width) - 1
            changed[start : start + width] = word.to_bytes(width, "little")
        elif how < 0.75:
            changed[start] = rng.randrange(256)
        elif how < 0.9:
            changed[start] ^= 1 << rng.randrange(8)
        else:
            source = rng.randrange(len(changed))
            length = rng.choice((4, 8, 64, 512))
            changed[start : start + length] = changed[source : source + length]
    return bytes(changed)


def occurrences(content: bytes, *signatures: bytes) -> list[int]:
    """Where any of these bytes stand."""
    return [match.start() for signature in signatures for match in re.finditer(re.escape(signature), content)]


def spoilt(value: Any, rng: random.Random) -> Any:
    """A JSON value with a few things changed, removed, doubled or moved."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        known = _places(value)
        if not known:
            break
        *path, key = rng.choice(known)
        holder = _at(value, path)
        change = rng.choice(("replace", "replace", "nudge", "nudge", "remove", "move", "double"))
        if change == "remove":
            del holder[key]
        elif change == "move":
            holder[key] = copy.deepcopy(_at(value, rng.choice(known)))
        elif change == "double" and isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(rng.choice((1, 1, 50)))]
        elif change == "nudge" and type(holder[key]) is int:
            holder[key] += rng.choice((-1, 1, 1, 7))
        else:
            holder[key] = copy.deepcopy(rng.choice(JUNK))
    return value


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, item in inner for place in _places(item, (*path, key)))]


def _at(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


def configuration(text: str, rng: random.Random) -> str:
    """The JSON of a model, spoilt as JSON, or as text."""
    if rng.random() < 0.8:
        return json.dumps(spoilt(json.loads(text), rng))
    if rng.random() < 0.2:
        return "[" * 10**5 + text
    return damaged(text.encode(), rng).decode("utf-8", "replace").replace("\0", " ")
