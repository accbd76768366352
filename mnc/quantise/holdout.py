"""Samples kept out of calibration, so that a quantised network is judged by inputs that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnc.ir.types import Array

SHARE = 4
"""One sample of this many is held back."""
FEWEST = 8
"""Of fewer samples none is held back: a network cannot be fitted to five, and one alone is no judge."""


class Split(NamedTuple):
    """Indices of samples, each ascending."""

    fitting: Array
    judging: Array
    """The samples held back; all samples where none are held back."""
    held_back: int
    """How many are held back."""


def split(count: int) -> Split:
    """Which of `count` samples are held back: every time the same ones, by a shuffle.

    Samples often come sorted, or with their classes in turn, so that every
    fourth would be of one class.
    """
    if count < FEWEST:
        return Split(np.arange(count), np.arange(count), 0)
    order = np.random.default_rng(0).permutation(count)
    held = count // SHARE
    return Split(np.sort(order[held:]), np.sort(order[:held]), held)


def chosen(samples: Sequence[Array], indices: Array) -> list[Array]:
    """These samples of each input."""
    return [array[indices] for array in samples]
