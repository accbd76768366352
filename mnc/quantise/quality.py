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
    got = evaluate(quantised, samples)
    ratios = {}
    for name in got:
        if name not in expected:
            continue
        least = least_that_counts(real, name, expected)
        given_back = quantised.types[name].real(got[name])
        ratios[name] = decibels(np.maximum(expected[name], least), np.maximum(given_back, least))
    return ratios


def decibels(expected: Array, got: Array) -> float:
    """10 log10 of the signal's power over the error's."""
    signal = float(np.sum(expected.astype(np.float64) ** 2))
    noise = float(np.sum((expected.astype(np.float64) - got) ** 2))
    if noise == 0.0:
        return float("inf")
    return float(10.0 * np.log10(signal / noise)) if signal > 0.0 else float("-inf")
