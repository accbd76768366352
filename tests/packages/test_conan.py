"""Recipes for Conan: its own tool makes the package, and runs the test that comes with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from packed import BACKENDS, Tool, built, calling_cmsis_nn, command, package, said

from mnc.errors import CompileError
from mnc.output import write_files
from mnc.packages import PACKAGES, first_sample


@pytest.mark.parametrize("backend", BACKENDS)
def test_conan_creates_the_package_and_runs_its_example_against_it(backend: str, tool: Tool, tmp_path: Path) -> None:
    conan = tool("conan")
    write_files(package("conan", backend), tmp_path / "tiny")
    home = ("env", f"CONAN_HOME={tmp_path / 'home'}", conan)
    command(tmp_path, *home, "profile", "detect")
    text = command(tmp_path, *home, "create", "tiny", "--no-remote")
    assert said() in text


@pytest.mark.parametrize("name", ["m", "Tiny"])
def test_the_name_is_one_that_conan_takes(name: str) -> None:
    """Its reference says: small letters and digits, at least two."""
    build = built("c", name)
    recipe = PACKAGES["conan"](build, first_sample(build.graph))["conanfile.py"]
    assert {"m": 'name = "mnc_m"', "Tiny": 'name = "tiny"'}[name] in recipe


def test_an_authors_signs_stay_a_string_of_python() -> None:
    build = built("c")
    recipe = PACKAGES["conan"](build, first_sample(build.graph), "Zoë O'Neill <zoe@example.org>")["conanfile.py"]
    compile(recipe, "conanfile.py", "exec")
    assert "Zoë O'Neill <zoe@example.org>" in recipe


def test_code_that_calls_cmsis_nn_is_refused() -> None:
    build = calling_cmsis_nn()
    with pytest.raises(CompileError, match="'Tiny': calls CMSIS-NN, of which Conan's own index has no package"):
        PACKAGES["conan"](build, first_sample(build.graph))
