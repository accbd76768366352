"""Code that calls CMSIS-NN is right on one form of core: it says so when it is compiled, and calls can be checked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from generated_c import Tool, checked_run, write
from stand_in import CORES, STAND_IN, core

import mnc
from mnc.compiler import Build

MACHINES = {
    "plain": ("cortex-m3", ("-mcpu=cortex-m3",)),
    "dsp": ("cortex-m4", ("-mcpu=cortex-m4",)),
    "mve": ("cortex-m55", ("-mcpu=cortex-m55", "-mfloat-abi=hard")),
}
"""A target for each form of the library, and how it is compiled for; without the FPU's ABI there is no MVE."""
TRAP = "-DMNC_CHECK(call)=do { if ((call) != ARM_CMSIS_NN_SUCCESS) __builtin_trap(); } while (0)"


def pico(fixtures: Path, target: str | None) -> Build:
    return mnc.compile(mnc.load(fixtures / "pico.int8.tflite"), "cmsis-nn", "pico", target)


def compiled(command: list[str], folder: Path) -> str:
    """The compiler's messages; empty where it has nothing against the code."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("made", [*MACHINES, None])
def test_code_for_one_form_does_not_compile_for_another(
    made: str | None, fixtures: Path, arm_gcc: str, tmp_path: Path
) -> None:
    """With the stand-in's header; the compiler's own macros tell the core."""
    write({**pico(fixtures, made and MACHINES[made][0]).files, **STAND_IN}, tmp_path)
    for form, (_, flags) in MACHINES.items():
        command = [arm_gcc, "-std=gnu11", *flags, "-mthumb", "-fsyntax-only", "pico.c"]
        said = compiled(command, tmp_path)
        assert ("made for a core" in said) == (made not in (form, None)), (form, said)
        assert "rounds in another way" in compiled([*command, "-DCMSIS_NN_USE_SINGLE_ROUNDING"], tmp_path)


MAIN = """
#include "pico.h"
int main(void)
{
    static pico_t net;
    static int8_t x[PICO_INPUT_SIZE], y[PICO_OUTPUT_SIZE];

    pico_init(&net);
    pico_run(&net, x, y);
    return 0;
}
"""


@pytest.mark.parametrize("form", CORES)
def test_every_call_succeeds_and_a_failure_is_caught(form: str, fixtures: Path, gcc: str, tmp_path: Path) -> None:
    files = dict(pico(fixtures, MACHINES[form][0]).files)
    calls = re.findall(r"(MNC_CHECK\()?\b(arm_\w+)\(", files["pico.c"].split("/* ---- layers ---- */")[1])
    assert {name for check, name in calls if not check} <= {"arm_softmax_s8"}
    assert len(calls) > 5
    sources = sorted(name for name in STAND_IN if name.endswith(".c"))
    command = [gcc, "-std=gnu11", core(form), TRAP, "pico.c", "main.c", *sources, "-lm", "-o", "program"]
    write({**files, **STAND_IN, "main.c": MAIN}, tmp_path)
    checked_run(command, tmp_path)
    checked_run(["./program"], tmp_path)
    failing = "static arm_cmsis_nn_status failing(const void *p, ...) { (void)p; return ARM_CMSIS_NN_FAILURE; }\n"
    text = files["pico.c"].replace('#include "arm_nnfunctions.h"\n', f'#include "arm_nnfunctions.h"\n{failing}')
    write({"pico.c": text.replace("MNC_CHECK(arm_convolve_s8(", "MNC_CHECK(failing(")}, tmp_path)
    checked_run(command, tmp_path)
    assert subprocess.run(["./program"], cwd=tmp_path, check=False).returncode != 0


@pytest.mark.parametrize("made", MACHINES)
def test_the_library_itself_takes_every_call(
    made: str, cmsis_nn_path: Path, fixtures: Path, tool: Tool, tmp_path: Path
) -> None:
    """Its header declares which functions return a status."""
    target, machine = MACHINES[made]
    write(pico(fixtures, target).files, tmp_path)
    include = f"-I{cmsis_nn_path / 'Include'}"
    flags = ["-std=gnu11", *machine, "-mthumb", "-Wall", "-Wextra", "-Werror", include, TRAP, "-fsyntax-only"]
    checked_run([tool("arm-none-eabi-gcc"), *flags, "pico.c"], tmp_path)
