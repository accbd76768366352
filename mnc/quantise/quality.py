"""How much of the signal quantisation leaves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnc.ir.graph import Graph
from mnc.ir.types import Array
from mnc.quantise.calibrate import least_that_counts
from mnc.reference import evaluate


def signal_to_noise(real: Graph, quantised: Graph, samples: Sequence[Array]) -> dict[str, float]:
    """Signal-to-quantisation-noise ratio in dB of every value that both graphs have, over the samples.

    `samples` are float, one array for each input; infinite where nothing is lost.
    What the network cannot see of a value (`least_that_counts`) is no loss.
    """
    expected = evaluate(real, samples)
    given = [store(x, quantised, i) for i, x in enumerate(samples)]
    got = evaluate(quantised, given)
    ratios = {}
    for name in got:
        if name not in expected:
            continue
        least = least_that_counts(real, name, expected)
        given_back = to_real(quantised, name, got[name])
        ratios[name] = decibels(np.maximum(expected[name], least), np.maximum(given_back, least))
    return ratios


def store(x: Array, graph: Graph, index: int) -> Array:
    """Real numbers as an input of the graph takes them."""
    type_ = graph.inputs[index].type
    if type_.quant is None:
        return x
    info = np.iinfo(type_.dtype.numpy)
    scaled = np.asarray(x, np.float64) / type_.quant.scale[0]
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + type_.quant.zero_point
    return np.asarray(np.clip(rounded, info.min, info.max).astype(type_.dtype.numpy))


def to_real(graph: Graph, name: str, stored: Array) -> Array:
    """A value's stored numbers as real ones."""
    quant = graph.types[name].quant
    if quant is None:
        return stored
    return np.asarray((stored.astype(np.float64) - quant.zero_point) * quant.scale[0])


def decibels(expected: Array, got: Array) -> float:
    """10 log10 of the signal's power over the error's."""
    signal = float(np.sum(expected.astype(np.float64) ** 2))
    noise = float(np.sum((expected.astype(np.float64) - got) ** 2))
    if noise == 0.0:
        return float("inf")
    return float(10.0 * np.log10(signal / noise)) if signal > 0.0 else float("-inf")
