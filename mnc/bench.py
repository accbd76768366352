"""Costs of generated code on real instruction sets: figures, no tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from mnc import targets
from mnc.backends.storage import USUAL, Storage
from mnc.backends.unit import function_ending
from mnc.compiler import Build, traced
from mnc.compiler import compile as compile_graph
from mnc.ir.graph import Graph
from mnc.names import snake
from mnc.quantise import Scheme
from mnc.samples import random_inputs
from mnc.shown import Shown
from mnc.targets import Options

AS_THE_TARGET_SAYS = Options()


@dataclass(frozen=True)
class LayerCost:
    """One executed layer's share of a run."""

    name: str
    op: str
    macs: int
    instructions: int
    code: int
    """Bytes of the layer's own functions; code that several layers share is in none's."""


@dataclass(frozen=True)
class Cost(Shown):
    """The cost of one network, compiled by one backend for one target.  Sizes are in bytes."""

    model: str
    backend: str
    target: str
    compiler: str
    """Its name and version, and the optimisation level."""
    dtype: str
    macs: int
    instructions: int
    """Of one inference; instructions are not cycles."""
    code: int
    """Flash for instructions, library functions that only the network needs included."""
    constants: int
    """Flash for weights and tables."""
    ram: int
    """The network's struct and its other variables; inputs and outputs are the caller's."""
    stack: int
    layers: tuple[LayerCost, ...] = ()
    """In execution order, where they were asked for."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The backend's options, where some were set."""
    cmsis_nn: tuple[str, ...] = ()
    """The functions of CMSIS-NN that the code calls, sorted."""
    warnings: tuple[str, ...] = ()
    """Warnings about the quantisation, as `Report.warnings`."""

    def __repr__(self) -> str:
        sizes = f"flash {self.flash:,} B, RAM {self.ram:,} B, stack {self.stack:,} B"
        ran = f"{self.instructions:,} instructions on {self.target}"
        return f"<Cost {self.model!r}: {ran}, {sizes}, {self.dtype}, backend {self.backend}>"

    @property
    def instructions_per_mac(self) -> float | None:
        """None for a network without multiplications."""
        return self.instructions / self.macs if self.macs else None

    @property
    def flash(self) -> int:
        return self.code + self.constants


def bench(
    graph: Graph,
    name: str,
    backend: str = "c",
    target: str = "host",
    *,
    layers: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
    scheme: Scheme | None = None,
    options: Options = AS_THE_TARGET_SAYS,
    cmsis_nn: Path | None = None,
    storage: Storage = USUAL,
) -> Cost:
    """Compile a network called `name`, run one inference on `target` and count.

    The input is random, the same every time.  `settings` are the backend's
    options, `scheme` says how the network is quantised (None: not), `options`
    how the code is compiled.  `cmsis_nn` is the folder of CMSIS-NN, which counts
    as far as the network uses it; None: that which CMSIS_NN_PATH names.
    `CompileError` where the network is refused, a tool or the library is missing
    or the program fails.
    """
    build = compile_graph(
        graph,
        backend=backend,
        name=name,
        target=target,
        settings=settings,
        scheme=scheme,
        **storage.asked,
    )
    return cost(build, target, layers=layers, options=options, cmsis_nn=cmsis_nn)


def cost(
    build: Build,
    target: str,
    *,
    layers: bool = False,
    options: Options = AS_THE_TARGET_SAYS,
    cmsis_nn: Path | None = None,
) -> Cost:
    """The cost of code on `target`, whichever it was compiled for; otherwise as `bench`."""
    machine, name, backend = targets.get(target), build.name, build.report.backend
    options = targets.cmsis_nn.linked(machine, build.files, options, cmsis_nn)
    interface = build.interface
    inputs = [samples[:1] for samples in random_inputs(build.graph)]
    measured = targets.measure(machine, build.linkable, interface, inputs, options)
    costs: tuple[LayerCost, ...] = ()
    if layers:
        tracing = traced(build)
        steps = tracing.program.steps
        (counts,) = targets.layer_instructions(
            machine, tracing.linkable(name), len(steps), interface, inputs, options, events=tracing.events
        )
        endings = [function_ending(number, step) for number, step in enumerate(build.emission.program.steps)]
        codes = targets.layer_code(machine, build.linkable, endings, interface, options)
        costs = tuple(
            LayerCost(
                step.node.name,
                snake(type(step.node.layer).__name__),
                tracing.program.graph.macs(step.node),
                count,
                code,
            )
            for step, count, code in zip(steps, counts, codes, strict=True)
        )
    return Cost(
        model=name,
        backend=backend,
        target=target,
        compiler=f"{targets.compiler_version(machine)} {options.optimise or machine.optimise}",
        dtype=build.report.dtype,
        macs=build.report.macs,
        instructions=measured.instructions[0],
        code=measured.sizes.code,
        constants=measured.sizes.constants + measured.sizes.data,
        ram=measured.sizes.ram,
        stack=measured.stack,
        layers=costs,
        settings=dict(build.request.settings),
        cmsis_nn=tuple(sorted(targets.cmsis_nn.calls(build.files))),
        warnings=build.report.warnings,
    )


def to_json(costs: Sequence[Cost]) -> str:
    """One JSON object, indented: `{"costs": [...]}`, keys in the order of the fields, `flash` and the ratio besides."""
    rows = [{**asdict(cost), "flash": cost.flash, "instructions_per_mac": cost.instructions_per_mac} for cost in costs]
    return json.dumps({"costs": rows}, indent=2)
