"""Backend `cmsis-nn`: `<name>.h` and `<name>.c` as of backend `c`, whose int8 and int16 layers call Arm's CMSIS-NN."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mnc.backends.c import C
from mnc.backends.interface import API_VERSION, chosen
from mnc.backends.select.cmsis.core import Core, forms
from mnc.backends.select.cmsis.table import CMSIS_NN, CMSIS_NN_INT16, preferred
from mnc.errors import refuse
from mnc.ir.types import DType
from mnc.program import Program
from mnc.targets.target import Target


class CmsisNN(C):
    """The interface of backend `c`, other kernels.

    Without a target the code is right for any core that CMSIS-NN can be
    compiled for; with one it calls what is fastest there.
    """

    name = "cmsis-nn"
    api_version = API_VERSION
    has_planes = False
    has_blobs = False
    description = "C that calls CMSIS-NN for int8 and int16 layers; float32 layers, and what it lacks, are mnc's own"
    options: Mapping[str, str] = MappingProxyType(
        {
            **C.options,
            "kernels": "arm (the default): CMSIS-NN's wherever they fit; fastest: mnc's own where those are faster",
            "ram": "plain (the default): each output beside its input; least: over the rows that have been read",
        }
    )

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({}), target: Target | None = None) -> None:
        super().__init__(settings, target)
        fastest = chosen(settings, "kernels", "arm", "fastest")
        if fastest and target is None:
            raise refuse("option 'kernels'", "which kernel is the fastest depends on the core", "name the target, too")
        overlap = chosen(settings, "ram", "plain", "least")
        self.cores = forms(None if target is None else target.features)
        self.has_planes = fastest and self.cores == {Core.DSP}  # there all its int8 convolutions are mnc's own
        library = {DType.INT8: CMSIS_NN, DType.INT16: CMSIS_NN_INT16}
        self.tables = {
            **C.tables,
            **{
                dtype: preferred(C.tables[dtype], table, fastest=fastest, overlap=overlap)
                for dtype, table in library.items()
            },
        }

    def conditions(self, program: Program) -> str:
        """See `C.conditions`: the library's scratch and constants suit one form of it."""
        if not any(call.header for step in program.steps for call in step.all_calls):
            return ""
        lines = [
            "#if defined(CMSIS_NN_USE_SINGLE_ROUNDING)",
            '#error "CMSIS_NN_USE_SINGLE_ROUNDING rounds in another way than this network was made for"',
            "#endif",
        ]
        if len(self.cores) == 1:
            (core,) = self.cores
            lines += [
                f"#if {_OTHER[core]}",
                f'#error "made for a core {_FEATURES[core]}: run mnc compile with the --target of this one, or none"',
                "#endif",
            ]
        return "\n".join(lines)


_OTHER = {
    Core.PLAIN: "defined(__ARM_FEATURE_DSP) || defined(__ARM_FEATURE_MVE)",
    Core.DSP: "!defined(__ARM_FEATURE_DSP) || defined(__ARM_FEATURE_MVE)",
    Core.MVE: "!defined(__ARM_FEATURE_MVE)",
}
"""How the C compiler tells that the core is none of a form."""
_FEATURES = {
    Core.PLAIN: "without DSP instructions",
    Core.DSP: "with DSP instructions and without MVE",
    Core.MVE: "with MVE",
}
