"""Generated code that is too wide is broken anew: the tokens stay, the lines fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import mnc
from mnc.backends.fitting import fitted
from mnc.backends.library import standard
from mnc.backends.writer import WIDTH
from mnc.ir.graph import Graph, Input, Node
from mnc.ir.layers import Concatenate, Dense
from mnc.ir.types import Constant, TensorType


def tokens(lines: Sequence[str]) -> list[str]:
    """The words of C text, without the marks that a line's end brings."""
    return [word for line in lines for word in re.sub(r"^ *\*(?!/)|\\$", "", line).split()]


@pytest.mark.parametrize("width", [100, 96])
def test_every_kernel_fits_and_says_what_it_said(width: int) -> None:
    for item in dict.fromkeys(standard().items.values()):
        lines = fitted(item.text, width)
        assert tokens(lines) == tokens(item.text.split("\n")), item.names
        assert max(map(len, lines)) <= width, item.names


def test_what_fits_stays_as_it_is() -> None:
    text = "/* One.\n * Two. */\nint f(int x,\n      int y)\n{\n    return x +\n           y;\n}"
    assert fitted(text, 40) == tuple(text.split("\n"))


def test_lines_are_broken_behind_commas_below_the_parenthesis() -> None:
    assert fitted("    call(first, second(a, b), third /* it's so */, fourth);", 40) == (
        "    call(first, second(a, b),",
        "         third /* it's so */, fourth);",
    )
    assert fitted("    y[i * channels + c] = clamped(sum[i], low, high);", 40) == (
        "    y[i * channels + c] =",
        "        clamped(sum[i], low, high);",
    )
    assert fitted("#if defined(ONE) && defined(ANOTHER) && !defined(A)", 40) == (
        "#if defined(ONE) && \\",
        "    defined(ANOTHER) && !defined(A)",
    )
    assert fitted("/* A sentence that is much longer than a line. */", 30) == (
        "/* A sentence that is much",
        " * longer than a line. */",
    )


@pytest.mark.parametrize("backend", ["c", "cpp", "cmsis-nn"])
def test_no_line_of_generated_code_is_too_long(backend: str, fixtures: Path) -> None:
    """With a long name, and a layer of many inputs."""
    matrix = Constant(np.ones((3, 2), np.float32))
    nodes = [Node((f"a_rather_long_name_{i}",), Dense(matrix), ("x",)) for i in range(12)]
    joined = Node(("y",), Concatenate(-1), tuple(node.outputs[0] for node in nodes))
    wide = Graph("wide", (Input("x", TensorType((3,))),), (*nodes, joined), ("y",))
    for graph in (wide, *(mnc.load(fixtures / name) for name in ("pico.keras3.h5", "pico.int8.tflite"))):
        for name, text in mnc.compile(graph, backend=backend, name="n" * 24).files.items():
            assert [line for line in text.split("\n") if len(line) > WIDTH] == [], name
