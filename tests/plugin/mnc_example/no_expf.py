"""Backend `c-no-expf`: mnc's C, but softmax does without `expf` of the C library."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from mnc.backends import Library, Target
from mnc.backends.c import C
from mnc.errors import refuse


class NoExpf(C):
    """One kernel replaced; everything else, and the files, are those of backend `c`."""

    name = "c-no-expf"
    api_version = 4
    description = "ANSI C without expf in softmax"
    options: Mapping[str, str] = MappingProxyType({"degree": "of the polynomial, 3 to 9; else 7, without FPU 5"})

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({}), target: Target | None = None) -> None:
        super().__init__(settings, target)
        fast = target is None or "fpu" in target.features
        degree = settings.get("degree", "7" if fast else "5")
        if degree not in {*"3456789"}:
            raise refuse("-X degree", f"{degree!r} is not a degree from 3 to 9")
        self.degree = int(degree)

    @property
    def library(self) -> Library:
        """mnc's kernels, with ours in the place of one."""
        kernels = (resources.files("mnc_example") / "softmax.c").read_text(encoding="utf-8")
        return super().library.replaced(f"#define MNC_EXP_DEGREE {self.degree}\n", kernels)
