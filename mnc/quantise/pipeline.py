"""The steps from an optimised float graph to a quantised one, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mnc.errors import refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.layer import Layer
from mnc.ir.types import Array, DType
from mnc.quantise.calibrate import RANGES, Range, observe, representative
from mnc.quantise.equalise import equalise
from mnc.quantise.fit import Fit, fit
from mnc.quantise.quality import signal_to_noise
from mnc.quantise.quantise import has_meaning, quantise, split_activations
from mnc.quantise.sensitivity import Probe, goals, next_layers
from mnc.reference.quantised import compute_quantised

SCHEMES = ("int8", "int16x8", "mixed")
INTERFACES = ("int8", "int16", "float")
ROUNDINGS = ("fitted", "nearest")
_IO = {"int8": DType.INT8, "int16": DType.INT16, "float": DType.FLOAT32, None: None}

CLOSE = 1.5
"""How far above the goal the noise may be foretold for a network to be tried: errors cancel and add by chance."""

Unsupported = Callable[[Graph, Node], str | None]


@dataclass(frozen=True)
class Scheme:
    """How to quantise a network."""

    calibration: Array | Sequence[Array] | None
    """Representative inputs, as `Graph.predict` takes them."""
    numbers: str = "int8"
    """What values are: int8; int16x8, which is int16 with int8 weights; or mixed: int16 where `min_sqnr` needs it."""
    min_sqnr: float | None = None
    """For mixed: what the output's signal-to-quantisation-noise ratio shall be over the samples, in dB."""
    io: str | None = None
    """What the network's inputs and outputs are: one of `INTERFACES`; None: what the layers there work on."""
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
            ("--io", self.io, (None, *INTERFACES)),
            ("--ranges", self.ranges, tuple(RANGES)),
            ("--rounding", self.rounding, ROUNDINGS),
        ):
            if value not in known:
                raise refuse(what, f"{value!r} is not known", f"known: {', '.join(filter(None, known))}")
        if (self.min_sqnr is None) is (self.numbers == "mixed"):
            raise refuse("--min-sqnr", "goes with --quantize mixed", "it is the goal, in dB: --min-sqnr 30")


@dataclass(frozen=True)
class Quantised:
    """A quantised graph."""

    graph: Graph
    noise: Mapping[str, float] = field(default_factory=dict)
    """Signal-to-quantisation-noise ratio over the calibration samples, in dB, by value."""


def to_integers(graph: Graph, scheme: Scheme, unsupported: Unsupported) -> Quantised:
    """Quantise an optimised float graph.

    Layers that have no meaning in int16, or that `unsupported` refuses there,
    are int8; those that have none in int8 either run in float32 between
    conversions.  CompileError where the graph is not float32, there are no
    samples, or a mixed network does not reach its goal in int16 throughout.
    """
    if any(type_.dtype is not DType.FLOAT32 for type_ in graph.types.values()):
        raise refuse(f"network {graph.name!r}", "is quantised already", "leave --quantize out")
    if scheme.calibration is None:
        raise refuse("--quantize", "needs representative inputs", "give some dozens with --calibration X.npy")
    samples = representative(graph, scheme.calibration)
    real = split_activations(graph)
    if scheme.equalise:
        real = equalise(real, samples, dense=scheme.per_channel_dense)
    trials = _Trials(real, samples, scheme, unsupported)
    if scheme.min_sqnr is None:
        wide = {node.name for node in real.nodes} if scheme.numbers == "int16x8" else set()
        return trials.quantised(wide)
    return _mixed(trials, scheme.min_sqnr)


def _mixed(trials: _Trials, least: float) -> Quantised:
    """As few layers in int16 as reach `least` dB, those first by which the most error goes."""
    real, judged = trials.real, goals(trials.real)
    throughout = trials.quantised({node.name for node in real.nodes})
    best = min(throughout.noise[name] for name in judged)
    if best < least:
        has = f"with every layer in int16 that can be, the output has {best:.1f} dB over the samples"
        raise refuse("--min-sqnr", f"{least:g} dB cannot be reached", has)
    probe, wide = Probe.of(real, trials.samples), set[str]()
    while True:
        if _power(best) + probe.remaining(trials.ranges, wide) <= _power(least) * CLOSE:
            found = trials.quantised(wide)
            if min(found.noise[name] for name in judged) >= least:
                return found
        more = next_layers(probe, trials.ranges, wide)
        if not more:
            return throughout
        wide |= more


def _power(decibels: float) -> float:
    """The noise of a ratio, the signal being 1."""
    return float(10.0 ** (-decibels / 10.0))


class _Trials:
    """Quantises one network in several ways."""

    def __init__(self, real: Graph, samples: Sequence[Array], scheme: Scheme, unsupported: Unsupported) -> None:
        self.real, self.samples, self.scheme, self.unsupported = real, samples, scheme, unsupported
        self.ranges: Mapping[str, Range] = observe(real, samples, scheme.ranges)
        self.refused: set[tuple[type[Layer], DType]] = set()
        """What the backend has no kernels for."""

    def quantised(self, wide: set[str]) -> Quantised:
        """With these layers in int16."""
        scheme = self.scheme
        while True:
            numbers = {node.name: self._type(node, wide) for node in self.real.nodes}
            integers = quantise(
                self.real, self.ranges, numbers, io=_IO[scheme.io], per_channel_dense=scheme.per_channel_dense
            )
            refused = {
                (type(node.layer), numbers[node.name])
                for node in integers.nodes
                if numbers.get(node.name, DType.FLOAT32) is not DType.FLOAT32
                and self.unsupported(integers, node) is not None
            }
            if not refused:
                break
            self.refused |= refused
        if scheme.rounding == "fitted" or scheme.correct_biases:
            what = Fit(scheme.rounding == "fitted", scheme.correct_biases)
            integers = fit(self.real, integers, self.samples, what)
        return Quantised(integers, signal_to_noise(self.real, integers, self.samples))

    def _type(self, node: Node, wide: set[str]) -> DType:
        kind = type(node.layer)
        if kind not in compute_quantised.registry:
            return DType.FLOAT32
        for dtype in (DType.INT16,) * (node.name in wide) + (DType.INT8,):
            if (kind, dtype) not in self.refused and has_meaning(self.real, node, dtype):
                return dtype
        return DType.FLOAT32
