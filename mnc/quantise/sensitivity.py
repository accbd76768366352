"""How much of the error of a network's output comes from which value.

One value is rounded while all else stays float: errors are small, so they add
up, and what each value contributes can be measured alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mnc.ir.graph import Graph
from mnc.ir.layers import Flatten, Reshape, Softmax
from mnc.ir.types import Array, DType, Quantisation
from mnc.quantise.calibrate import RANGES, Choose, least_that_counts
from mnc.quantise.scales import Range, quantisation
from mnc.quantise.sequences import by_frame
from mnc.reference.run import apply_node

CANDIDATES = ("minmax", "percentile", "mse")
"""The ways to choose a range among which the output decides, by its error."""
MOST_SAMPLES = 48
"""How many it is asked over."""


def goals(graph: Graph) -> tuple[str, ...]:
    """The values by which a network is judged: its outputs, or what goes into a softmax that gives one.

    A network that is sure of its samples gives nearly 0 and 1 whatever is
    rounded before; the inputs of the softmax still tell the difference.
    """
    return tuple(_before_softmax(graph, name) for name in graph.outputs)


def _before_softmax(graph: Graph, name: str) -> str:
    found, node = name, graph.producers.get(name)
    while node is not None and isinstance(node.layer, (Flatten, Reshape)):
        node = graph.producers.get(node.inputs[0])
    if node is not None and isinstance(node.layer, Softmax) and graph.sole_consumer(node.inputs[0]) is not None:
        found = node.inputs[0]
    return found


@dataclass(frozen=True)
class Probe:
    """A float network and all its values over some samples."""

    graph: Graph
    values: Mapping[str, Array]
    known: dict[str, float] = field(default_factory=dict)
    """The contributions, once they were asked for."""

    @classmethod
    def of(cls, graph: Graph, samples: Sequence[Array]) -> Probe:
        return cls(graph, by_frame(graph, samples))

    def contributions(self, ranges: Mapping[str, Range]) -> Mapping[str, float]:
        """The noise that each value's rounding to int8 makes."""
        if not self.known:
            for name, array in self.values.items():
                self.known[name] = self.noise({name: round_to(array, quantisation(*ranges[name]))})
        return self.known

    def noise(self, rounded: Mapping[str, Array]) -> float:
        """Noise-to-signal ratio where the network is judged (`goals`), when these values are replaced."""
        changed = dict(rounded)
        for node in self.graph.nodes:
            if node.name not in rounded and any(name in changed for name in node.inputs):
                results = apply_node(self.graph, node, [changed.get(name, self.values[name]) for name in node.inputs])
                changed.update(zip(node.outputs, results, strict=True))
        return sum(self._lost(name, changed[name]) for name in goals(self.graph) if name in changed)

    def _lost(self, name: str, got: Array) -> float:
        """Error over signal, the mean of the samples; one that is all error counts 1, however large it is."""
        least = least_that_counts(self.graph, name, self.values)
        expected = np.maximum(self.values[name], least).astype(np.float64)
        by_sample = tuple(range(1, expected.ndim))
        power = np.sum(expected**2, axis=by_sample)
        usual = np.maximum(power, np.median(power))
        error = np.sum((np.maximum(got, least) - expected) ** 2, axis=by_sample)
        return float(np.mean(np.minimum(error, usual) / np.where(usual > 0.0, usual, 1.0)))


def least_harmful(graph: Graph, samples: Sequence[Array]) -> Choose:
    """The choice of the range by which the network's output loses the least."""
    seen = np.unique(np.linspace(0, len(samples[0]) - 1, MOST_SAMPLES).astype(np.int64))
    probe = Probe.of(graph, [x[seen] for x in samples])

    def least(name: str, array: Array) -> Range:
        spans = list(dict.fromkeys(RANGES[method](array) for method in CANDIDATES))
        if len(spans) == 1:
            return spans[0]
        return min(spans, key=lambda span: probe.noise({name: round_to(probe.values[name], quantisation(*span))}))

    return least


def ways_to_widen(probe: Probe, ranges: Mapping[str, Range]) -> list[set[str]]:
    """Layers to raise to int16: none, then ever more of them, those first by which the most error goes for each."""
    every = {node.name for node in probe.graph.nodes}
    ways = [set[str]()]
    while ways[-1] != every:
        best, most = every - ways[-1], 0.0
        for name, noise in probe.contributions(ranges).items():
            missing = keepers(probe.graph, name) - ways[-1]
            if missing and noise / len(missing) > most:
                best, most = missing, noise / len(missing)
        ways.append(ways[-1] | best)
    return ways


def keepers(graph: Graph, name: str) -> set[str]:
    """The layers that have to work on int16 for a value to keep 16 bits: its producer and its readers.

    A state is made by the producer of what it becomes.
    """
    readers = {node.name for node in graph.consumers[name]}
    sources = (name, *(state.next for state in graph.states if state.name == name))
    return readers | {graph.producers[each].name for each in sources if each in graph.producers}


def round_to(values: Array, quant: Quantisation, dtype: DType = DType.INT8) -> Array:
    """Real values after they were stored."""
    stored = np.clip(np.round(values / quant.scale[0]) + quant.zero_point, dtype.least, dtype.most)
    return np.asarray((stored - quant.zero_point) * quant.scale[0], np.float32)
