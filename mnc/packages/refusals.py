"""Code that a kind of package cannot hold."""

from __future__ import annotations

from mnc.compiler import Build
from mnc.errors import refuse
from mnc.targets import cmsis_nn


def refuse_cmsis_nn(build: Build, why: str) -> None:
    """CompileError, with a reason, for code that calls CMSIS-NN."""
    if cmsis_nn.needed(build.files):
        raise refuse(
            f"network {build.name!r}", f"calls CMSIS-NN, {why}", "use backend cpp or c, or another kind of package"
        )


def refuse_cpp(build: Build, why: str) -> None:
    """CompileError, with a reason, for code that is not C."""
    if f"{build.name}.c" not in build.files:
        raise refuse(f"network {build.name!r}", f"is not C, {why}", "use backend c")
