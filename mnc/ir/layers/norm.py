"""Normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.ir.layer import Layer
from mnc.ir.layers.linear import expect_shape
from mnc.ir.types import Array, Constant, Shape, ShapeError, TensorType


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


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """out = gamma * (in - mean) / sqrt(variance + epsilon) + beta, the statistics taken over `axes` of the input.

    mean and variance (divided by the number of elements) are those of each
    slice along `axes` (arXiv 1607.06450); gamma and beta have one value for
    each place in such a slice.
    """

    gamma: Constant | None = None
    """(size of each of `axes`); None: 1."""
    beta: Constant | None = None
    """Like gamma; None: 0."""
    axes: tuple[int, ...] = (-1,)
    """Among the axes without batch, ascending; negative counts from the last."""
    epsilon: float = 1e-3

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        sizes = _sizes(x, self.axes)
        expect_shape("gamma", self.gamma, sizes)
        expect_shape("beta", self.beta, sizes)
        return TensorType(x.shape, x.dtype)


@dataclass(frozen=True)
class GroupNormalization(Layer):
    """out = gamma * (in - mean) / sqrt(variance + epsilon) + beta, the statistics taken over groups of channels.

    The last axis is cut into `groups` groups of equally many channels; mean
    and variance (divided by the number of elements) are those of a group's
    channels together, over all other axes (arXiv 1803.08494).
    """

    gamma: Constant | None = None
    """(channels,); None: 1."""
    beta: Constant | None = None
    """(channels,); None: 0."""
    groups: int = 32
    epsilon: float = 1e-3

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.rank < 1 or self.groups < 1 or x.shape[-1] % self.groups:
            raise ShapeError(f"{self.groups} groups must divide the last axis of {x}")
        expect_shape("gamma", self.gamma, (x.shape[-1],))
        expect_shape("beta", self.beta, (x.shape[-1],))
        return TensorType(x.shape, x.dtype)


@dataclass(frozen=True)
class UnitNormalization(Layer):
    """out = in / max(length, epsilon), the length being the square root of the sum of squares along `axes`."""

    axes: tuple[int, ...] = (-1,)
    """Among the axes without batch, ascending; negative counts from the last."""
    epsilon: float = 1e-12

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _sizes(x, self.axes)
        return TensorType(x.shape, x.dtype)


def _sizes(x: TensorType, axes: tuple[int, ...]) -> Shape:
    """The sizes of the axes; ShapeError unless they exist, each once and in ascending order."""
    if not axes or not all(-x.rank <= axis < x.rank for axis in axes):
        raise ShapeError(f"axes {axes} are not all among the {x.rank} axes of its input")
    places = [axis % x.rank for axis in axes]
    if sorted(set(places)) != places:
        raise ShapeError(f"axes {axes} must ascend")
    return tuple(x.shape[place] for place in places)
