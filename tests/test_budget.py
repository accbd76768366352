from __future__ import annotations

from dataclasses import replace

from mnc.budget import over_budget
from mnc.report import Flash, LayerReport, Ram, Report


def layer(name: str, first: int | None, last: int | None, elements: int = 100) -> LayerReport:
    offset = None if first is None else 1000 * first
    return LayerReport(name, "conv2d", (1, elements, 1), "float32", 1, 120, "k", offset, first, last)


def report(*layers: LayerReport) -> Report:
    return Report("n", "c", None, "float32", 1, 2, Ram(800, 800, 0, 800, True), Flash(480, 500), ("n.c", "n.h"), layers)


def test_a_budget_names_what_is_live_at_the_peak() -> None:
    layers = report(layer("a", 0, 1, 50), layer("b", 1, 2, 100), layer("c", 2, 3, 99), layer("out", None, None, 1000))
    assert over_budget(layers, 800, 500) == ()
    assert over_budget(layers, None, None) == ()
    ram, flash = over_budget(layers, 700, 100)
    assert ram.what == "needs 800 bytes of RAM, 100 more than the budget of 700"
    assert "at the peak, step 2, the arena holds the outputs of 'b' (400 bytes), 'c' (396 bytes);" in ram.hints[0]
    assert (
        flash.what == "needs 500 bytes of flash for constants alone, code not counted, 400 more than the budget of 100"
    )
    assert flash.hints[0].endswith("'a' (120 bytes), 'b' (120 bytes), 'c' (120 bytes), 1 more")


def test_the_peak_counts_bytes_that_two_outputs_share_once() -> None:
    """At step 1 two outputs of 400 bytes lie on each other, at step 3 two of 300 side by side."""
    lives = [(0, 0, 1, 100), (0, 1, 2, 100), (0, 2, 3, 75), (300, 3, 4, 75)]
    layers = [
        replace(layer(f"l{i}", first, last, elements), offset=offset)
        for i, (offset, first, last, elements) in enumerate(lives)
    ]
    (problem,) = over_budget(report(*layers), 1, None)
    assert problem.hints[0].startswith("at the peak, step 3, ")
