"""bench/fuzz.py knows what mnc must do with a file, and makes the same ones every time."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def fuzz(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if not (root / "bench" / "fuzz.py").exists():
        pytest.skip("only the repository has bench/, not the installed package")
    monkeypatch.syspath_prepend(str(root / "bench"))
    return importlib.import_module("fuzz")


def test_the_same_number_is_the_same_file(fuzz: ModuleType, root: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    corpus = fuzz.mutations.Corpus.of(root)
    for number in range(27):
        assert fuzz.mutations.case(number, 1, corpus).arguments == fuzz.mutations.case(number, 1, corpus).arguments


@pytest.mark.parametrize(
    ("status", "said", "outcome", "fault"),
    [
        (0, "", "compiled", False),
        (1, "error: m.h5: no\n", "refused", False),
        (1, "", "no word", True),
        (1, "error: internal: ValueError\n", "error: internal", True),
        (1, "error: a\x1b[2J\n", "control characters on the terminal", True),
        (1, "Traceback (most recent call last):\n", "Traceback (most recent call last)", True),
        (3, "", "other outputs than the reference", True),
        (-24, "", "SIGXCPU", True),
        (70, "", "status 70", True),
    ],
)
def test_the_tool_knows_a_fault(fuzz: ModuleType, status: int, said: str, outcome: str, fault: bool) -> None:
    assert fuzz._outcome(status, said, said) == (outcome, fault)


def test_the_tool_sees_what_is_left(fuzz: ModuleType, tmp_path: Path) -> None:
    for name in ("given", "in", "tmp"):
        (tmp_path / name).mkdir()
    assert fuzz._left(tmp_path, "refused") == ""
    assert fuzz._left(tmp_path, "compiled") == "output None"
    (tmp_path / "tmp" / "mnc-1").touch()
    assert fuzz._left(tmp_path, "refused") == "['mnc-1']"
    (tmp_path / "tmp" / "mnc-1").unlink()
    (tmp_path / "in" / ".m.c.tmp").touch()
    assert fuzz._left(tmp_path, "refused") == "['.m.c.tmp']"
