"""Layers that only move stored integers, and layers that change their scale."""

from __future__ import annotations

import numpy as np

from mnc.ir.layer import Layer
from mnc.ir.layers import (
    ArgMax,
    ArgMin,
    Broadcast,
    Concatenate,
    Cropping2D,
    Dequantize,
    Flatten,
    Identity,
    Permute,
    Quantize,
    Reshape,
    ResizeNearest,
    Reverse,
    Slice,
    Take,
)
from mnc.ir.types import Array, DType
from mnc.reference.dispatch import compute
from mnc.reference.elementwise import batch_axis
from mnc.reference.quantised.arithmetic import round_away
from mnc.reference.quantised.operands import Operands, clip, compute_quantised, requantise


@compute_quantised.register(Broadcast)
@compute_quantised.register(Cropping2D)
@compute_quantised.register(Flatten)
@compute_quantised.register(Identity)
@compute_quantised.register(Permute)
@compute_quantised.register(Reshape)
@compute_quantised.register(ResizeNearest)
@compute_quantised.register(Reverse)
@compute_quantised.register(Slice)
@compute_quantised.register(Take)
def _moved(layer: Layer, operands: Operands, x: Array) -> Array:
    """A layer that moves real numbers moves stored ones alike."""
    moved = compute(layer, x)
    assert isinstance(moved, np.ndarray)
    return requantise(moved, operands.quant(), operands)


@compute_quantised.register(ArgMax)
@compute_quantised.register(ArgMin)
def _places(layer: Layer, _operands: Operands, x: Array) -> Array:
    """The scale is positive, so the order of stored numbers is that of the real ones."""
    places = compute(layer, x)
    assert isinstance(places, np.ndarray)
    return places


@compute_quantised.register
def _concatenate(layer: Concatenate, operands: Operands, *inputs: Array) -> Array:
    parts = [requantise(x, operands.quant(i), operands) for i, x in enumerate(inputs)]
    return np.concatenate(parts, batch_axis(layer.axis, inputs[0]))


@compute_quantised.register
def _quantize(layer: Quantize, operands: Operands, x: Array) -> Array:
    if operands.inputs[0].dtype is not DType.FLOAT32:
        return requantise(x, operands.quant(), operands)
    scaled = round_away(np.asarray(x, np.float32) / np.float32(operands.scale))
    return clip(scaled + operands.zero, *operands.limits())


@compute_quantised.register
def _dequantize(layer: Dequantize, operands: Operands, x: Array) -> Array:
    quant = operands.quant()
    return np.asarray(np.float32(quant.scale[0]) * (x - quant.zero_point).astype(np.float32))
