"""Networks of one TFLite operator that keeps a state, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tflite_drawing import SPREAD, Case, case
from tflite_files import File, Operator, Tensor

KEPT = {"svdf", "unidirectional_sequence_lstm"}
"""The operators of this module, whose state outlives a run."""


def gate_weights(c: Case, shape: Sequence[int]) -> int:
    """With one scale for all units."""
    if not c.quantised:
        return c.weights(shape, 0)
    return c.add(Tensor.of(c.rng.integers(-127, 128, shape).astype(np.int8), [c.scale(0.01)]))


def gate_bias(c: Case, x: int, kernel: int, units: int) -> int:
    """Up to 4 either way: what TensorFlow Lite Micro adds up in 64 bits it takes for 32 as it is scaled."""
    real = c.rng.uniform(-4.0, 4.0, units)
    if not c.quantised:
        return c.constant(real.astype(np.float32))
    scale = c.tensors[x].scale[0] * c.tensors[kernel].scale[0]
    return c.add(Tensor.of(np.round(real / scale).astype(np.int64 if c.stored == "INT16" else np.int32), [scale]))


@case
def unidirectional_sequence_lstm(c: Case) -> File:
    """The gates' weights, large enough that the cell is clipped now and then."""
    steps, features, units = c.integer(1, 6), c.integer(1, 5), c.integer(1, 9)
    time_major = c.choice(False, True)
    given = c.input((1, steps, features))
    x = c.like(given, (steps, 1, features)) if time_major else given
    kernels, recurrent = ([gate_weights(c, (units, size)) for _ in range(4)] for size in (features, units))
    biases = [gate_bias(c, x, kernel, units) for kernel in kernels]
    h = c.value((1, units), c.value_scale(1 / 128, 1.0) if c.quantised else None)
    power = -c.integer(9, 15)
    cell = c.add(Tensor((1, units), "INT16", [2.0**power], [0]) if c.quantised else Tensor((1, units)))
    for state in (h, cell):
        c.keep(state)
    inputs = (x, *kernels, *recurrent, -1, -1, -1, *biases, -1, -1, h, cell, -1, -1, -1, -1)
    options = {"FusedActivationFunction": 4, "CellClip": c.choice(0.0, 0.5, 1.75, 10.0), "TimeMajor": time_major}
    y = c.like(h, (steps, 1, units) if time_major else (1, steps, units))
    turned = [Operator("RESHAPE", [given, c.integers(steps, 1, features)], [x])] if time_major else []
    return File(c.tensors, [*turned, Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options)], c.given, [y])


@case
def svdf(c: Case) -> File:
    """In int8 the state is int16, or int8; sums of int16 may leave 32 bits."""
    features, frames, units, rank = c.integer(1, 6), c.integer(1, 5), c.integer(1, 5), c.integer(1, 3)
    x = c.input((1, features))
    if not c.quantised:
        weights = [c.weights((units * rank, size), 0) for size in (features, frames)]
        bias = c.constant(c.rng.standard_normal(units).astype(np.float32))  # TFLM crashes where the bias is -1
        state, y = c.value((1, units * rank * frames)), c.value((1, units))
    else:
        kept = c.choice("INT16", "INT8")
        most = np.iinfo(kept.lower()).max
        first = c.scale(0.01)
        drawn = c.rng.integers(-127, 128, (units * rank, features)).astype(np.int8)
        weights = [c.add(Tensor.of(drawn, [first]))]
        drawn = c.rng.integers(-most, most + 1, (units * rank, frames)).astype(kept.lower())
        weights.append(c.add(Tensor.of(drawn, [c.scale(1 / most)])))
        within = c.scale(c.tensors[x].scale[0] * first * SPREAD * SPREAD * features**0.5 / most * 2, 2.0)
        state = c.add(Tensor((1, units * rank * frames), kept, [within], [0]))
        products = within * c.tensors[weights[1]].scale[0]
        bias = c.add(Tensor.of(c.rng.integers(-20000, 20000, units).astype(np.int32), [products]))
        y = c.value((1, units), c.scale(products * (most / 2) ** 2 * (rank * frames) ** 0.5 / 100, 2.0))
    c.keep(state)
    fused = c.choice(0, 1, 3) if not c.quantised else c.choice(0, 1) if c.tensors[y].zero_point[0] == -128 else 0
    return c.file("SVDF", (x, *weights, bias, state), y, Rank=rank, FusedActivationFunction=fused)
