"""The meaning of every layer, in NumPy.

Generated code, passes and backends are all compared with this.  Arrays have
the batch as their first axis, channels last, and the IR's element types.  A
layer computes in float64 and rounds its results once, so what is left of
rounding error is that of the values themselves.

    predict(graph, x)     the network's outputs
    predict_on(graph, x, states)  the outputs, and the states after the last sample
    evaluate(graph, x)    every value of the network, by name
    apply(layer, *x)      one layer
    activate(function, x) one activation function, in whatever precision x has

A new layer kind registers its meaning with `compute.register`, a new
activation function with `activate.register`.
"""

from __future__ import annotations

from mnc.reference import (
    choice,
    conv,
    elementwise,
    embedding,
    norm,
    pool,
    recurrent,
    reduce,
    resize,
    shape,
    transpose_conv,
)
from mnc.reference.activations import activate
from mnc.reference.dispatch import apply, compute
from mnc.reference.run import evaluate, predict, predict_on

__all__ = [
    "activate",
    "apply",
    "choice",
    "compute",
    "conv",
    "elementwise",
    "embedding",
    "evaluate",
    "norm",
    "pool",
    "predict",
    "predict_on",
    "recurrent",
    "reduce",
    "resize",
    "shape",
    "transpose_conv",
]
