"""Fixtures that tests share: the folder of trained models, and the compilers of this machine."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from mnc.errors import CompileError

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write recorded results anew instead of comparing")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether tests write what they would compare with."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of our own small models."""
    return ROOT / "tests" / "fixtures"


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of trained models with golden outputs, which is kept beside the project."""
    folder = Path(os.environ.get("MNC_MODELS", ROOT.parent / "shared" / "models"))
    if not folder.is_dir():
        pytest.skip("the trained models are not here: set MNC_MODELS to the folder that has them")
    return folder


Tool = Callable[[str], str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """`tool("clang")` is the program's path, also beside this Python; a test is skipped without it."""

    def find(program: str) -> str:
        found = shutil.which(program) or shutil.which(program, path=sysconfig.get_path("scripts"))
        if found is None:
            pytest.skip(f"{program} is not installed")
        return found

    return find


@pytest.fixture(scope="session")
def cc() -> str:
    """Any C compiler of this machine, the system's own first."""
    for program in ("cc", "gcc", "clang"):
        if found := shutil.which(program):
            return found
    pytest.skip("no C compiler is installed")


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keras 3, which the `train` extra installs; JAX compiles each network once for all tests."""
    from mnc.zoo import framework

    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("jax")))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    try:
        return framework.keras()
    except CompileError as fault:
        pytest.skip(fault.problems[0].what)


@pytest.fixture(scope="session")
def gcc(tool: Tool) -> str:
    return tool("gcc")


@pytest.fixture(scope="session")
def gxx(tool: Tool) -> str:
    return tool("g++")


@pytest.fixture(scope="session")
def clang(tool: Tool) -> str:
    return tool("clang")


@pytest.fixture(scope="session")
def tcc(tool: Tool) -> str:
    return tool("tcc")


@pytest.fixture(scope="session")
def arm_gcc(tool: Tool) -> str:
    """The cross compiler for Cortex-M."""
    return tool("arm-none-eabi-gcc")


@pytest.fixture(scope="session")
def valgrind(tool: Tool) -> str:
    return tool("valgrind")


@pytest.fixture(scope="session")
def qemu_arm(tool: Tool) -> str:
    """The emulator of whole Cortex-M boards."""
    return tool("qemu-system-arm")


NO_LIBRARY = "CMSIS_NN_PATH is not set: Arm's CMSIS-NN was not found"


@pytest.fixture(scope="session")
def cmsis_nn_path() -> Path:
    """The folder of Arm's library, which is not part of the project."""
    folder = os.environ.get("CMSIS_NN_PATH")
    if not folder:
        pytest.skip(NO_LIBRARY)
    return Path(folder)


OTHER_COMPILER = "the page was written with another compiler"
MAY_BE_SKIPPED = (NO_LIBRARY, OTHER_COMPILER)
"""Reasons to skip, by their beginnings, that count even where MNC_REQUIRE says that the machine has all."""


def _is_lack(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether something was skipped for want of a thing that is here by MNC_REQUIRE=all."""
    if os.environ.get("MNC_REQUIRE") != "all" or not report.skipped or hasattr(report, "wasxfail"):
        return False
    return not _reason(report).startswith(MAY_BE_SKIPPED)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    stated = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return stated.removeprefix("Skipped: ")


def _as_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _is_lack(report):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and MNC_REQUIRE=all forbids it: {_reason(report)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _as_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _as_failure(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what did not run, and why, which quiet output would not."""
    skipped = Counter(
        (_reason(report), report.nodeid.partition("[")[0]) for report in terminalreporter.stats.get("skipped", ())
    )
    for reason in sorted({reason for reason, _ in skipped}):
        tests = {name: count for (why, name), count in sorted(skipped.items()) if why == reason}
        terminalreporter.write_line(f"{sum(tests.values())} skipped: {reason}")
        for name, count in tests.items():
            terminalreporter.write_line(f"    {name}" + (f" ({count})" if count > 1 else ""))
