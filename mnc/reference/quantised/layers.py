"""What the layers mean in integers: every module that defines some, and what backends take from them."""

from __future__ import annotations

from mnc.reference.quantised import activation, merge, move, pool, resize, weighted
from mnc.reference.quantised.activation import hard_swish_multipliers, softmax_parameters
from mnc.reference.quantised.merge import add_multipliers, subtract_multipliers
from mnc.reference.quantised.operands import Operands, apply_quantised, clip, compute_quantised, requantise
from mnc.reference.quantised.pool import mean_multiplier
from mnc.reference.quantised.resize import bilinear_places
from mnc.reference.quantised.weighted import channel_multipliers

__all__ = [
    "Operands",
    "activation",
    "add_multipliers",
    "apply_quantised",
    "bilinear_places",
    "channel_multipliers",
    "clip",
    "compute_quantised",
    "hard_swish_multipliers",
    "mean_multiplier",
    "merge",
    "move",
    "pool",
    "requantise",
    "resize",
    "softmax_parameters",
    "subtract_multipliers",
    "weighted",
]
