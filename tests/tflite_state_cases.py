"""Networks of one TFLite operator that keeps a state, drawn by hypothesis."""

from __future__ import annotations

from tflite_drawing import Case, case
from tflite_files import File, Operator

KEPT = {"unidirectional_sequence_lstm"}
"""The operators of this module."""


@case
def unidirectional_sequence_lstm(c: Case) -> File:
    """The gates' weights, large enough that the cell is clipped now and then."""
    steps, features, units = c.integer(1, 6), c.integer(1, 5), c.integer(1, 9)
    time_major = c.choice(False, True)
    given = c.input((1, steps, features))
    x = c.like(given, (steps, 1, features)) if time_major else given
    kernels, recurrent = ([c.weights((units, size), 0) for _ in range(4)] for size in (features, units))
    biases = [c.bias(x, kernel, units, needed=True) for kernel in kernels]
    h = c.value((1, units))
    cell = c.value((1, units))
    for state in (h, cell):
        c.keep(state)
    inputs = (x, *kernels, *recurrent, -1, -1, -1, *biases, -1, -1, h, cell, -1, -1, -1, -1)
    options = {"FusedActivationFunction": 4, "CellClip": c.choice(0.0, 0.5, 1.75, 10.0), "TimeMajor": time_major}
    y = c.like(h, (steps, 1, units) if time_major else (1, steps, units))
    turned = [Operator("RESHAPE", [given, c.integers(steps, 1, features)], [x])] if time_major else []
    return File(c.tensors, [*turned, Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options)], c.given, [y])
