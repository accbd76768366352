"""Budgets in the generated code: compilers build a network that keeps to them, and refuse one that would not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from generated_c import STRICT, WARNINGS, write

import mnc
from mnc.compiler import Build

WAYS: list[Mapping[str, Any]] = [{}, {"feed": "rows"}, {"input": "owned"}, {"region": {"fast": 2048, "slow": 65536}}]


def compiles(build: Build, compiler: str, folder: Path, **limits: int) -> bool:
    """Whether a compiler takes the code, its limits defined otherwise."""
    write(build.files, folder)
    macros = [f"-DNET_{name.upper()}={limit}" for name, limit in limits.items()]
    command = [compiler, *STRICT, *macros, "-fsyntax-only", "net.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "negative" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("model", ["pico.keras2.h5", "pico.int8.tflite"])
def test_the_c_compiler_holds_code_to_its_budgets(
    model: str, way: Mapping[str, Any], fixtures: Path, gcc: str, tmp_path: Path
) -> None:
    graph = mnc.load(fixtures / model)
    free = mnc.compile(graph, name="net", **way)
    needs: dict[str, Any] = {
        "max_ram": free.report.ram.total,
        "max_flash": free.report.flash.total_constants,
        "max_macs": free.report.macs,
    }
    build = mnc.compile(graph, name="net", **way, **needs)
    assert compiles(build, gcc, tmp_path)
    for name, needed in needs.items():
        assert not compiles(build, gcc, tmp_path, **{name: needed - 1}), name
    assert "NET_MAX_" not in "".join(free.files.values())


@pytest.mark.parametrize("way", WAYS[:3], ids=str)
def test_the_cpp_compiler_holds_code_to_its_budgets(
    way: Mapping[str, Any], fixtures: Path, gcc: str, tmp_path: Path
) -> None:
    graph = mnc.load(fixtures / "pico.int8.tflite")
    report = mnc.compile(graph, "cpp", "Net", **way).report
    needs: dict[str, Any] = {
        "max_ram": report.ram.total,
        "max_flash": report.flash.total_constants,
        "max_macs": report.macs,
    }
    text = mnc.compile(graph, "cpp", "Net", **way, **needs).files["Net.h"]
    assert text.count("static_assert") == len(needs)

    def built(changed: str) -> bool:
        (tmp_path / "Net.h").write_text(changed)
        (tmp_path / "main.cpp").write_text('#include "Net.h"\nint main() { static Net net; return net.output; }\n')
        command = [gcc, "-x", "c++", "-std=c++11", *WARNINGS, "-fsyntax-only", "main.cpp"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "keeps max_" in done.stderr, done.stderr
        return done.returncode == 0

    assert built(text)
    for name, needed in needs.items():
        lower = re.sub(rf'<= {needed},(\s+"the network keeps {name}")', rf"<= {needed - 1},\1", text)
        assert lower != text and not built(lower), name
