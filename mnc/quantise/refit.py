"""Weights for inputs that are not what they were: what earlier layers lost is made good as far as it can be told.

A layer that is given rounded values need not keep its weights.  Where its inputs
go together, as neighbouring pixels do, other weights give nearly the same sums
and less of the noise: those of the least squared error between the sums of the
rounded inputs and the ones that the float network has (Wiener's filter; for
quantisation Li et al., "GPTAQ", arXiv 2504.02692).  They are held to the weights
as they are, the more the less the samples tell: half of them show how much the
other half can be trusted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mnc.ir.types import Array

HOLDS = tuple(10.0**-power for power in range(8))
"""Candidates for the strength that holds weights to their values, as shares of the inputs' mean power."""


class Moments(NamedTuple):
    """Of a layer's inputs and of the sums that are wanted, about their means, for each group of channels."""

    inputs: Array
    """The inputs' power: (groups, inputs, inputs)."""
    sums: Array
    """Inputs with sums: (groups, inputs, outputs)."""
    mean_input: Array
    """(groups, 1, inputs)."""
    mean_sum: Array
    """(groups, 1, outputs)."""

    @classmethod
    def of(cls, inputs: Array, sums: Array, counts: Array) -> Moments:
        """Of `inputs`, (groups, places, inputs), and `sums`, (groups, places, outputs).

        `counts`, (groups, places), says how much each place counts.
        """
        share = (counts / counts.sum(axis=1, keepdims=True))[..., np.newaxis]
        mean_input, mean_sum = (np.sum(each * share, axis=1, keepdims=True) for each in (inputs, sums))
        centred = inputs - mean_input
        weighed = np.swapaxes(centred * share, 1, 2)
        return cls(weighed @ centred, weighed @ (sums - mean_sum), mean_input, mean_sum)

    @classmethod
    def of_both(cls, one: Moments, other: Moments) -> Moments:
        """Of samples in two halves."""
        input_off, sum_off = (
            (a - b) / 2.0 for a, b in ((one.mean_input, other.mean_input), (one.mean_sum, other.mean_sum))
        )
        turned = np.swapaxes(input_off, 1, 2)
        return cls(
            (one.inputs + other.inputs) / 2.0 + turned @ input_off,
            (one.sums + other.sums) / 2.0 + turned @ sum_off,
            (one.mean_input + other.mean_input) / 2.0,
            (one.mean_sum + other.mean_sum) / 2.0,
        )


def refit(weights: Array, halves: tuple[Moments, Moments]) -> Array:
    """The weights, (groups, inputs, outputs), for the inputs that are given: `weights` where others are no better.

    `halves` are of two halves of the samples; each is the judge of what is found by the other.
    """
    turns = halves, halves[::-1]
    kept = sum(_error(weights, judge) for _, judge in turns)
    tried = [(sum(_error(_solved(weights, seen, hold), judge) for seen, judge in turns), hold) for hold in HOLDS]
    least, hold = min(tried)
    return _solved(weights, Moments.of_both(*halves), hold) if least < kept else weights


def _solved(weights: Array, seen: Moments, hold: float) -> Array:
    """The weights of the least error of the sums, plus what it costs to move them."""
    power = np.diagonal(seen.inputs, axis1=1, axis2=2).mean(axis=1)
    cost = np.where(power > 0.0, hold * power, 1.0)[:, np.newaxis, np.newaxis]
    inputs = seen.inputs + np.eye(weights.shape[1]) * cost
    return np.asarray(np.linalg.solve(inputs, seen.sums + cost * weights))


def _error(weights: Array, seen: Moments) -> float:
    """The squared error of the sums, less what they vary in themselves."""
    return float(np.sum(weights * (seen.inputs @ weights - 2.0 * seen.sums)))
