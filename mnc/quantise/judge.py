"""A quantised network, judged by samples that were held back from its calibration.

The network is quantised without those samples first, and they give the figures that
mnc reports.  The network that is compiled is then quantised likewise with all
samples: it is the better for them, and the figures err on the safe side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mnc.errors import argument, refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Dequantize, Quantize
from mnc.ir.types import Array, DType
from mnc.quantise.diagnosis import Diagnosis, diagnose
from mnc.quantise.pipeline import Quantised, Refusals, Scheme, to_integers
from mnc.quantise.sensitivity import goals
from mnc.quantise.sequences import Samples, representative, split

LITTLE = 20.0
"""Decibels: an output with less is warned of.  The noise is then a tenth of the signal's size."""
NEXT_TO_NOTHING = 12.0
"""Decibels: a network whose output has less is refused.  The noise is then a quarter of the signal's size."""
FEW = 32
"""With fewer samples than this, the ones held back are no sure judge, and ranges depend on chance."""


def judged(graph: Graph, scheme: Scheme, refusals: Refusals, strange: Sequence[str] = ()) -> Quantised:
    """As `to_integers`, with figures from held-back samples, and warnings about the loss.

    `strange` is what is to be said of the samples, a sentence each.  CompileError
    as there, and where next to nothing is left of an output's signal, unless the
    scheme allows it.
    """
    if scheme.calibration is None:
        return to_integers(graph, scheme, refusals)
    samples = representative(graph, scheme.calibration)
    parts = split(graph, samples)
    judging = parts.judging
    fitted = replace(scheme, calibration=parts.fitting, labels=_labels(scheme, parts.indices))
    scheme = replace(scheme, calibration=samples)
    found = final = to_integers(graph, fitted, refusals, judging=judging)
    if parts.held_back:
        final = to_integers(graph, scheme, refusals, judging=judging, wide=found.wide)
    warnings = [*strange, *final.warnings, *_few(len(samples), parts.held_back), *_in_float(final.graph)]
    for loss in losses(found, judging):
        if loss.sqnr < NEXT_TO_NOTHING and not scheme.allow_loss:
            what = f"too little of the signal is left to be of use: {loss}"
            raise refuse(argument("quantize"), what, *strange, *loss.ways, "`--allow-loss` compiles it as it is")
        warnings.append("; ".join((str(loss), *loss.ways)))
    return replace(final, noise=found.noise, warnings=tuple(warnings), judging=judging, held_back=parts.held_back)


def losses(found: Quantised, judging: Samples) -> list[Diagnosis]:
    """Why outputs with less than `LITTLE` have no more, those with the least first."""
    assert found.real is not None
    left = {name: found.noise[name] for name in dict.fromkeys(goals(found.real)) if name in found.noise}
    poor = sorted((ratio, name) for name, ratio in left.items() if ratio < LITTLE)
    return [diagnose(found.real, found.graph, judging, found.noise, name, LITTLE) for _, name in poor]


def _labels(scheme: Scheme, indices: Array) -> Array | None:
    return None if scheme.labels is None else scheme.labels[indices]


def _few(count: int, held_back: int) -> list[str]:
    if count >= FEW:
        return []
    how = f"{held_back} of them are held back to judge by" if held_back else "the network is judged by the same ones"
    are = "sample is" if count == 1 else "samples are"
    return [f"calibration: {count} {are} few, and {how}; give some dozens"]


def _in_float(graph: Graph) -> list[str]:
    """Which layers of an integer network compute in float32, and their share of the work."""
    layers = [node for node in graph.nodes if not isinstance(node.layer, Quantize | Dequantize)]
    nodes = [node for node in layers if computes_in_float(graph, node)]
    if not nodes:
        return []
    total = sum(graph.macs(node) for node in graph.nodes)
    share = sum(graph.macs(node) for node in nodes) / total if total else 0.0
    names = ", ".join(repr(node.name) for node in nodes)
    return [f"{len(nodes)} of {len(layers)} layers compute in float32, {share:.0%} of the MACs: {names}"]


def computes_in_float(graph: Graph, node: Node) -> bool:
    """Whether a layer works on float32; conversions do not count."""
    types = (*graph.input_types(node), graph.output_type(node))
    return not isinstance(node.layer, (Quantize, Dequantize)) and all(t.dtype is DType.FLOAT32 for t in types)
