"""The meaning of layers in integers: every module that defines some, and their functions that backends use."""

from __future__ import annotations

from mnc.reference.quantised import activation, choice, merge, move, pool, recurrent, resize, weighted
from mnc.reference.quantised.activation import (
    LOG_UNIT,
    hard_swish_fits,
    hard_swish_multipliers,
    is_fine_share,
    log_softmax_reverse,
    softmax16_multiplier,
    softmax_parameters,
)
from mnc.reference.quantised.choice import comparison_multipliers, truths
from mnc.reference.quantised.merge import add_multipliers, difference_multipliers, quotient_multiplier
from mnc.reference.quantised.operands import Operands, apply_quantised, clip, compute_quantised, requantise
from mnc.reference.quantised.pool import mean_multiplier
from mnc.reference.quantised.recurrent import (
    GATE_FUNCTION,
    GATE_SCALE,
    cell_function,
    cell_multiplier,
    gate_multipliers,
    largest_cell,
    narrowing,
    output_multiplier,
    state_scale,
    stored_biases,
)
from mnc.reference.quantised.resize import bilinear_ratio
from mnc.reference.quantised.weighted import channel_multipliers, has_wide_sums, requantise_sums

__all__ = [
    "GATE_FUNCTION",
    "GATE_SCALE",
    "LOG_UNIT",
    "Operands",
    "activation",
    "add_multipliers",
    "apply_quantised",
    "bilinear_ratio",
    "cell_function",
    "cell_multiplier",
    "channel_multipliers",
    "choice",
    "clip",
    "comparison_multipliers",
    "compute_quantised",
    "difference_multipliers",
    "gate_multipliers",
    "hard_swish_fits",
    "hard_swish_multipliers",
    "has_wide_sums",
    "is_fine_share",
    "largest_cell",
    "log_softmax_reverse",
    "mean_multiplier",
    "merge",
    "move",
    "narrowing",
    "output_multiplier",
    "pool",
    "quotient_multiplier",
    "recurrent",
    "requantise",
    "requantise_sums",
    "resize",
    "softmax16_multiplier",
    "softmax_parameters",
    "state_scale",
    "stored_biases",
    "truths",
    "weighted",
]
