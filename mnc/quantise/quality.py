"""How much of the signal quantisation leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mnc.ir.graph import Graph
from mnc.ir.layers import Softmax
from mnc.ir.types import Array
from mnc.quantise.calibrate import softmax_reader
from mnc.quantise.sequences import Samples, by_frame, by_sequence

HALF_A_STEP = math.log(512.0)
"""Softmax gives less than half of its step of 1/256 for an input that lies this far below the largest."""


def signal_to_noise(real: Graph, quantised: Graph, samples: Samples) -> dict[str, float]:
    """Signal-to-quantisation-noise ratio in dB of every value that both graphs have, over the samples.

    Infinite where nothing is lost.  A quantised network with states runs the
    sequences by itself, so the noise of a run is in all that follow.
    Differences of a value that no reader can see (`visible`) are no loss.
    """
    expected, got = by_frame(real, samples.arrays), by_sequence(quantised, samples)
    ratios = {}
    for name in got:
        if name in expected:
            ratios[name] = decibels(*visible(real, name, expected, quantised.types[name].real(got[name])))
    return ratios


def visible(real: Graph, name: str, expected: Mapping[str, Array], got: Array) -> tuple[Array, Array]:
    """A value as it is in the float network and as quantised, without what nobody sees of it.

    Where only a softmax reads it, that is what lies so far below the largest of
    its inputs that less than half a step of the output comes of it.
    """
    wanted = expected[name]
    softmax = softmax_reader(real, name)
    if softmax is None:
        return wanted, got
    shape = expected[softmax.inputs[0]].shape
    assert isinstance(softmax.layer, Softmax)
    wanted, got = wanted.reshape(shape), got.reshape(shape)
    least = wanted.max(axis=softmax.layer.axis % (len(shape) - 1) + 1, keepdims=True) - HALF_A_STEP
    return np.maximum(wanted, least), np.maximum(got, least)


def decibels(expected: Array, got: Array) -> float:
    """10 log10 of the signal's power over the error's."""
    signal = float(np.sum(expected.astype(np.float64) ** 2))
    noise = float(np.sum((expected.astype(np.float64) - got) ** 2))
    if noise == 0.0:
        return float("inf")
    ratio = signal / noise
    return float(10.0 * np.log10(ratio)) if ratio > 0.0 else float("-inf")


def correlation(expected: Array, got: Array) -> float | None:
    """Pearson's coefficient over all elements; None where one of the arrays does not vary."""
    x, y = (each.ravel().astype(np.float64) - float(np.mean(each)) for each in (expected, got))
    power = float(np.sqrt(np.sum(x**2) * np.sum(y**2)))
    return float(np.sum(x * y)) / power if power > 0.0 else None
