"""Where CMSIS-NN is looked for, what is refused, and that its archive is right: with a small library made up here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from small_library import HEADER, SMALL_LIBRARY, SOURCE

from mnc import targets
from mnc.cli import run
from mnc.errors import CompileError
from mnc.ir.types import DType, TensorType
from mnc.output import write_files
from mnc.targets import Interface, Options, cmsis_nn

BYTES = TensorType((4,), DType.INT8)

FILES = {
    "net.h": "#include <stdint.h>\ntypedef struct { int x; } net_t;\nvoid net_init(net_t *net);\n"
    "void net_run(net_t *net, const int8_t *x, int8_t *y);\n",
    "net.c": '#include "net.h"\n#include "arm_nnfunctions.h"\nvoid net_init(net_t *net) { net->x = 0; }\n'
    "void net_run(net_t *net, const int8_t *x, int8_t *y) {\n"
    "    int i;\n    (void)net;\n    for (i = 0; i < 4; ++i) y[i] = arm_twice_s8(x[i]);\n}\n",
}
NET = Interface("net", (BYTES,), (BYTES,))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's cache of the test's own; no library but the ones the test names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(cmsis_nn.VARIABLE, raising=False)
    forget()
    yield tmp_path / "cache" / "mnc"
    forget()


def forget() -> None:
    """As in a new process."""
    cmsis_nn._cache.cache_clear()
    cmsis_nn._archive.cache_clear()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library in CMSIS-NN's layout."""
    write_files(SMALL_LIBRARY, tmp_path / "CMSIS-NN")
    return tmp_path / "CMSIS-NN"


def fault(folder: Path | None, files: Mapping[str, str] = FILES, target: str = "host") -> str:
    with pytest.raises(CompileError) as caught:
        cmsis_nn.linked(targets.get(target), files, Options(), folder)
    return str(caught.value)


def test_code_that_does_not_call_it_needs_no_library() -> None:
    options = Options(optimise="-O1")
    assert cmsis_nn.linked(targets.get("host"), {"net.c": "/* arm_nnfunctions.h */"}, options) is options


def test_without_a_folder_one_line_says_what_to_do() -> None:
    error, hint = fault(None).splitlines()
    assert error == (
        "error: argument 'cmsis_nn': the generated code calls CMSIS-NN; name its folder here or in CMSIS_NN_PATH"
    )
    assert "https://github.com/ARM-software/CMSIS-NN" in hint


def test_another_folder_is_refused_with_what_it_lacks_and_the_right_one_nearby(library: Path, tmp_path: Path) -> None:
    assert "nowhere: is not CMSIS-NN's folder: it has no Include/arm_nnfunctions.h" in fault(tmp_path / "nowhere")
    assert f"hint: did you mean {library}?" in fault(tmp_path)
    assert f"hint: did you mean {library}?" in fault(library / "Include")
    shutil.rmtree(library / "Source")
    assert "it has no Source/*/*.c" in fault(library)


def test_a_library_that_lacks_a_function_is_refused(library: Path) -> None:
    newer = {**FILES, "net.c": FILES["net.c"] + "/* arm_thrice_s8 */ int q(void) { return arm_thrice_s8(1); }\n"}
    assert "does not declare arm_thrice_s8, which the generated code calls" in fault(library, newer)


def test_a_core_of_16_bits_is_refused(library: Path) -> None:
    assert "target avr: cannot run CMSIS-NN, which takes an int of 32 bits, not 16" in fault(library, target="avr")


def test_a_library_that_does_not_compile_is_an_error_with_the_compilers_words(
    library: Path, cache: Path, cc: str
) -> None:
    (library / "Source" / "Some" / "arm_broken_s8.c").write_text("int arm_broken_s8(void) { return nothing; }\n")
    text = fault(library)
    assert "CMSIS-NN for target host" in text
    assert "nothing" in text
    assert list(cache.iterdir()) == []


def test_the_code_runs_with_the_library_that_the_environment_names_and_the_argument_wins(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cc: str
) -> None:
    x = np.arange(8, dtype=np.int8).reshape(2, 4)

    def y(folder: Path | None) -> list[list[int]]:
        options = cmsis_nn.linked(targets.get("host"), FILES, Options(), folder)
        (outputs,) = targets.run(targets.get("host"), FILES, NET, [x], options)
        return [[int(value) for value in row] for row in outputs]

    monkeypatch.setenv(cmsis_nn.VARIABLE, str(library))
    assert y(None) == (2 * x).tolist()
    shutil.copytree(library, tmp_path / "other")
    (tmp_path / "other" / "Source" / "Some" / "arm_twice_s8.c").write_text(SOURCE.replace("2 *", "3 *"))
    assert y(tmp_path / "other") == (3 * x).tolist()


@pytest.mark.parametrize("name", ["host", "cortex-m4"])
def test_flash_counts_only_what_is_called(name: str, library: Path, request: pytest.FixtureRequest) -> None:
    for tool in ("cc", "valgrind") if name == "host" else ("arm_gcc", "qemu_arm"):
        request.getfixturevalue(tool)
    target = targets.get(name)
    options = cmsis_nn.linked(target, FILES, Options(), library)
    measured = targets.measure(target, FILES, NET, [np.zeros((1, 4), np.int8)], options)
    assert 0 < measured.sizes.code < 2000
    assert (measured.sizes.constants < 1000) is (name != "host")  # a PC's linker takes whole files


def test_an_archive_is_kept_until_something_changes(library: Path, cache: Path, cc: str) -> None:
    host = targets.get("host")

    def archive(level: str = "-O1") -> Path:
        forget()
        (made,) = cmsis_nn.linked(host, FILES, Options(optimise=level), library).libraries
        return made

    first = archive()
    assert first.parent == cache
    stamp = first.stat().st_mtime_ns
    assert archive() == first
    assert first.stat().st_mtime_ns == stamp
    assert archive("-O2") != first
    header = library / "Include" / "arm_nnfunctions.h"
    header.write_text(HEADER + "/* changed */\n")
    assert archive() != first
    assert sorted(cache.iterdir()) == sorted(cache.glob("cmsis-nn-host-*.a"))


def test_a_cache_that_cannot_be_written_is_done_without(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cc: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (archive,) = cmsis_nn.linked(targets.get("host"), FILES, Options(), library).libraries
    assert archive.is_file()
    assert tmp_path not in archive.parents


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_the_command_line_takes_a_folder(command: str, fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(fixtures / "pico.int8.tflite")
    assert run([command, model, "--cmsis-nn", os.fspath(fixtures / "nowhere")]) == 2
    assert "'--cmsis-nn'" in capsys.readouterr().err


def test_the_command_line_says_which_option_names_the_folder(
    fixtures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CMSIS_NN_PATH", raising=False)
    assert run(["verify", str(fixtures / "pico.int8.tflite"), "--backend", "cmsis-nn"]) == 1
    assert capsys.readouterr().err.startswith("error: --cmsis-nn: the generated code calls CMSIS-NN; name its folder")
