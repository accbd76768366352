from __future__ import annotations

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnc.names import printable
from mnc.report import Flash, LayerReport, LayerVerification, Ram, Report, Verification
from mnc.terminal.sizes import size
from mnc.terminal.tables import Paper, compiled, lifetime, verified

PLAIN = Paper(160, False, True)


def layer(name: str, first: int | None, last: int | None, elements: int = 100) -> LayerReport:
    offset = None if first is None else 1000 * first
    return LayerReport(name, "DepthwiseConv2D", (1, elements, 1), "float32", 20_736, 120, "k", offset, first, last)


def report(*layers: LayerReport) -> Report:
    return Report("n", "c", None, "float32", 1, 2, Ram(800, 800, 0, 800, True), Flash(480, 500), ("n.c", "n.h"), layers)


@pytest.mark.parametrize(
    ("first", "last", "steps", "width", "bar"),
    [
        (0, 1, 4, 4, "##.."),
        (3, 3, 4, 4, "...#"),
        (None, None, 4, 4, "...."),
        (0, 0, 8, 4, "#..."),
        (2, 5, 8, 4, ".##."),
        (1, 2, 8, 4, "##.."),
        (7, 7, 8, 4, "...#"),
    ],
)
def test_a_bar_covers_the_steps_of_a_life(first: int, last: int, steps: int, width: int, bar: str) -> None:
    assert lifetime(layer("a", first, last), steps, width, blocks=False) == bar


@given(st.integers(1, 200), st.integers(1, 30), st.data())
def test_every_life_shows_in_a_bar_of_any_width(steps: int, width: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, steps - 1))
    last = data.draw(st.integers(first, steps - 1))
    bar = lifetime(layer("a", first, last), steps, width, blocks=False)
    assert len(bar) == width
    assert "#" in bar
    assert "." not in bar.strip("."), "a life has no gap"


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_table_fits_its_paper(width: int) -> None:
    names = ["conv", "batch_normalization_" + "1" * 10_000, "line\nbreak \x1b[2J"]
    text = compiled(
        report(*(layer(name, step, step + 1) for step, name in enumerate(names * 20))), Paper(width, False, True)
    )
    assert all(len(line) <= width for line in text.splitlines())
    assert text.count("\n") == 60 + 1 + 3
    assert "\x1b" not in text
    assert "48x48" not in text
    assert "1x100x1" in text
    assert "20,736" in text


def test_colours_are_only_on_a_paper_that_has_them() -> None:
    layers = report(layer("conv", 0, 1))
    assert "\x1b[" in compiled(layers, Paper(100, True, True))
    assert "\x1b" not in compiled(layers, PLAIN)


def test_a_verification_marks_what_differs() -> None:
    good = LayerVerification("a", "Conv2D", 2.0**-23, 9e9, (0, 1), 0.75, 0.75 + 2.0**-23, True)
    bad = LayerVerification("b", "Dense", 0.25, 1e6, (0, 3), 0.5, 0.25, False)
    result = Verification("n", "c", "host", 1, "1e-05", (good, bad, bad))
    assert result.first_failure is bad
    assert not result.passed
    lines = verified(result, PLAIN).splitlines()
    assert lines[1].split() == ["a", "Conv2D", "float32", "1.19e-07", "2", "[0,", "1]", "ok"]
    assert lines[2].split() == ["b", "Dense", "float32", "0.25", "4.19e+06", "[0,", "3]", "differs"]


@pytest.mark.parametrize(
    ("dtype", "error", "expected", "ulp"),
    [
        ("float32", np.spacing(np.float32(0.75)), 0.75, 1.0),
        ("float32", 3 * np.spacing(np.float32(1.0)), -1.0, 3.0),
        ("float32", 1e-5, 0.0, None),
        ("float32", 1e-5, 1e-40, None),
        ("float32", 0.0, 1.0, None),
        ("float32", np.inf, 1.0, None),
        ("float32", np.inf, np.nan, None),
        ("int8", 1.0, 3.0, None),
    ],
)
def test_units_in_the_last_place_are_shown_where_they_inform(
    dtype: str, error: float, expected: float, ulp: float | None
) -> None:
    layer = LayerVerification("a", "Dense", float(error), 1e6, (0, 0), expected, expected, False, dtype)
    assert layer.ulp_at_worst == ulp
    heading, line = verified(Verification("n", "c", "host", 1, "", (layer,)), PLAIN).splitlines()
    assert ("ULP" in heading) == (ulp is not None)
    assert "1e+06" not in line


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_table_has_every_number(width: int) -> None:
    names = [f"functional_1/conv2d_{i}/Relu" for i in range(9)]
    text = compiled(report(*(layer(name, i, i + 1) for i, name in enumerate(names))), Paper(width, False, True))
    assert all(len(line) <= width for line in text.splitlines())
    assert text.count("20,736") == text.count("120 B") == text.count("float32") - 1 == 9
    assert "\u2026" not in text


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("65536", 65536), ("64K", 65536), ("64k", 65536), ("64KB", 65536), ("1M", 1 << 20)]
)
def test_sizes(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "K", "-1", "1.5K", "64Q", "0x10", "1 000", "\u0661", "9" * 5000])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size"):
        size(text)


@given(st.text())
def test_nothing_that_steers_a_terminal_is_printed(text: str) -> None:
    assert printable(text).isprintable()
