"""bench/fuzz.py tells faults from sound ends, makes equal files every time, and finds no fault in a share of them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections import Counter
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
    for number in range(30):
        one, two = (fuzz.mutations.case(number, 1, corpus) for _ in range(2))
        assert (one.kind, one.arguments, one.files.keys()) == (two.kind, two.arguments, two.files.keys())
        if one.kind not in ("h5", "keras", "apart"):  # HDF5 leaves gaps in a file as its memory happens to be
            assert one.files == two.files


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


SHARE = 240
"""Cases of each run of the tests: the first ones of `bench/fuzz.py --seed 2`, equally many of each kind."""


def test_a_share_of_the_cases_ends_as_promised(fuzz: ModuleType, root: Path, tmp_path: Path) -> None:
    """In a process of its own: it is forked for the cases, and the tests' process has threads."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    results, kept = tmp_path / "fuzz.jsonl", tmp_path / "kept"
    options = ["--seed", "2", "--count", str(SHARE), "--sample", "0", "--results", str(results), "--keep", str(kept)]
    ended = subprocess.run(
        [sys.executable, str(root / "bench" / "fuzz.py"), *options], check=False, capture_output=True, text=True
    )
    found = fuzz.stored(results)
    assert [str(result) for result in found.values() if result.fault] == []
    assert (ended.returncode, sorted(found)) == (0, list(range(SHARE))), ended.stdout + ended.stderr
    kinds = Counter(number % len(fuzz.mutations.KINDS) for number in found)
    assert set(kinds.values()) == {SHARE // len(fuzz.mutations.KINDS)}
    assert {result.outcome for result in found.values()} >= {"compiled", "refused"}
