"""MISRA C:2012 as cppcheck's addon knows it: docs/misra.md has every rule that generated code deviates from."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from generated_c import Tool

import mnc

NETWORKS = {"float32": "pico.keras3.h5", "int8": "pico.int8.tflite"}


def stated(root: Path) -> dict[str, dict[str, int]]:
    """The counts of the page, by element type and rule."""
    page = (root / "docs" / "misra.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+\.\d+) \| \w+ \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert rows
    return {dtype: {row[0]: int(row[i]) for row in rows} for i, dtype in enumerate(NETWORKS, 1)}


@pytest.mark.parametrize("dtype", NETWORKS)
def test_the_page_has_every_deviation(dtype: str, fixtures: Path, root: Path, tool: Tool, tmp_path: Path) -> None:
    cppcheck = tool("cppcheck")
    mnc.compile(mnc.load(fixtures / NETWORKS[dtype]), name="net").write(tmp_path)
    options = [
        "--addon=misra",
        "--std=c89",
        "--enable=style",
        "--platform=unix32",
        "--max-configs=1",
        "-D__STDC__",
        "-q",
    ]
    done = subprocess.run([cppcheck, *options, "net.c"], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = Counter(re.findall(r"\[misra-c2012-(\d+\.\d+)\]", done.stderr))
    assert found, "the addon did not run"
    page = stated(root)[dtype]
    beyond = {rule: count for rule, count in found.items() if count > page.get(rule, 0)}
    assert beyond == {}
    assert {rule for rule, count in page.items() if count} == found.keys(), "a rule that is kept now can leave the page"
