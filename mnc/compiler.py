"""The pipeline: a file to a graph, a graph to generated code and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mnc import backends, targets
from mnc.backends.facts import parameters
from mnc.backends.memory import ram_bytes
from mnc.backends.names import check_name, name_from, snake
from mnc.errors import CompileError, Problem, refuse
from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.output import write_files
from mnc.passes import optimise
from mnc.plan.liveness import lifetimes
from mnc.report import Flash, LayerReport, Ram, Report


@dataclass(frozen=True)
class Build:
    """Generated code, and what there is to say about it."""

    name: str
    graph: Graph
    """The network as it was compiled: after all passes."""
    emission: backends.Emission
    report: Report

    @property
    def files(self) -> Mapping[str, str]:
        """File name to content."""
        return self.emission.files

    def write(self, directory: str | Path) -> None:
        """Write the files, all of them or none; OSError where the directory cannot be written."""
        write_files(self.files, Path(directory))

    def predict(self, x: Array | Sequence[Array]) -> Array | list[Array]:
        """Run the generated code itself, built with the host's C compiler.

        `x` is as for `Graph.predict`.  CompileError where there is no C compiler.
        """
        from mnc.reference.run import feed

        xs = list(feed(self.graph, x).values())
        interface = targets.Interface.of_graph(self.graph, self.name)
        ys = targets.run(targets.get("host"), self.files, interface, xs)
        return ys[0] if len(ys) == 1 else list(ys)


def load(path: str | Path) -> Graph:
    """Read a model file of any known kind; CompileError where it is refused."""
    from mnc import frontends

    return frontends.load(path)


def compile(  # the contract's name  # noqa: A001
    graph: Graph,
    backend: str = "c",
    name: str | None = None,
    target: str | None = None,
    quantize: str | None = None,
    calibration: Array | Sequence[Array] | None = None,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Build:
    """Compile a graph: passes, selection, planning, emission; CompileError where it is refused.

    `settings` are those of the backend: what `-X KEY=VALUE` gives it.
    """
    if quantize is not None or calibration is not None:
        raise refuse(
            "quantize", "this version compiles float32 networks only", "leave --quantize and --calibration out"
        )
    name = check_name(name_from(graph.name) if name is None else name)
    optimised, chosen = optimised_for(graph, backend, target, settings)
    emission = chosen.emit(optimised, name)
    return Build(name, optimised, emission, report(optimised, name, backend, target, emission))


def check(graph: Graph, backend: str = "c") -> tuple[Problem, ...]:
    """All that `compile` would refuse of a graph; CompileError where the backend is not known."""
    return _refusals(optimise(graph), backends.get(backend))


def optimised_for(
    graph: Graph, backend: str, target: str | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> tuple[Graph, backends.Backend]:
    """The graph after all passes, every layer of which the backend takes; CompileError where it does not."""
    machine = None if target is None else targets.get(target)
    optimised, chosen = optimise(graph), backends.get(backend).configured(settings, machine)
    if problems := _refusals(optimised, chosen):
        raise CompileError(*problems)
    return optimised, chosen


def _refusals(optimised: Graph, backend: backends.Backend) -> tuple[Problem, ...]:
    return tuple(
        Problem(node.where, reason, ("`mnc backends` lists what else this installation has",))
        for node in optimised.nodes
        if (reason := backend.unsupported(optimised, node)) is not None
    )


def report(graph: Graph, name: str, backend: str, target: str | None, emission: backends.Emission) -> Report:
    """What `mnc compile --json` prints."""
    program, arena = emission.program, emission.plan.arena
    lives, state = lifetimes(program), program.state_bytes
    layers = []
    for step in program.steps:
        y = step.writes[0]
        live = lives.get(y.buffer)
        layers.append(
            LayerReport(
                name=step.node.name,
                op=snake(type(step.node.layer).__name__),
                output_shape=y.type.shape,
                dtype=y.type.dtype.value,
                macs=program.graph.macs(step.node),
                weights_bytes=emission.constant_bytes[step.node.name],
                kernel=step.kernel,
                offset=arena.offsets.get(y.buffer),
                first=live.first if live else None,
                last=live.last if live else None,
            )
        )
    constants = sum(layer.weights_bytes for layer in layers)
    return Report(
        name=name,
        backend=backend,
        target=target,
        dtype="float32",
        macs=sum(layer.macs for layer in layers),
        params=parameters(graph),
        ram=Ram(ram_bytes(program, arena.size), arena.size, state, arena.lower_bound, arena.optimal),
        flash=Flash(constants, constants),
        files=tuple(emission.files),
        layers=tuple(layers),
    )
