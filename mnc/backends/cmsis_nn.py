"""Backend `cmsis-nn`: `<name>.h` and `<name>.c` as of backend `c`, whose int8 and int16 layers call Arm's CMSIS-NN."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mnc.backends.c import C
from mnc.backends.interface import API_VERSION
from mnc.backends.select.cmsis.core import cores
from mnc.backends.select.cmsis.table import int8_table, int16_table
from mnc.errors import refuse
from mnc.targets.target import Target


class CmsisNN(C):
    """The interface of backend `c`, other kernels.

    Without a target the code is right for any core that CMSIS-NN can be
    compiled for; with one it calls what is fastest there.
    """

    name = "cmsis-nn"
    api_version = API_VERSION
    description = "C that calls CMSIS-NN for int8 and int16 layers; float32 layers, and what it lacks, are mnc's own"
    options = MappingProxyType(
        {
            **C.options,
            "kernels": "arm (the default): CMSIS-NN's wherever they fit; fastest: mnc's own where those are faster",
        }
    )

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({}), target: Target | None = None) -> None:
        super().__init__(settings, target)
        kernels = settings.get("kernels", "arm")
        if kernels not in ("arm", "fastest"):
            raise refuse("option 'kernels'", f"is arm or fastest, not {kernels!r}")
        if kernels == "fastest" and target is None:
            raise refuse("option 'kernels'", "which kernel is the fastest depends on the core", "name it: --target")
        self.quantised = int8_table(cores(target), fastest=kernels == "fastest")
        self.int16 = int16_table(cores(target), fastest=kernels == "fastest")
