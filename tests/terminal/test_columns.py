"""Columns on paper of any width: numbers whole, lines short, nothing lost but the fronts of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from mnc.terminal.columns import TIGHT, folded, tail

KINDS = "<>~|"
HEADS = ("<layer", "op", "output", "type", ">MACs", ">weights", "|lifetime")
ROWS = [
    ("model/activation/Relu", "conv2d", "32x32x16", "int8", "442,368", "736 B", lambda room: "x" * room),
    ("model/activation_1/Relu", "depthwise_conv2d", "32x32x16", "int8", "2,359,296", "", lambda room: "x" * room),
]


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_wide_paper_has_one_line_for_each_row() -> None:
    lines = plain(folded(HEADS, ROWS, 120))
    assert len(lines) == 3
    assert lines[0].split() == ["layer", "op", "output", "type", "MACs", "weights", "lifetime"]
    assert "442,368    736 B  xxx" in lines[1]


def test_narrow_paper_folds_every_row_at_the_same_columns() -> None:
    lines = plain(folded(HEADS, ROWS, 60))
    assert len(lines) == 6
    assert [line.startswith("  ") for line in lines] == [False, True] * 3
    for cell in ("model/activation/Relu", "depthwise_conv2d", "2,359,296", "442,368", "736 B"):
        assert any(cell in line for line in lines), cell
    ends = [
        line.index(word) + len(word) for line, word in zip(lines[1::2], ("MACs", "442,368", "2,359,296"), strict=True)
    ]
    assert len(set(ends)) == 1, "numbers stand below their heading"


@given(st.data())
def test_numbers_are_whole_and_lines_are_short(data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from(["", *KINDS]), min_size=1, max_size=9))
    width = data.draw(st.integers(24, 120))
    number = st.integers(0, 10**9).map("{:,}".format)
    word = st.text("abcdefgh\u6f22", min_size=1, max_size=9)
    words = st.lists(word, max_size=9).map(" ".join)
    cells = {">": number, "<": st.text("abc/\u6f22", max_size=99), "~": words, "": words}
    heads = [f"{sign}{data.draw(word)}" for sign in signs]
    rows = [
        [(lambda room: "#" * room) if sign == "|" else data.draw(cells[sign]) for sign in signs]
        for _ in range(data.draw(st.integers(0, 4)))
    ]
    lines = plain(folded(heads, rows, width))
    assert all(cell_len(line) <= width for line in lines)
    whole = " ".join(lines).split()
    for row in rows:
        for sign, cell in zip(signs, row, strict=True):
            if sign == ">":
                assert cell in whole
            elif sign in ("", "~") and isinstance(cell, str):
                assert all(word in whole for word in cell.split())


def test_a_number_is_whole_on_paper_that_is_too_narrow_for_it() -> None:
    assert plain(folded([">n"], [["123,456,789"]], 5))[1] == "123,456,789"


def test_names_are_cut_in_front() -> None:
    names = [f"functional_1/activation_{i}/Relu" for i in range(12)]
    lines = plain(folded(["<layer", ">n"], [[name, "1"] for name in names], 20))
    assert len({*lines}) == len(lines), "they are still told apart"
    assert all(line.startswith("~") for line in lines[1:])
    assert TIGHT["name"] >= 10


@pytest.mark.parametrize(("room", "cut"), [(9, "conv2d_12"), (8, "~nv2d_12"), (2, "~2"), (1, "~")])
def test_a_tail(room: int, cut: str) -> None:
    assert tail("conv2d_12", room) == cut
    assert cell_len(tail("\u6f22\u5b57\u6f22\u5b57", room)) <= room
