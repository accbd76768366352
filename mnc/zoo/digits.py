"""scikit-learn's handwritten digits as images for the zoo: data for a first try."""

from __future__ import annotations

import importlib

import numpy as np

from mnc.errors import refuse
from mnc.ir.types import Array
from mnc.zoo.dataset import Dataset, Split
from mnc.zoo.framework import HINT

TEST, SEED = 360, 42
"""How many of the 1,797 images are for testing, and the seed by which they are chosen."""


def digits() -> Dataset:
    """1,437 images to train with and 360 to test with, the digits equally frequent in both."""
    try:
        datasets = importlib.import_module("sklearn.datasets")
        selection = importlib.import_module("sklearn.model_selection")
    except ImportError:
        raise refuse("the digits", "they come with scikit-learn, which is not installed", HINT) from None
    bundled = datasets.load_digits()
    parts = selection.train_test_split(
        bundled.images.astype(np.int64), bundled.target, test_size=TEST, random_state=SEED, stratify=bundled.target
    )
    train_x, test_x, train_y, test_y = map(np.asarray, parts)
    return Dataset(
        classes=tuple(map(str, range(10))),
        train=Split(enlarged(train_x), train_y.astype(np.int64)),
        val=None,
        test=Split(enlarged(test_x), test_y.astype(np.int64)),
    )


def enlarged(small: Array) -> Array:
    """Images (samples, 8, 8) of whole numbers from 0 to 16 as (samples, 96, 96, 1) from 0 to 1, float32.

    Bilinear between the middles of pixels: exact in integers until the one division.
    """
    position = 2 * np.arange(96) + 1 - 12  # from the middle of the first pixel, in 24ths of a pixel
    before, share = position // 24, position % 24
    low, high = np.clip(before, 0, 7), np.clip(before + 1, 0, 7)
    rows = (24 - share)[:, None] * small[:, low] + share[:, None] * small[:, high]
    whole = (24 - share) * rows[:, :, low] + share * rows[:, :, high]
    return np.asarray((whole.astype(np.float32) / np.float32(24 * 24 * 16))[..., np.newaxis])
