"""All refusals of the frontend for Keras, drawn from its code: each has a way out that leaves the network as it is."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import mnc.frontends.keras

ROOM = Path(mnc.frontends.keras.__file__).parent
REFUSING = {"refuse": 2, "fault": 1}
"""Functions that make a refusal, and how many arguments stand in front of its hints."""

ACTIONS = frozenset(
    (
        *(
            "build",
            "call",
            "clear",
            "compile",
            "compute",
            "convert",
            "copy",
            "cut",
            "give",
            "load",
            "make",
            "multiply",
            "name",
        ),
        *("nest", "open", "pack", "put", "rebuild", "run", "save", "set", "take", "train", "unpack", "use", "wrap"),
        *("multiply", "write"),
    )
)
"""Words by which what one can do begins."""

FACTS = ("mnc knows ", "its inputs are ")
"""Beginnings of hints that say what there is; another hint must say what to do, or it is to choose from them."""

OTHER_NETWORKS = re.compile(
    r"rebuild the (model|layer) with(out)? (this|it|another|fewer)|train without|drop|make it|let the network|"
    r"with another value|make it stateless"
)
"""Words of hints that lead to a network with other answers."""


@dataclass(frozen=True)
class Refusal:
    place: str
    hints: tuple[str, ...]
    """The words of each; what is put in at run time is an ellipsis."""


def text(node: ast.expr, names: dict[str, object]) -> list[str]:
    """The words of a hint; several where it is chosen or comes from a list."""
    match node:
        case ast.Constant(value=str(words)):
            return [words]
        case ast.JoinedStr(values=parts):
            return [
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "\N{HORIZONTAL ELLIPSIS}" for part in parts
                )
            ]
        case ast.BinOp(left=left, right=right):
            return [a + b for a in text(left, names) for b in text(right, names)]
        case ast.IfExp(body=body, orelse=orelse):
            return text(body, names) + text(orelse, names)
        case ast.Tuple(elts=parts):
            return [words for part in parts for words in text(part, names)]
        case ast.Name(id=name) if isinstance(names.get(name), str):
            return [str(names[name])]
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in names:
            return [str(getattr(names[module], name))]
        case ast.Call(func=ast.Name(id="at_most"), args=[_, ast.Constant(value=what)]):
            return [mnc.frontends.keras.ways_out.at_most(64, str(what))]
    return []


def refusals() -> Iterator[Refusal]:
    for path in sorted(ROOM.glob("*.py")):
        module = "mnc.frontends.keras" + ("" if path.stem == "__init__" else f".{path.stem}")
        names = vars(importlib.import_module(module))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "Problem":
                hints = node.args[2:3]
            elif called in REFUSING and not isinstance(node.args[-1], ast.Starred):
                hints = node.args[REFUSING[called] :]
            else:
                continue
            if called != "fault" or hints:  # which has ways out of its own
                words = tuple(words for hint in hints for words in text(hint, names))
                yield Refusal(f"{path.name}:{node.lineno}", words)


ALL = tuple(refusals())
NAMED_LATER = frozenset({"models.py"})
"""Files with a refusal whose hint is made of the file's own names."""


def test_there_are_refusals_to_look_at() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: refusal.place)
def test_every_refusal_has_a_way_out(refusal: Refusal) -> None:
    assert refusal.hints or refusal.place.partition(":")[0] in NAMED_LATER
    for hint in refusal.hints:
        assert not OTHER_NETWORKS.search(hint), hint
        clauses = re.split(r"[;:,]? (?:or |and )?", hint.removeprefix("or "))
        assert hint.startswith(FACTS) or ACTIONS.intersection(clauses), hint
        assert len(hint) < 250
        assert not hint.endswith(".")
        if "again" in hint:
            assert re.search(
                r"Keras does not write|damaged|do not belong|single file|call adapt|and save it|diverged", hint
            ), hint
