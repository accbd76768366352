"""How often, or how nearly, a network is right: against definitions, and as the command says it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnc.accuracy import TOP, Accuracy, Choices, Errors, area_under_curve
from mnc.cli import run
from mnc.terminal.judgement import confusion
from mnc.terminal.tables import Paper


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    ones = [score for score, right in pairs if right]
    zeros = [score for score, right in pairs if not right]
    wins = [float(one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros]
    found = area_under_curve(np.array([s for s, _ in pairs], float), np.array([int(r) for _, r in pairs]))
    assert found == (pytest.approx(sum(wins) / len(wins)) if wins else None)


def test_choices_are_counted_by_class() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3]])
    found = Choices.of(scores, np.array([0, 1, 1, 2]))
    assert found.confusion == ((1, 0, 0), (0, 1, 1), (1, 0, 0))
    assert (found.accuracy, found.top, found.auc) == (0.5, None, None)


def test_the_first_few_count_where_there_are_more_classes() -> None:
    scores = np.tile(np.arange(8.0), (8, 1))
    found = Choices.of(scores, np.arange(8))
    assert (found.accuracy, found.top) == (1 / 8, TOP / 8)


def test_two_classes_have_an_area_with_one_score_or_two() -> None:
    right, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    one = Choices.of(score[:, None], right)
    two = Choices.of(np.stack([1 - score, score], 1), right)
    assert one.auc == two.auc == 0.75
    assert one.confusion == two.confusion == ((1, 1), (1, 1))


def test_errors_of_numbers() -> None:
    right = np.array([[1.0], [2.0], [3.0], [6.0]])
    found = Errors.of(right + np.array([[1.0], [-1.0], [1.0], [-1.0]]), right)
    assert (found.rmse, found.mae) == (1.0, 1.0)
    assert found.r2 == pytest.approx(1 - 4 / 14)
    assert found.cosine == pytest.approx((2 + 2 + 12 + 30) / np.sqrt(50 * 46))
    assert found.sqnr == pytest.approx(10 * np.log10(50 / 4))
    exact = Errors.of(right, right)
    assert (exact.r2, exact.sqnr) == (1.0, None)
    assert exact.cosine == pytest.approx(1.0)
    assert Errors.of(np.zeros((2, 1)), np.zeros((2, 1))).r2 is None


@pytest.fixture
def classifier(tmp_path: Path) -> list[str]:
    """The options for a network of two scores whose larger one is right for three of four samples."""
    text = "network two\ninput x: float32[2]\noutput y = softmax(x)\n"
    (tmp_path / "two.mnc").write_text(text)
    np.save(tmp_path / "x.npy", np.array([[1, 0], [0, 1], [1, 0], [3, 0]], np.float32))
    np.save(tmp_path / "y.npy", np.array([0, 1, 1, 0]))
    return [
        "verify",
        str(tmp_path / "two.mnc"),
        "--inputs",
        str(tmp_path / "x.npy"),
        "--labels",
        str(tmp_path / "y.npy"),
    ]


def test_verify_prints_figures_and_keeps_to_goals(
    classifier: list[str], cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*classifier, "--min-accuracy", "75", "--min-agreement", "100", "--min-auc", "0.8"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy: 75.00% of 4 samples by the model, 75.00% by the code" in printed
    assert re.fullmatch(
        r"1 layers, 4 samples: the same as the reference .+; accuracy 75, at least 75; agreement 100, at least 100; "
        r"auc 0.875, at least 0.8",
        printed.splitlines()[-1],
    )
    assert "area under the curve: 0.8750 by the model, 0.8750 by the code" in printed
    assert [line.split() for line in printed.splitlines() if line[:2] in ("0 ", "1 ")][:2] == [
        ["0", "2"],
        ["1", "1", "1"],
    ]
    assert run([*classifier, "--min-accuracy", "80", "--min-auc", "0.9", "--min-r2", "0.5"]) == 1
    fault = capsys.readouterr().err
    assert "error: --min-accuracy: the code reaches 75, not 80" in fault
    assert "error: --min-auc: the code reaches 0.875, not 0.9" in fault
    assert "error: --min-r2: there is no r2 of this network and these labels" in fault
    assert run([*classifier[:2], "--min-accuracy", "80"]) == 2
    assert "--min-accuracy serves no purpose without --labels" in capsys.readouterr().err
    assert run([*classifier, "--min-accuracy", "101"]) == 2


def test_verify_as_json_is_one_object(classifier: list[str], cc: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*classifier, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert found["samples"] == 4
    assert [layer["op"] for layer in found["layers"]] == ["softmax"]
    assert found["judgement"]["code"]["confusion"] == [[2, 0], [1, 1]]
    assert run([*classifier, "--json", "--min-accuracy", "80"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["judgement"]["code"]["accuracy"] == 0.75
    assert printed.err.startswith("error: --min-accuracy: ")
    assert run([*classifier[:2], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["judgement"] is None


def test_check_as_json_lists_the_problems(
    classifier: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", classifier[1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": "two.mnc", "supported": True, "problems": []}
    (tmp_path / "bad.mnc").write_text("network bad\ninput x: float32[2]\noutput y = softmix(x)\n")
    assert run(["check", str(tmp_path / "bad.mnc"), "--json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["supported"] is False
    assert "softmix" in found["problems"][0]["what"]
    assert printed.err.startswith("error: ")


def test_a_confusion_has_the_names_of_classes() -> None:
    right, chosen = np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]]
    both = Choices.of(chosen, right)
    found = Accuracy(3, both, both, 1.0)
    lines = confusion(found, Paper(80, False, True), ("cat", "dog")).splitlines()
    assert [line.split() for line in lines] == [
        ["right", "class", "as", "0", "as", "1"],
        ["0", "cat", "1"],
        ["1", "dog", "1", "1"],
    ]
    assert "cat" not in confusion(found, Paper(80, False, True), ("cat", "dog", "cow"))
