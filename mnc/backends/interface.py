"""The interface of a backend, and the base of the C-like ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from mnc.backends.blob import as_array
from mnc.backends.class_names import check_places
from mnc.backends.in_slices import check_feed, limit_of
from mnc.backends.layer import parameter_names
from mnc.backends.library import Library, standard
from mnc.backends.ranges import in_ranges, resumable
from mnc.backends.select import Refused, Tables, select
from mnc.backends.select.blocks import float_registers
from mnc.backends.select.quantised.helium import NARROW
from mnc.backends.select.quantised.int16 import INT16
from mnc.backends.select.quantised.planes import planar_values
from mnc.backends.select.quantised.table import INT8, INT32
from mnc.backends.select.quantised.winograd import gains as integer_gains
from mnc.backends.select.table import FLOAT32
from mnc.backends.select.winograd import gains as float_gains
from mnc.backends.select.winograd import worthwhile
from mnc.backends.selftest import SelfTest
from mnc.backends.sharing import share
from mnc.backends.unit import Unit, unit
from mnc.errors import CompileError, Problem, refuse
from mnc.ir.graph import Graph
from mnc.ir.types import DType
from mnc.passes.scale_clamps import scale_clamps
from mnc.plan.liveness import Plan
from mnc.plan.schedule import schedule
from mnc.program import Feed, Firing, Program
from mnc.program.stage import events
from mnc.targets.target import Target

API_VERSION = 4
"""The version of this interface; a backend written for another one is refused."""


@dataclass(frozen=True)
class Emission:
    """The output of a backend for one graph."""

    files: Mapping[str, str]
    """File name to content; `Files` where it is made in pieces."""
    program: Program
    plan: Plan
    constant_bytes: Mapping[str, int]
    """Bytes of constants of each layer, by its name."""
    other_bytes: int = 0
    """Bytes of constants besides."""
    blob: bytes | None = None
    """The constants, where they lie in a file of their own."""

    def linkable(self, name: str) -> Mapping[str, str]:
        """The files of an image that holds all of the network, its constants included."""
        return self.files if self.blob is None else {**self.files, **as_array(name, self.blob)}

    @property
    def events(self) -> list[Firing]:
        """The firings that traced code reports, in its order."""
        return list(events(self.program.steps, self.plan.stages, self.program.fed))


@runtime_checkable
class Backend(Protocol):
    """Turns an optimised graph into files."""

    name: str
    description: str
    api_version: int
    """The `API_VERSION` that the backend is written for, as a number of its own."""
    options: Mapping[str, str]
    """The keys that `-X KEY=VALUE` may set, with their effect in a few words."""

    def configured(self, settings: Mapping[str, str], target: Target | None) -> Backend:
        """The backend under the user's settings, for a target (None: any); CompileError for a bad setting.

        Target features, as an FPU, reach a backend here and nowhere else.
        """

    def select(self, graph: Graph) -> Program | tuple[Refused, ...]:
        """The graph as kernel calls, or every layer that this backend cannot compile."""

    def emit(self, program: Program, name: str, *, trace: bool = False) -> Emission:
        """Generate code for a program that `select` has answered with.

        With `trace`, the code calls `MNC_TRACE(step, pointer)` after each step,
        a macro that whoever compiles it defines.
        """


def program_of(backend: Backend, graph: Graph) -> Program:
    """The graph as this backend's kernel calls; CompileError, which names every layer that it cannot compile."""
    answer = backend.select(graph)
    if isinstance(answer, Program):
        return answer
    hint = "`mnc backends` lists what else this installation has"
    raise CompileError(*(Problem(each.node.where, each.reason, (hint,)) for each in answer))


def refusals(backend: Backend, graph: Graph) -> Mapping[str, str]:
    """Why a backend cannot compile layers of a graph, by their names."""
    answer = backend.select(graph)
    return {} if isinstance(answer, Program) else {each.node.name: each.reason for each in answer}


def chosen(settings: Mapping[str, str], option: str, usual: str, other: str) -> bool:
    """Whether an option has its other value; CompileError where it has neither."""
    value = settings.get(option, usual)
    if value not in (usual, other):
        raise refuse(f"option {option!r}", f"is {usual} or {other}, not {value!r}")
    return value == other


def bytes_of(settings: Mapping[str, str], option: str) -> int | None:
    """The size that an option has, as 4096 or 4K; None where it is not set, CompileError where it is no size."""
    value = settings.get(option)
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})([Kk]?)", value)
    if found is None:
        raise refuse(f"option {option!r}", f"is a number of bytes, such as 8192 or 8K, not {value!r}")
    return int(found[1]) * (1024 if found[2] else 1)


class CFamily:
    """Base of the backends that call mnc's own kernels; a subclass wraps a `Unit`.

    A plugin may subclass a finished backend and replace entries of `tables`
    (how a layer kind is selected) or `library` (the text of kernels).
    """

    name: str
    description: str
    api_version: int
    feeds: Collection[Feed] = ("caller", "owned", "rows")
    """How its code takes inputs; a backend without this attribute leaves them in the caller's memory."""
    has_frames = True
    """Whether its code takes the frames of an input without end, one by one."""
    has_regions = False
    """Whether its code takes the arena in parts, each in a memory of its own."""
    has_blobs = False
    """Whether its code can be handed its constants when it runs."""
    options: Mapping[str, str] = MappingProxyType(
        {
            "code": "fast (the default): each size of layer has its code; compact: sizes share it: smaller, slower",
            "flash": "BYTES that constants of faster kernels may add (default: 16K, each to save 100 instructions)",
            "profile": "0 (the default); 1: a run counts the time of each layer, and a function makes a table of it",
            "step": "MACs that a slice of a run takes at most, 1: a layer; 0 (the default): a run is in one piece",
            "selftest": "0 (the default); 1: a function that tests constants and every layer on the device",
            "winograd": "0 (the default); 1: float32 convolutions three columns wide are faster and round otherwise",
            "weights": "text (the default): constants in C; binary: in NAME.bin, which NAME_init is handed and checks",
            "top": "0 (the default); 1: functions that tell the largest of an output's elements, and the k largest",
        }
    )
    tables: Tables = MappingProxyType(
        {DType.FLOAT32: FLOAT32, DType.INT8: INT8, DType.INT16: INT16, DType.INT32: INT32}
    )
    """Which function selects the kernels of which layer kind, by the element type that the layer works on."""
    has_planes = True
    """Whether all its int8 kernels of convolutions take values that lie in channel planes."""

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({}), target: Target | None = None) -> None:
        """A backend with options reads `settings` here, and refuses values that it does not take."""
        self.settings = settings
        self.target = target
        self.compact = chosen(settings, "code", "fast", "compact")
        self.top = chosen(settings, "top", "0", "1")
        self.selftest = chosen(settings, "selftest", "0", "1")
        self.profile = chosen(settings, "profile", "0", "1")
        self.apart = chosen(settings, "weights", "text", "binary")
        if self.apart and not self.has_blobs:
            raise refuse(
                "option 'weights'",
                f"the code of backend {self.name!r} holds constants itself",
                "use --backend c or cpp",
            )
        if self.apart and self.selftest:
            raise refuse(
                "option 'weights'",
                "a self-test compares outputs with those of this model, and another model's weights may be handed in",
                "leave one of them out: the weights are checked by a CRC-32 when they are handed in",
            )
        self.sliced = limit_of(settings.get("step", "0"))
        self.spare_flash = bytes_of(settings, "flash")
        self.winograd = chosen(settings, "winograd", "0", "1")
        if self.winograd and self.compact:
            raise refuse("option 'winograd'", "takes large code and constants", "leave out code=compact, or winograd=1")
        if self.winograd and target is not None and "vectors" in target.features:
            hints = ("leave it out: this core's vectors are faster", "other targets run such code: `--on cortex-m4`")
            raise refuse("option 'winograd'", f"has no kernel for the vectors of {target.name}", *hints)

    def configured(self, settings: Mapping[str, str], target: Target | None) -> Backend:
        """See `Backend.configured`."""
        for key in settings:
            if key not in self.options:
                known = ", ".join(self.options)
                raise refuse(
                    f"backend {self.name!r}",
                    f"has no option {key!r}",
                    f"its options: {known}" if known else "leave it out: this backend has no options",
                )
        return type(self)(settings, target)

    @property
    def library(self) -> Library:
        """The kernels that selections may call."""
        return standard()

    def select(self, graph: Graph) -> Program | tuple[Refused, ...]:
        """See `Backend.select`."""
        core = None if self.target is None else self.target.features
        if core is not None and "saturate" in core:
            graph = scale_clamps(graph)
        fast = not self.compact and self.has_planes and (core is None or "dsp" in core)
        planes = planar_values(graph, NARROW if "mve" in (core or ()) else 0) if fast else frozenset()
        gains = [*(integer_gains(graph) if fast else ())]
        if self.winograd:
            gains += float_gains(graph, float_registers(core))
        larger = worthwhile(gains, self.spare_flash)
        return select(graph, self.tables, core, backend=self.name, compact=self.compact, planes=planes, larger=larger)

    def emit(self, program: Program, name: str, *, trace: bool = False) -> Emission:
        """See `Backend.emit`."""
        if self.top:
            check_places(program.graph)
        asked = replace(program, timed=self.profile, sliced=self.sliced, apart=self.apart)
        check_feed(asked)
        made, layout = schedule(resumable(asked))
        return self._printed(in_ranges(made, layout.stages), layout, name, trace=trace)

    def concluded(
        self, emission: Emission, name: str, limits: tuple[tuple[str, int], ...], stack: tuple[int, str] | None
    ) -> Emission:
        """The code of an emission with what was found out since: see `Program.limits` and `Program.stack`."""
        program = replace(emission.program, limits=limits, stack=stack)
        return self._printed(program, emission.plan, name, trace=False)

    def _printed(self, program: Program, layout: Plan, name: str, *, trace: bool) -> Emission:
        pieces = self.pieces(program, layout, name, trace=trace)
        files = self.wrap(program, layout, pieces, name, trace=trace)
        content = None if pieces.blob is None else pieces.blob.content
        return Emission(files, program, layout, pieces.constant_bytes, pieces.other_bytes, content)

    def pieces(self, program: Program, layout: Plan, name: str, *, trace: bool = False) -> Unit:
        """The program as C text in pieces, for `wrap`."""
        inputs, outputs = self.operands(program)
        prefix = self.prefix(name)
        sharing, library = share(program, self.library, prefix, compact=self.compact)
        test = SelfTest.of(sharing, prefix) if self.selftest else None
        helpers = [*self.helpers(program), *(() if test is None else test.kernels)]
        return unit(sharing, layout, prefix, library, helpers, inputs, outputs, trace=trace, test=test)

    def prefix(self, name: str) -> str:
        """The prefix of the names of a network's functions and constants."""
        return name

    def operands(self, program: Program) -> tuple[Sequence[str], Sequence[str]]:
        """The parameter names of a run's inputs and outputs."""
        graph = program.graph
        return parameter_names("input", len(graph.inputs)), parameter_names("output", len(graph.outputs))

    def helpers(self, program: Program) -> Collection[str]:
        """Further kernels that the wrapping calls."""
        return ()

    def wrap(self, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool) -> Mapping[str, str]:
        """The files round the shared pieces."""
        raise NotImplementedError
