"""How finely weights and biases are stored."""

from __future__ import annotations

import numpy as np

from mnc.ir.types import Array, DType

BIASES = {DType.INT8: (2**30, DType.INT32), DType.INT16: (2**46, DType.INT64)}
"""The largest bias in steps and its type, by the type of the layer's input: half of the sums' range."""


def weight_scale(largest: Array, biases: Array, input_scale: float, most: int) -> Array:
    """For each channel: the scale by which weights up to `largest` fit int8, and biases of that size `most` steps.

    A channel of next to no weights, as pruning leaves them, still has to hold its bias.
    """
    needed = np.maximum(largest, biases / (most * input_scale) * 127.0)
    return np.asarray((np.where(needed > 0, needed, 127.0) / 127.0).astype(np.float32).astype(np.float64))
