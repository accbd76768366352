"""Where a quantised network lost its signal, why, and ways to keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mnc.ir.graph import Graph, Node
from mnc.ir.layers import Dense, Embedding
from mnc.ir.types import Array, TensorType
from mnc.quantise.quality import decibels, visible
from mnc.quantise.sequences import Samples, by_frame, by_sequence
from mnc.reference.run import apply_node

AS_MUCH = 3.0
"""Decibels: the blame goes to a source of noise that alone leaves no more than this above the final ratio."""
UNLIKE = 16.0
"""Channels are unlike where the largest reaches this many times as far as a quarter of them."""
FAR_OUT = 8.0
"""Outliers set a range where it reaches this many times as far as all but a thousandth of the values."""
OFF_CENTRE = 10.0
"""A value hardly varies where its mean is this many times as large as its deviation."""

MIXED = "try `--quantize mixed --min-sqnr 30`, which computes in int16 where it is needed"
SAMPLES = "give more samples, which cover all that the network will see"
Cause = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Diagnosis:
    """One output that has lost much of its signal."""

    output: str
    sqnr: float
    """Signal-to-quantisation-noise ratio, in dB."""
    first: str
    """The first value, in execution order, from which on the signal is lost."""
    first_sqnr: float
    cause: str
    ways: tuple[str, ...]
    """Ways to keep more of the signal, a sentence each."""

    def __str__(self) -> str:
        what = f"{self.output!r} keeps {self.sqnr:.1f} dB of its signal"
        where = "" if self.first == self.output else f"; first lost is {self.first!r} ({self.first_sqnr:.1f} dB)"
        return f"{what}{where}: {self.cause}"


def diagnose(
    real: Graph,
    quantised: Graph,
    samples: Samples,
    noise: Mapping[str, float],
    output: str,
    limit: float,
) -> Diagnosis:
    """Why `output` has less than `limit` dB left: `noise` is the result of `signal_to_noise` over these samples."""
    expected, got = by_frame(real, samples.arrays), by_sequence(quantised, samples)
    first = first_lost(real, noise, output, limit)
    cause, ways = _Values(real, quantised, expected, got).cause(first, noise[first])
    return Diagnosis(output, noise[output], first, noise[first], cause, ways)


def first_lost(real: Graph, noise: Mapping[str, float], output: str, limit: float) -> str:
    """The first value in execution order from which every value on some way to the output is below the limit."""
    reached, waiting = {output}, [output]
    while waiting:
        producer = real.producers.get(waiting.pop())
        for name in producer.inputs if producer else ():
            if name not in reached and noise.get(name, np.inf) < limit:
                reached.add(name)
                waiting.append(name)
    return next(name for name in real.types if name in reached)


@dataclass(frozen=True)
class _Values:
    """Both networks, and their values over some samples."""

    real: Graph
    quantised: Graph
    expected: Mapping[str, Array]
    got: Mapping[str, Array]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(state.name for state in self.real.states)

    def cause(self, name: str, left: float) -> Cause:
        """Which of storing a value, its inputs and its weights takes the most, alone."""
        own = self.left(name, self.restored(name))
        node = self.real.producers.get(name)
        if node is None and name in self.states and own > left + AS_MUCH:
            return "what is lost in one run goes on to the next, and adds up", (MIXED,)
        if node is None:
            return self.spread(name) or self.cut_off(name) or self.coarse(name)
        given = [np.asarray(self.given(read), np.float32) for read in node.inputs]
        through = apply_node(self.real, node, given)[node.outputs.index(name)]
        passed = self.left(name, through)
        if isinstance(node.layer, Embedding) and passed < own:
            return self.rounded_rows(node.inputs[0])
        if own <= min(passed, left + AS_MUCH):
            return self.spread(name) or self.cut_off(name) or self.coarse(name)
        for read in node.inputs:
            if (found := self.spread(read)) is not None:
                what, ways = found
                return f"of {self.origin(read)!r}, which it reads, {what}", ways
        if passed <= left + AS_MUCH:
            return "it takes small differences of its inputs, so their rounding weighs more", (MIXED,)
        if isinstance(node.layer, Dense):
            return "its weights lose too much in int8", ("try `--per-channel-dense`", "try `--rounding fitted`")
        return "its weights lose too much in int8", ("keep the network in float32",)

    def rounded_rows(self, name: str) -> Cause:
        """The numbers by which an embedding looks up its rows are no whole ones once they are stored."""
        quant = self.quantised.types[name].quant
        step = 1.0 if quant is None else quant.scale[0]
        what = f"it takes rows of its table by {self.origin(name)!r}, whose numbers are stored in steps of {step:g}"
        return what, ("leave `--io` away, or give `--io float`: the numbers of rows then stay as they are",)

    def given(self, name: str) -> Array:
        return self.quantised.types[name].real(self.got[name]) if name in self.got else self.expected[name]

    def restored(self, name: str) -> Array:
        """The exact value after it was stored."""
        type_ = self.quantised.types.get(name)
        wanted = self.expected[name]
        return wanted if type_ is None else type_.real(type_.stored(wanted))

    def left(self, name: str, found: Array) -> float:
        return decibels(*visible(self.real, name, self.expected, found))

    def cut_off(self, name: str) -> Cause | None:
        """Whether most of the loss from storing a value lies beyond its range."""
        type_ = self.quantised.types[name]
        wanted = self.expected[name].astype(np.float64)
        low, high = _ends(type_)
        error = (self.restored(name) - wanted) ** 2
        if error[(wanted < low) | (wanted > high)].sum() <= 0.5 * error.sum():
            return None
        covered = f"the range from calibration is {low:g} to {high:g}"
        ways = (SAMPLES, "look for outliers among them", "try `--ranges minmax`, which cuts nothing off")
        return f"values reach {wanted.min():g} to {wanted.max():g}, {covered}", ways

    def spread(self, name: str) -> Cause | None:
        """Whether a value's numbers are such that one scale for all of them is coarse for most."""
        type_ = self.quantised.types.get(name)
        if type_ is None or type_.quant is None:
            return None
        wanted = self.expected[name].astype(np.float64)
        is_input = self.origin(name) in {given.name for given in self.real.inputs}
        sizes = np.abs(wanted)
        peaks = sizes.reshape(-1, sizes.shape[-1]).max(axis=0)
        if len(peaks) > 1 and peaks.max() > UNLIKE * np.quantile(peaks, 0.25):
            what = f"channels reach from {peaks.min():g} to {peaks.max():g} and share one scale"
            scaled = "scale all features alike before training, or try `--io float`"
            return what, (scaled if is_input else MIXED,)
        low, high = _ends(type_)
        usual = float(np.quantile(sizes, 0.999))
        if max(-low, high) > FAR_OUT * usual:
            what = f"outliers stretch the range to {low:g} to {high:g}; 99.9 % of the values lie within {usual:g}"
            return what, ("try `--ranges percentile`", "look for outliers among the samples")
        mean, deviation = float(wanted.mean()), float(wanted.std())
        if abs(mean) > OFF_CENTRE * deviation:
            what = f"values vary by {deviation:g} round {mean:g}, in steps of {type_.quant.scale[0]:g}"
            return what, ("subtract the mean before training, or try `--io float`" if is_input else MIXED,)
        return None

    def origin(self, name: str) -> str:
        """The value that this one is but another arrangement of."""
        node = self.real.producers.get(name)
        while node is not None and self.same_numbers(node):
            name = node.inputs[0]
            node = self.real.producers.get(name)
        return name

    def same_numbers(self, node: Node) -> bool:
        given, made = self.expected[node.inputs[0]], self.expected[node.name]
        return (
            len(node.inputs) == 1
            and given.size == made.size
            and np.array_equal(np.sort(given, None), np.sort(made, None))
        )

    def coarse(self, name: str) -> Cause:
        """Nothing in particular: there are too few steps."""
        type_ = self.quantised.types[name]
        assert type_.quant is not None
        return f"steps of {type_.quant.scale[0]:g}, as {type_.dtype.value} has them here, are too coarse", (MIXED,)


def _ends(type_: TensorType) -> tuple[float, float]:
    """The least and the largest number that a quantised type stores."""
    low, high = type_.real(np.array([type_.dtype.least, type_.dtype.most]))
    return float(low), float(high)
