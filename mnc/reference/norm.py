"""Normalisation."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import BatchNormalization
from mnc.ir.types import Array
from mnc.reference.dispatch import compute
from mnc.reference.elementwise import batch_axis


@compute.register
def batch_normalization(layer: BatchNormalization, x: Array) -> Array:
    scale, offset = layer.scale_and_offset()
    along = np.swapaxes(x, batch_axis(layer.axis, x), -1)
    return np.swapaxes(along * scale + offset, batch_axis(layer.axis, x), -1)
