"""A test that is skipped for want of something fails where MNC_REQUIRE says that all is here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import NO_LIBRARY

TESTS = """
import pytest

@pytest.mark.parametrize("n", range(3))
def test_for_want_of_a_tool(n, tool):
    tool("no-such-program")

@pytest.mark.skipif(True, reason="needs a model")
def test_for_want_of_a_model():
    pass

def test_for_want_of_arms_library(cmsis_nn_path):
    pass

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail():
    assert False

def test_that_runs():
    pass
"""
MODULE = """
import pytest
pytest.importorskip("no_such_oracle")
def test_with_an_oracle():
    pass
"""


def outcome(folder: Path, require: str | None, module: str = MODULE) -> tuple[dict[str, int], str]:
    """How many tests passed, were skipped and so on, and all that was printed."""
    (folder / "conftest.py").write_bytes((Path(__file__).parent / "conftest.py").read_bytes())
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_oracle.py").write_text(module)
    environment = {name: value for name, value in os.environ.items() if name not in ("MNC_REQUIRE", "CMSIS_NN_PATH")}
    if require is not None:
        environment["MNC_REQUIRE"] = require
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "--color=no", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    counts = re.findall(r"(\d+) (passed|failed|skipped|xfailed|errors?)", done.stdout.splitlines()[-1])
    assert (done.returncode != 0) == any(word in ("failed", "error") for _, word in counts), done.stdout
    return {word: int(count) for count, word in counts}, done.stdout


def test_without_the_demand_they_are_skipped_and_listed(tmp_path: Path) -> None:
    counts, printed = outcome(tmp_path, None)
    assert counts == {"passed": 1, "skipped": 6, "xfailed": 1}
    assert "3 skipped: no-such-program is not installed\n    test_some.py::test_for_want_of_a_tool (3)\n" in printed
    assert f"1 skipped: {NO_LIBRARY}\n    test_some.py::test_for_want_of_arms_library\n" in printed


def test_with_the_demand_they_fail(tmp_path: Path) -> None:
    counts, printed = outcome(tmp_path, "all", module="")
    assert counts == {"passed": 1, "failed": 3, "error": 1, "skipped": 1, "xfailed": 1}
    assert "MNC_REQUIRE=all forbids it: no-such-program is not installed" in printed
    assert "MNC_REQUIRE=all forbids it: needs a model" in printed


def test_a_module_that_would_be_skipped_as_a_whole_ends_the_run(tmp_path: Path) -> None:
    counts, printed = outcome(tmp_path, "all")
    assert counts == {"error": 1}
    assert "test_oracle.py was skipped, and MNC_REQUIRE=all forbids it: could not import 'no_such_oracle'" in printed
