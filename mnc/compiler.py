"""The pipeline: a file to a graph, a graph to generated code and its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mnc import backends, targets
from mnc.accounts import report
from mnc.backends.names import check_name, name_from
from mnc.backends.storage import USUAL, Feeding, Owner, Storage
from mnc.budget import Budget, Tried, over_budget
from mnc.errors import CompileError, Problem, argument, refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.output import write_files
from mnc.passes import optimise
from mnc.passes.stream import Stream
from mnc.plan.memory_map import MemoryMap, memory_map
from mnc.program import Memory, Program
from mnc.quantise.doubts import doubts
from mnc.quantise.front import quantised
from mnc.quantise.own_states import put_back, taken_out
from mnc.quantise.pipeline import Quantised, Scheme
from mnc.quantise.sequences import representative
from mnc.remedies import REMEDIES, Change, Request, together
from mnc.report import Report
from mnc.samples import random_inputs
from mnc.shown import Shown
from mnc.targets import Options

if TYPE_CHECKING:
    from mnc.bench import Cost
    from mnc.language.values import Value
    from mnc.report import Verification


@dataclass(frozen=True)
class Build(Shown):
    """Generated code, and the report about it."""

    name: str
    graph: Graph
    """The network as it was compiled: after all passes."""
    emission: backends.Emission
    report: Report
    prepared: Quantised = field(compare=False)
    """The network with the samples, and the float network, that judge it."""
    request: Request = field(compare=False)
    """All that decided about the code."""

    def __repr__(self) -> str:
        return f"<Build {self.name!r}: {', '.join(self.files)}; {repr(self.report).strip('<>').partition(': ')[2]}>"

    @property
    def files(self) -> Mapping[str, str]:
        """File name to content."""
        return self.emission.files

    @property
    def linkable(self) -> Mapping[str, str]:
        """The files of an image that holds all of the network: those, and constants that are in a file of their own."""
        return self.emission.linkable(self.name)

    @property
    def contents(self) -> Mapping[str, str | bytes]:
        """All that is written: the files, and `NAME.bin` where constants are in a file of their own."""
        blob = self.emission.blob
        return self.files if blob is None else {**self.files, f"{self.name}.bin": blob}

    @property
    def plan(self) -> MemoryMap:
        """The places of values in the network's memory, and their lifetimes."""
        return memory_map(self.emission.program, self.emission.plan)

    @property
    def interface(self) -> targets.Interface:
        """How the code is called."""
        return targets.Interface.of_graph(self.graph, self.name, self.emission.plan.region_names)

    def write(self, directory: str | Path, *, force: bool = False) -> None:
        """Write the files, all of them or none.

        CompileError where the directory cannot be written, or has files of
        these names that mnc has not made, unless `force` says to replace them.
        """
        write_files(self.contents, Path(directory), force=force)

    def predict(self, x: Array | Sequence[Array], *, cmsis_nn: Path | None = None) -> Array | list[Array]:
        """Run the generated code itself, built with the host's C compiler.

        `x` is as for `Graph.predict`; `cmsis_nn` is the folder of CMSIS-NN, if
        the code calls it (None: that which CMSIS_NN_PATH names).  CompileError
        where there is no C compiler or no library.
        """
        from mnc.reference.run import feed, given_as_real, given_out

        real = given_as_real(self.graph, x)
        xs = list(feed(self.graph, x).values())
        host = targets.get("host")
        ys = targets.run(
            host, self.linkable, self.interface, xs, targets.cmsis_nn.linked(host, self.files, Options(), cmsis_nn)
        )
        return given_out(self.graph, ys, real=real)

    def verify(
        self, inputs: Array | Sequence[Array] | None = None, on: str = "host", *, cmsis_nn: Path | None = None
    ) -> Verification:
        """Run the code on target `on` and compare every layer with the reference, as `mnc.verify.verify_build`."""
        from mnc.verify import verify_build

        given = [inputs] if isinstance(inputs, np.ndarray) else inputs
        return verify_build(self, given, on, cmsis_nn)

    def bench(self, on: str | None = None, *, layers: bool = True, cmsis_nn: Path | None = None) -> Cost:
        """Count what one inference takes on target `on` (None: that it was compiled for, else the host)."""
        from mnc.bench import cost

        return cost(self, on or self.report.target or "host", layers=layers, cmsis_nn=cmsis_nn)


def load(
    path: str | Path,
    *,
    parameters: Mapping[str, Value] | None = None,
    weights: str | Path | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Graph:
    """Read a model file of any known kind, arguments as for `mnc.frontends.read`; CompileError where it is refused."""
    from mnc import frontends

    return frontends.load(path, parameters, weights, input_shapes)


def compile(  # the contract's name  # noqa: A001
    graph: Graph,
    backend: str = "c",
    name: str | None = None,
    target: str | None = None,
    quantize: str | None = None,
    calibration: Array | Sequence[Array] | None = None,
    *,
    allow_loss: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
    scheme: Scheme | None = None,
    memory: Memory = "balanced",
    input: Owner = "caller",  # the contract's name  # noqa: A002
    feed: Feeding = "run",
    region: Mapping[str, int] = MappingProxyType({}),
    hop: int | None = None,
    max_ram: int | None = None,
    max_flash: int | None = None,
    max_stack: int | None = None,
    max_macs: int | None = None,
    measure: bool = False,
) -> Build:
    """Compile a graph: passes, selection, planning, emission; CompileError where it is refused.

    `quantize` is None or "int8"; then `calibration` holds representative
    inputs, as `Graph.predict` takes them.  A network of which next to no signal
    would be left is refused, unless `allow_loss`.  `scheme` says the same and the
    finer points.  `Build.report.warnings` has what to look at.  `settings` are
    those of the backend: what `-X KEY=VALUE` gives it.

    `memory`: "fast" runs layer after layer; "balanced" makes rows of layers in
    turns where that shrinks the arena and costs at most 5 % of the instructions, by
    estimate; "least" takes the smallest arena.  `input`: "owned" puts inputs into
    the arena.  `feed`: "rows" makes code that is handed the input row by row, "frames"
    code that is handed the frames of an input without end, `hop` of them for each
    run (None: as few as the strides allow).  `region`: names and bytes of memories,
    the fastest first, of which each buffer goes to the first that has room for it,
    those first that are used the most per byte.

    A network that takes more than one of the budgets (bytes, and operations a
    run) is refused, with what takes the most, and changes that were tried, with
    their figures.  `measure` builds the code with the target's C compiler and runs
    it where the target's emulator is there, so that the report has the sizes of
    linked code, and its stack; budgets of flash and stack imply it where there
    is a target.
    """
    storage = Storage(memory, input, feed, tuple(region.items()), hop)
    name = check_name(name_from(graph.name) if name is None else name)
    if scheme is not None and (quantize is not None or calibration is not None or allow_loss):
        hint = "leave quantize, calibration and allow_loss out"
        raise refuse(argument("scheme"), "says already how to quantise", hint)
    if quantize is not None:
        scheme = Scheme(calibration, quantize, allow_loss=allow_loss)
    elif scheme is None and (calibration is not None or allow_loss):
        hint = "add quantize = 'int8', or leave it out"
        where = argument("allow_loss" if calibration is None else "calibration")
        raise refuse(where, "serves no purpose without quantisation", hint)
    request = Request(graph, backend, target, settings, scheme, storage)
    budget = Budget(max_ram, max_flash, max_stack, max_macs)
    measure = measure or (target is not None and (max_flash is not None or max_stack is not None))
    build, chosen = _built(request, name)
    if measure:
        build = measured(build, run=max_stack is not None or build.report.macs <= LONGEST_RUN)
    if scheme is not None:
        warnings = (*build.report.warnings, *_dearer(request, build.report))
        build = replace(build, report=replace(build.report, warnings=warnings))
    if target is not None:
        _check_reach(build.report, targets.get(target))
    if max_stack is not None and build.report.stack is None:
        why = build.report.unmeasured or "no target is named"
        raise refuse(
            argument("max_stack"), f"the stack was not measured: {why}", "`mnc targets` lists what can be named"
        )
    if not budget.allows(build.report):
        tried = _tried(request, build.report, name, budget, measure)
        raise CompileError(*over_budget(build.report, build.plan, budget, tried))
    concluded, stack = getattr(chosen, "concluded", None), build.report.stack
    if concluded is None or (not budget.limits and stack is None):
        return build
    known = None if stack is None or target is None else (stack, target)
    return replace(build, emission=concluded(build.emission, name, budget.limits, known))


LONGEST_RUN = 50_000_000
"""Multiply-accumulate operations above which code is not run to measure its stack, unless there is a budget for it."""


def _built(request: Request, name: str) -> tuple[Build, backends.Backend]:
    """Code as it was asked for, its report as planned, and the backend that made it."""
    prepared, program, chosen = prepare(
        request.graph, request.backend, request.target, request.settings, request.scheme, request.storage
    )
    emission = chosen.emit(program, name)
    found = report(prepared, name, request.backend, request.target, emission)
    return Build(name, prepared.graph, emission, found, prepared, request), chosen


def traced(build: Build) -> backends.Emission:
    """The build's code once more, telling of each layer as it runs."""
    request = build.request
    chosen = _configured(request.backend, request.target, request.settings)
    program = request.storage.of(backends.program_of(chosen, build.graph), chosen)
    return chosen.emit(program, build.name, trace=True)


def measured(build: Build, *, run: bool = True) -> Build:
    """The build with the sizes of its linked code in the report, and with its stack where it could be `run`.

    Where a tool is missing or the code does not link for the target's board,
    the report says why nothing was measured.
    """
    planned = build.report
    if planned.target is None:
        return replace(build, report=replace(planned, unmeasured="no target is named"))
    target, interface = targets.get(planned.target), build.interface
    found, why = None, None if run else f"runs of more than {LONGEST_RUN:,} operations are made for --max-stack alone"
    for inputs in (random_inputs(build.graph), None) if run else (None,):
        try:
            options = targets.cmsis_nn.linked(target, build.files, Options(), None)
            found = targets.footprint(target, build.linkable, interface, inputs, options)
            break
        except CompileError as fault:
            why = f"{fault.problems[0].where}: {fault.problems[0].what}"
    if found is None:
        return replace(build, report=replace(planned, unmeasured=why))
    sizes = found.sizes
    return replace(
        build,
        report=replace(
            planned,
            ram=replace(planned.ram, measured=sizes.ram),
            flash=replace(planned.flash, code=sizes.code, total=sizes.flash),
            stack=found.stack,
            instructions=found.instructions,
            unmeasured=why,
            compiler=f"{targets.compiler_version(target)} {target.optimise}",
        ),
    )


def _tried(request: Request, found: Report, name: str, budget: Budget, measure: bool) -> tuple[Tried, ...]:
    """Each remedy alone that makes less of what there is too much of; all of these together where none is enough."""
    tried, helpful = [], []
    for remedy in REMEDIES:
        change = remedy(request)
        trial = None if change is None else _trial(change, name, budget, measure)
        if trial is not None and budget.eased(found, trial.report):
            tried.append(trial)
            helpful.append(remedy)
    if len(helpful) > 1 and not any(budget.allows(each.report) for each in tried):
        all_ = _trial(together(request, helpful), name, budget, measure)
        tried += [] if all_ is None else [all_]
    return tuple(tried)


def _trial(change: Change, name: str, budget: Budget, measure: bool) -> Tried | None:
    """A changed request compiled; None where it is refused."""
    try:
        build, _ = _built(change.request, name)
    except CompileError:
        return None
    if measure:
        build = measured(build, run=budget.stack is not None)
    return Tried(change.words, build.report)


def check(
    model: Graph | str | Path,
    backend: str = "c",
    target: str | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    scheme: Scheme | None = None,
    storage: Storage = USUAL,
) -> tuple[Problem, ...]:
    """All that `load` would refuse of a file, or `compile` of a graph, arguments as there.

    CompileError where one of the other arguments is no good.
    """
    chosen = _configured(backend, target, settings)
    try:
        graph = model if isinstance(model, Graph) else load(model)
        prepared, stream = _streamed(_prepared(graph, chosen, scheme), storage)
        storage.of(backends.program_of(chosen, prepared.graph), chosen, stream)
    except CompileError as fault:
        return fault.problems
    return ()


def prepare(
    graph: Graph,
    backend: str,
    target: str | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    scheme: Scheme | None = None,
    storage: Storage = USUAL,
) -> tuple[Quantised, Program, backends.Backend]:
    """The graph after all passes, quantised where a scheme is given, and as kernel calls of the backend.

    CompileError where it has no kernels for some layer, or `storage` asks too much.
    """
    chosen = _configured(backend, target, settings)
    prepared, stream = _streamed(_prepared(graph, chosen, scheme), storage)
    return prepared, storage.of(backends.program_of(chosen, prepared.graph), chosen, stream), chosen


def _streamed(prepared: Quantised, storage: Storage) -> tuple[Quantised, Stream | None]:
    """The network for frames one by one, where `storage` asks for that."""
    stream = storage.stream(prepared.graph)
    return (prepared, None) if stream is None else (replace(prepared, graph=optimise(stream.graph)), stream)


LONGEST_COMPARISON = 5_000_000
"""Instructions above which a network in integers is not compared with float32: a longer run is mostly sums of
products, of which integers take no more."""


def _dearer(request: Request, integers: Report) -> Iterator[str]:
    """Warnings where a network in integers takes more than in float32 by the same backend.

    Of memory as planned; of instructions where both were counted on the target.
    """
    try:
        plain, _ = _built(replace(request, scheme=None), integers.name)
    except CompileError:
        return
    for what, now, then in (
        ("RAM", integers.ram.total, plain.report.ram.total),
        ("flash for constants", integers.flash.total_constants, plain.report.flash.total_constants),
    ):
        if now > then:
            yield (
                f"in integers the network takes more {what} than in float32: {now:,} bytes, not {then:,} "
                "(as planned; `mnc bench` measures code and instructions of either)"
            )
    if integers.instructions is None or integers.instructions > LONGEST_COMPARISON:
        return
    count = measured(plain).report.instructions
    if count is not None and count < integers.instructions:
        yield (
            f"in integers a run takes more instructions than in float32: {integers.instructions:,}, not {count:,}"
            f" (on {integers.target}); leave --quantize out where speed matters more than memory"
        )


def _configured(backend: str, target: str | None, settings: Mapping[str, str]) -> backends.Backend:
    return backends.get(backend).configured(settings, None if target is None else targets.get(target))


def _prepared(graph: Graph, chosen: backends.Backend, scheme: Scheme | None) -> Quantised:
    """The graph after all passes, quantised where a scheme is given."""
    if scheme is None:
        return Quantised(optimise(graph))
    plain = taken_out(graph)
    strange: tuple[str, ...] = ()
    if scheme.calibration is not None:
        samples = representative(plain, scheme.calibration)
        strange = doubts(plain, samples.arrays, scaled=scheme.scaled)
        scheme = replace(scheme, calibration=samples)
    found = quantised(plain, scheme, partial(backends.refusals, chosen), strange)
    integers = found.graph if plain is graph else put_back(found.graph)
    return replace(found, graph=optimise(integers))


def _check_reach(made: Report, target: targets.Target) -> None:
    """CompileError where the code could not read all of its constants on this target."""
    needed, reach = made.flash.total_constants - made.ram.constants, target.max_constants
    if reach is not None and needed > reach:
        raise refuse(
            f"target {target.name}",
            f"reads constants in the first {reach:,} bytes of flash, and those of {made.name!r} take {needed:,}",
            "make the network smaller, or quantise it; other targets have no such limit",
        )
