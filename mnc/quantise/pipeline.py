"""The steps from an optimised float graph to a quantised one, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mnc.errors import argument, refuse
from mnc.ir.graph import Graph, Node
from mnc.ir.types import Array, DType
from mnc.quantise.calibrate import RANGES, Choose, by, cut_inputs, ranges_of
from mnc.quantise.doubts import FAR, far_out
from mnc.quantise.equalise import equalise
from mnc.quantise.fit import Fit, fit
from mnc.quantise.indices import compares_indices, indices
from mnc.quantise.quality import signal_to_noise
from mnc.quantise.quantise import meaningless, quantise, split_activations
from mnc.quantise.recurrent import cell_scales
from mnc.quantise.scores import nearer
from mnc.quantise.sensitivity import Probe, goals, least_harmful, ways_to_widen
from mnc.quantise.sequences import Samples, by_sequence, representative

SCHEMES = ("int8", "int16x8", "mixed")
INTERFACES = ("int8", "int16", "uint8", "float")
AUTO = "auto"
ROUNDINGS = ("together", "fitted", "nearest")
ENDS = {"int8": DType.INT8, "int16": DType.INT16, "uint8": DType.UINT8, "float": DType.FLOAT32}
"""The types of inputs and outputs, by their names in `INTERFACES`."""

Refusals = Callable[[Graph], Mapping[str, str]]
"""Why layers of a graph have no kernels, by their names."""


@dataclass(frozen=True)
class Scheme:
    """How to quantise a network."""

    calibration: Samples | Array | Sequence[Array] | None
    """Representative inputs, as `representative` takes them."""
    quantize: str = "int8"
    """The type of values: int8; int16x8, which is int16 with int8 weights; or mixed: int16 where the goal needs it."""
    min_sqnr: float | None = None
    """For mixed: the wanted signal-to-quantisation-noise ratio of the output over the samples, in dB."""
    max_loss: float | None = None
    """For mixed: the largest allowed loss of accuracy against the float network, in percentage points."""
    labels: Array | None = None
    """The samples' classes, (samples,), of sequences one behind the other; None: the float network's answers."""
    io: str | None = None
    """The type of the network's inputs and outputs: one of `INTERFACES`; None: the type of the layers there."""
    ranges: str = "mse"
    """How the range of an int8 value is chosen: one of `RANGES`, or `AUTO`: the one with the least loss at the output.

    int16 has steps enough for all that was seen, and only percentile cuts off some of it.
    """
    rounding: str = "together"
    """How weights are rounded: one of `ROUNDINGS`; without bias correction, fitted is as together.

    A channel for which that does worse than nearest over samples it did not see is rounded to the nearest.
    """
    equalise: bool = True
    bias_correction: bool = True
    per_channel_dense: bool = False
    allow_loss: bool = False
    """Whether a network of which next to no signal is left is compiled, too."""
    scaled: bool = False
    """Whether a user has said how samples are scaled: whole numbers are then no sign of pixels as they are stored."""

    def __post_init__(self) -> None:
        for what, value, known in (
            ("quantize", self.quantize, SCHEMES),
            ("io", self.io, (None, *INTERFACES)),
            ("ranges", self.ranges, (AUTO, *RANGES)),
            ("rounding", self.rounding, ROUNDINGS),
        ):
            if value not in known:
                raise refuse(argument(what), f"{value!r} is not known", f"known: {', '.join(filter(None, known))}")
        if (self.min_sqnr is None and self.max_loss is None) is (self.quantize == "mixed"):
            hint = "mnc.quantise.Scheme takes goals: min_sqnr = 30, max_loss = 0.5"
            raise refuse(argument("quantize"), "mixed and a goal go together", hint)


@dataclass(frozen=True)
class Fallback:
    """A layer that does not work on the type that was asked for."""

    layer: str
    wanted: DType
    got: DType
    """int8 instead of int16, or float32."""
    reason: str
    """Why the wanted type is out of question, naming the layer's kind."""


@dataclass(frozen=True)
class Quantised:
    """A quantised graph."""

    graph: Graph
    noise: Mapping[str, float] = field(default_factory=dict)
    """Signal-to-quantisation-noise ratio over the samples that judge, in dB, by value."""
    real: Graph | None = None
    """The float graph that it was made of, with the same names; None where nothing was quantised."""
    wide: frozenset[str] = frozenset()
    """The layers that were to work on int16."""
    judging: Samples | None = None
    """The samples that judge."""
    held_back: int = 0
    """How many of the calibration samples these are; 0 where it was calibrated on all of them."""
    warnings: tuple[str, ...] = ()
    """Warnings about the samples and about lost signal, one sentence each."""
    fallbacks: tuple[Fallback, ...] = ()


def to_integers(
    graph: Graph,
    scheme: Scheme,
    refusals: Refusals,
    *,
    judging: Samples | None = None,
    wide: Collection[str] | None = None,
) -> Quantised:
    """Quantise an optimised float graph.

    `judging` are samples to judge it by (None: those of the scheme's
    calibration).  `wide` are layers to work on int16, by
    name (None: as the scheme has it).

    A layer that has no meaning in int16, or that `refusals` names there,
    is int8; one that has none in int8 either runs in float32 between
    conversions: `Quantised.fallbacks` names them.  CompileError where the graph
    is not float32, there are no samples, or a mixed network does not reach its
    goal with int16 wherever that is possible.
    """
    if any(type_.dtype is not DType.FLOAT32 for type_ in graph.types.values()):
        if all(type_.quant is None for type_ in graph.types.values()):
            hint = "take ArgMax or ArgMin away, and search the output for its largest element"
            raise refuse(argument("quantize"), f"network {graph.name!r} gives places, which are no float32", hint)
        raise refuse(argument("quantize"), f"network {graph.name!r} is quantised already", "leave it out")
    if scheme.calibration is None:
        raise refuse(argument("quantize"), "needs representative inputs", "give some dozens as its calibration")
    real = split_activations(graph)
    given = representative(graph, scheme.calibration)
    choice = _choice(real, given.arrays, scheme, wide=scheme.quantize != "int8")
    samples = replace(given, arrays=tuple(cut_inputs(real, given.arrays, choice)))
    if scheme.equalise:
        real = equalise(real, samples.arrays, dense=scheme.per_channel_dense)
    judges = samples if judging is None else _without_outliers(judging, samples, scheme)
    trials = _Trials(real, samples, judges, scheme, refusals)
    if wide is None and scheme.quantize == "mixed":
        found = _mixed(trials)
    elif wide is None:
        found = trials.quantised({node.name for node in real.nodes} if scheme.quantize == "int16x8" else set())
    else:
        found = trials.quantised(set(wide))
    return replace(found, warnings=(*far_out(graph, given.arrays, samples.arrays), *narrowed(found.fallbacks)))


def _without_outliers(judging: Samples, cut: Samples, scheme: Scheme) -> Samples:
    """The samples that judge; numbers far beyond the inputs' ranges are cut where the scheme is to cut them off."""
    if scheme.ranges not in (AUTO, "percentile"):
        return judging
    limits = (FAR * np.abs(x).max() if x.dtype == np.float32 else None for x in cut.arrays)
    pairs = zip(judging.arrays, limits, strict=True)
    return replace(judging, arrays=tuple(x if limit is None else np.clip(x, -limit, limit) for x, limit in pairs))


def narrowed(fallbacks: Sequence[Fallback]) -> tuple[str, ...]:
    """The layers that are int8 where int16 was asked for, a sentence for each reason."""
    layers: dict[str, list[str]] = {}
    for each in fallbacks:
        if each.got is DType.INT8:
            layers.setdefault(each.reason, []).append(repr(each.layer))
    return tuple(f"int8 instead of int16: {reason}: {', '.join(names)}" for reason, names in layers.items())


def _choice(real: Graph, samples: Sequence[Array], scheme: Scheme, *, wide: bool) -> Choose:
    """How ranges are chosen: for int16, where `wide`, everything is covered, unless outliers shall be cut off."""
    if wide:
        return by(scheme.ranges if scheme.ranges == "percentile" else "minmax")
    return least_harmful(real, samples) if scheme.ranges == AUTO else by(scheme.ranges)


def _mixed(trials: _Trials) -> Quantised:
    """As few layers in int16 as reach the goal, found by halving: the more there are, the better it is."""
    real = trials.real
    ways = ways_to_widen(Probe.of(real, trials.samples.arrays), trials.ranges)
    found = trials.quantised(ways[-1])
    if (missed := _missed(trials, found)) is not None:
        goal, reason = missed
        narrow = narrowed(found.fallbacks)
        where = "in all other layers" if narrow else "throughout"
        hints = (*narrow, f"that is int16 {where}; ask for less")
        raise refuse(argument(goal), f"the goal is out of reach: {reason}", *hints)
    fails, reaches = -1, len(ways) - 1
    while reaches - fails > 1:
        middle = (fails + reaches) // 2
        tried = trials.quantised(ways[middle])
        if _missed(trials, tried) is None:
            found, reaches = tried, middle
        else:
            fails = middle
    return found


def _missed(trials: _Trials, tried: Quantised) -> tuple[str, str] | None:
    """A goal that is not met, by its name in `Scheme`, and the network's figure over the samples."""
    scheme, real = trials.scheme, trials.real
    ratio = min(tried.noise[name] for name in goals(real))
    if scheme.min_sqnr is not None and ratio < scheme.min_sqnr:
        return "min_sqnr", f"the output has {ratio:.1f} dB, not {scheme.min_sqnr:g}"
    if scheme.max_loss is None:
        return None
    classes, got = _classes(real, trials.samples), _classes(tried.graph, trials.samples)
    labels = classes if scheme.labels is None else scheme.labels
    loss = 100.0 * (float(np.mean(classes == labels)) - float(np.mean(got == labels)))
    if loss <= scheme.max_loss:
        return None
    return "max_loss", f"{loss:.2f} points are lost, not {scheme.max_loss:g}"


def _classes(graph: Graph, samples: Samples) -> Array:
    """The index of the largest output, by sample."""
    scores = by_sequence(graph, samples)[graph.outputs[0]]
    if len(graph.outputs) > 1 or scores[0].size < 2:
        raise refuse(argument("max_loss"), "is for networks with one output of several classes", "ask for decibels")
    return np.asarray(scores.reshape(len(scores), -1).argmax(axis=1))


class _Trials:
    """Quantises one network in several ways."""

    def __init__(
        self,
        real: Graph,
        samples: Samples,
        judging: Samples,
        scheme: Scheme,
        refusals: Refusals,
    ) -> None:
        self.real, self.samples, self.judging = real, samples, judging
        self.scheme, self.refusals = scheme, refusals
        arrays = samples.arrays
        self.ranges = ranges_of(real, arrays, _choice(real, arrays, scheme, wide=False))
        wide = scheme.quantize != "int8" or scheme.io == "int16"
        self.wide_ranges = ranges_of(real, arrays, _choice(real, arrays, scheme, wide=True)) if wide else self.ranges
        self.storable, (self.ranges, self.wide_ranges) = nearer(real, self.ranges, self.wide_ranges)
        self.cells = cell_scales(real, arrays)
        self.indices = indices(real)
        self.refused: dict[tuple[str, DType], str] = {}
        """The layers, and the types in which they cannot be, each with the reason."""

    def quantised(self, wide: set[str]) -> Quantised:
        """With these layers in int16."""
        scheme = self.scheme
        while True:
            dtypes = {node.name: self._type(node, wide) for node in self.real.nodes}
            integers = quantise(
                self.storable,
                {DType.INT8: self.ranges, DType.INT16: self.wide_ranges},
                dtypes,
                cells=self.cells,
                io=None if scheme.io is None else ENDS[scheme.io],
                per_channel_dense=scheme.per_channel_dense,
            )
            refused = {
                (name, dtypes[name]): reason
                for name, reason in self.refusals(integers).items()
                if dtypes.get(name, DType.FLOAT32) is not DType.FLOAT32
            }
            if not refused:
                break
            self.refused |= refused
        if scheme.rounding != "nearest" or scheme.bias_correction:
            what = Fit(scheme.rounding != "nearest", scheme.rounding == "fitted", scheme.bias_correction)
            integers = fit(self.real, integers, self.samples.arrays, what)
        noise = signal_to_noise(self.real, integers, self.judging)
        return Quantised(integers, noise, self.real, frozenset(wide), fallbacks=tuple(self._fallbacks(dtypes, wide)))

    def _type(self, node: Node, wide: Collection[str]) -> DType:
        """The first of the types that are wanted for a node in which it can be."""
        possible = (dtype for dtype in _wanted(node, wide) if self._fault(node, dtype) is None)
        return next(possible, DType.FLOAT32)

    def _fault(self, node: Node, dtype: DType) -> str | None:
        """Why a node cannot be of a type, or None."""
        if compares_indices(node, self.indices):
            return f"{type(node.layer).__name__} reads numbers of rows of a table, which a scale would round"
        return meaningless(self.real, node, dtype) or self.refused.get((node.name, dtype))

    def _fallbacks(self, dtypes: Mapping[str, DType], wide: Collection[str]) -> Iterator[Fallback]:
        for node in self.real.nodes:
            wanted, got = _wanted(node, wide)[0], dtypes[node.name]
            if got is not wanted:
                reason = self._fault(node, wanted)
                assert reason is not None
                yield Fallback(node.name, wanted, got, reason)


def _wanted(node: Node, wide: Collection[str]) -> tuple[DType, ...]:
    """The integers that a node may work on, best first."""
    return (DType.INT16, DType.INT8) if node.name in wide else (DType.INT8,)
