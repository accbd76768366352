"""The steps from an optimised float graph to a quantised one, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mnc.errors import refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.types import Array, DType
from mnc.quantise.calibrate import RANGES, observe
from mnc.quantise.equalise import equalise
from mnc.quantise.fit import Fit, fit
from mnc.quantise.quality import signal_to_noise
from mnc.quantise.quantise import quantise, split_activations
from mnc.reference.quantised import compute_quantised
from mnc.reference.run import feed

SCHEMES = ("int8",)
INTERFACES = ("int8", "float")
ROUNDINGS = ("fitted", "nearest")


@dataclass(frozen=True)
class Scheme:
    """How to quantise a network."""

    calibration: Array | Sequence[Array] | None
    """Representative inputs, as `Graph.predict` takes them."""
    numbers: str = "int8"
    io: str = "int8"
    """What the network's inputs and outputs are: int8 or float."""
    ranges: str = "minmax"
    """How the range of a value is chosen: one of `RANGES`."""
    rounding: str = "fitted"
    """How weights are rounded: one of `ROUNDINGS`."""
    equalise: bool = True
    correct_biases: bool = True
    per_channel_dense: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("--quantize", self.numbers, SCHEMES),
            ("--io", self.io, INTERFACES),
            ("--ranges", self.ranges, tuple(RANGES)),
            ("--rounding", self.rounding, ROUNDINGS),
        ):
            if value not in known:
                raise refuse(what, f"{value!r} is not known", f"known: {', '.join(known)}")


@dataclass(frozen=True)
class Quantised:
    """A quantised graph."""

    graph: Graph
    noise: Mapping[str, float] = field(default_factory=dict)
    """Signal-to-quantisation-noise ratio over the calibration samples, in dB, by value."""


def to_integers(graph: Graph, scheme: Scheme, unsupported: Callable[[Graph, Node], str | None]) -> Quantised:
    """Quantise an optimised float graph.

    Layers that have no meaning in integers, or that `unsupported` refuses
    there, run in float32 between conversions.  CompileError where the graph
    is not float32 or there are no samples.
    """
    if any(type_.dtype is not DType.FLOAT32 for type_ in graph.types.values()):
        raise refuse(f"network {graph.name!r}", "is quantised already", "leave --quantize out")
    if scheme.calibration is None:
        raise refuse("--quantize", "needs representative inputs", "give some dozens with --calibration X.npy")
    samples = list(feed(graph, scheme.calibration).values())
    real = split_activations(graph)
    if scheme.equalise:
        real = equalise(real, samples, dense=scheme.per_channel_dense)
    ranges = observe(real, samples, scheme.ranges)
    kinds = {kind for kind in compute_quantised.registry if kind is not object}
    while True:
        integers = quantise(real, ranges, kinds, io=scheme.io, per_channel_dense=scheme.per_channel_dense)
        refused = {type(node.layer) for node in integers.nodes if unsupported(integers, node) is not None} & kinds
        if not refused:
            break
        kinds -= refused
    if scheme.rounding == "fitted" or scheme.correct_biases:
        integers = fit(real, integers, samples, Fit(scheme.rounding == "fitted", scheme.correct_biases))
    return Quantised(integers, signal_to_noise(real, integers, samples))
