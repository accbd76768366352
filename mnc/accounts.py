"""The report on a build: the figures of its layers, memory and quantisation, gathered from all that made it."""

from __future__ import annotations

import math

from mnc import backends, targets
from mnc.backends.facts import parameters
from mnc.backends.memory import ram_bytes
from mnc.ir.graph import Graph
from mnc.names import snake
from mnc.plan.liveness import lifetimes
from mnc.program import Slices
from mnc.quantise.judge import computes_in_float
from mnc.quantise.pipeline import Quantised
from mnc.quantise.sensitivity import goals
from mnc.report import (
    Flash,
    FramesReport,
    LargeSlice,
    LayerReport,
    LocalReport,
    Quantisation,
    Ram,
    RegionReport,
    Report,
    SlicesReport,
    StageReport,
)


def report(prepared: Quantised, name: str, backend: str, target: str | None, emission: backends.Emission) -> Report:
    """The report that `mnc compile --json` prints."""
    slices = _slices(emission)
    program, arena, frames = emission.program, emission.plan.arena, emission.program.frames
    lives = lifetimes(program)
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
                sqnr=_finite(prepared.noise.get(step.node.name)),
                last=live.last if live else None,
                reason=step.reason or None,
            )
        )
    constants = sum(layer.weights_bytes for layer in layers)
    in_ram = target is not None and targets.get(target).constants_in_ram
    copied = sum(step.row_bytes for step in program.steps) if in_ram else 0
    return Report(
        name=name,
        backend=backend,
        target=target,
        dtype=arithmetic(prepared.graph),
        macs=sum(layer.macs for layer in layers),
        params=parameters(prepared.graph),
        ram=_ram(emission, copied),
        flash=Flash(
            constants,
            constants + emission.other_bytes,
            apart=None if emission.blob is None else len(emission.blob),
        ),
        files=(*emission.files, *([] if emission.blob is None else [f"{name}.bin"])),
        layers=tuple(layers),
        quantisation=None if prepared.real is None else _quantisation(prepared),
        warnings=(*prepared.warnings, *_beyond(slices)),
        on_stack=tuple(LocalReport(program.steps[i].node.name, size) for i, size in program.on_stack.items()),
        classes=program.graph.classes,
        frames=None if frames is None else FramesReport(frames.hop, frames.first, frames.delay),
        slices=slices,
    )


NAMED = 6
"""Layers that a warning names."""


def _beyond(slices: SlicesReport | None) -> list[str]:
    """The warning that slices are larger than they may be."""
    if slices is None or not slices.beyond:
        return []
    named = ", ".join(f"{each.layer!r} {each.operations - slices.limit:,}" for each in slices.beyond[:NAMED])
    more = len(slices.beyond) - NAMED
    rest = f", and {more:,} layers more" if more > 0 else ""
    return [
        f"-X step={slices.limit}: kernels of these layers cannot be cut as small, their slices take more operations "
        f"than that, namely {named}{rest}"
    ]


def _slices(emission: backends.Emission) -> SlicesReport | None:
    if not emission.program.sliced:
        return None
    slices, steps = Slices(emission.program, emission.plan.stages), emission.program.steps
    sizes, beyond = list(slices.sizes), sorted(slices.oversized.items(), key=lambda each: (-each[1], each[0]))
    large = tuple(LargeSlice(steps[i].node.name, operations) for i, operations in beyond)
    return SlicesReport(len(sizes), max(sizes), emission.program.sliced, large)


def _ram(emission: backends.Emission, copied: int) -> Ram:
    """The memory of generated code; `copied`: bytes of constants that the target's compiler puts into it."""
    program, plan = emission.program, emission.plan
    inputs = {given.name for given in program.graph.inputs if program.buffers[given.name].kind == "arena"}
    stages = []
    for stage in plan.stages:
        if stage.interleaved:
            steps = [program.steps[i] for i in stage.numbers]
            rings = sum(plan.rings.get(y.buffer, 0) for step in steps for y in step.writes)
            stages.append(StageReport(tuple(step.node.name for step in steps), rings, stage.fed))
    return Ram(
        total=ram_bytes(program, plan) + copied,
        arena=plan.arena.size,
        state=program.state_bytes,
        lower_bound=plan.arena.lower_bound,
        optimal=plan.arena.optimal,
        constants=copied,
        input=sum(plan.rings.get(name, program.buffers[name].bytes) for name in inputs),
        stages=tuple(stages),
        saved=plan.saved,
        cost=round(plan.cost, 4),
        regions=tuple(RegionReport(each.name, each.bytes, each.limit) for each in plan.regions),
    )


def _quantisation(prepared: Quantised) -> Quantisation:
    """The signal that quantisation left, measured over the samples that judge."""
    assert prepared.real is not None
    graph = prepared.graph
    judges = dict(zip(prepared.real.outputs, goals(prepared.real), strict=True))
    return Quantisation(
        judged_by=len(prepared.judging) if prepared.judging else 0,
        sequences=len(prepared.judging.sequences) if prepared.judging else 0,
        held_back=prepared.held_back,
        sqnr={output: _finite(prepared.noise.get(value)) for output, value in judges.items()},
        float_layers=tuple(node.name for node in graph.nodes if computes_in_float(graph, node)),
    )


def _finite(decibels: float | None) -> float | None:
    return decibels if decibels is not None and math.isfinite(decibels) else None


def arithmetic(graph: Graph) -> str:
    """The narrowest element type that the network computes in."""
    return min((type_.dtype for type_ in graph.types.values()), key=lambda dtype: dtype.bytes).value
