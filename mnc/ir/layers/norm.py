"""Normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.ir.layer import Layer
from mnc.ir.layers.conv import expect_shape
from mnc.ir.types import Array, Constant, ShapeError, TensorType


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """out = gamma * (in - mean) / sqrt(variance + epsilon) + beta, one of each per index of `axis`.

    The statistics are those learnt in training (arXiv 1502.03167).
    """

    mean: Constant
    variance: Constant
    gamma: Constant | None = None
    """None: 1."""
    beta: Constant | None = None
    """None: 0."""
    epsilon: float = 1e-3
    axis: int = -1
    """Among the axes without batch; negative counts from the last."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"axis {self.axis} is not among the {x.rank} axes of its input")
        for what in ("mean", "variance", "gamma", "beta"):
            expect_shape(what, getattr(self, what), (x.shape[self.axis],))
        return TensorType(x.shape, x.dtype)

    def scale_and_offset(self) -> tuple[Array, Array]:
        """(a, b) in float64 such that out = a * in + b."""
        deviation = np.sqrt(self.variance.array.astype(np.float64) + self.epsilon)
        gamma = 1.0 if self.gamma is None else self.gamma.array.astype(np.float64)
        beta = 0.0 if self.beta is None else self.beta.array.astype(np.float64)
        scale = np.asarray(gamma / deviation)
        return scale, np.asarray(beta - self.mean.array.astype(np.float64) * scale)
