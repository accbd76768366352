"""Convolutions and dense layers in integers."""

from __future__ import annotations

import numpy as np

from mnc.ir.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Linear
from mnc.ir.types import Array, Constant
from mnc.reference.dispatch import compute
from mnc.reference.quantised.arithmetic import quantise_multiplier, rescale, rescale_wide
from mnc.reference.quantised.operands import Operands, clip, compute_quantised


def channel_multipliers(layer: Linear, operands: Operands) -> tuple[Array, Array]:
    """(multiplier, shift) of each output channel, or of all."""
    quant = layer.weights.quant
    assert quant is not None, "quantised layers have quantised weights"
    given = operands.quant().scale[0]
    reals = [given * scale / operands.scale for scale in quant.scale]
    pairs = [quantise_multiplier(real) for real in reals]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


def has_wide_sums(layer: Linear, operands: Operands) -> bool:
    """Whether sums have 64 bits: for int16 values, unless the bias is int32."""
    return operands.is_int16 and (layer.bias is None or layer.bias.array.dtype != np.int32)


def requantise_sums(layer: Linear, operands: Operands, sums: Array) -> Array:
    """The sums (..., channels) on the output's scale, before its zero point and its limits."""
    scaled = rescale_wide if has_wide_sums(layer, operands) else rescale
    return scaled(sums, *channel_multipliers(layer, operands))


@compute_quantised.register(Conv2D)
@compute_quantised.register(Conv2DTranspose)
@compute_quantised.register(Dense)
@compute_quantised.register(DepthwiseConv2D)
def _weighted(layer: Linear, operands: Operands, x: Array) -> Array:
    # float64 holds the sums exactly: they have 48 bits at most.
    stored = layer.with_matrix(layer.as_matrix(), None if layer.bias is None else Constant(layer.bias.array))
    sums = compute(stored.changed(activation=None, output=None), (x - operands.quant().zero_point).astype(np.float64))
    assert isinstance(sums, np.ndarray)
    sums = sums.astype(np.int64)
    if layer.weights.array.dtype == np.int16:
        sums = sums.astype(np.int32).astype(np.int64)  # modulo 2^32
    scaled = requantise_sums(layer, operands, sums)
    return clip(scaled + operands.zero, *operands.limits(layer.activation))
