"""The base of the layer kinds whose outputs are sums of weighted inputs."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import numpy as np

from mnc.ir.activations import Function
from mnc.ir.layer import Layer
from mnc.ir.types import Array, Constant, Quantisation, ShapeError, show

L = TypeVar("L", bound="Linear")


class Linear(Layer):
    """Each output is activation(bias + the sum of inputs times weights); no bias is a bias of 0.

    Channels come in groups: at every tap of the window, output channel
    g * group_outputs + o sees the input channels g * group_inputs + i of its own
    group g.  Only `as_matrix` and `from_matrix` know the axes of a kind's weights.
    """

    weights: Constant
    bias: Constant | None
    """(filters,)."""
    activation: Function | None

    channel_axis: ClassVar[int] = 3
    """The axis of the weights to which a scale for each output channel belongs."""

    @property
    def taps(self) -> int:
        """Places of the window: its height times its width."""
        return self.weights.shape[0] * self.weights.shape[1]

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return 1

    @property
    def group_inputs(self) -> int:
        """Input channels of a group."""
        return self.weights.shape[2]

    @property
    def group_outputs(self) -> int:
        """Output channels of a group."""
        return self.filters // self.groups

    @property
    def filters(self) -> int:
        """Output channels of all groups."""
        return self.weights.shape[3]

    @property
    def is_padded(self) -> bool:
        """Whether some outputs are made of fewer inputs than the window has taps for."""
        return False

    def as_matrix(self) -> Array:
        """The weights as (groups, taps, group inputs, group outputs), in their own dtype."""
        matrix = self.weights.array.reshape(self.taps, self.group_inputs, self.groups, self.group_outputs)
        return np.asarray(matrix.transpose(2, 0, 1, 3))

    def from_matrix(self, matrix: Array) -> Array:
        """Weights of any dtype, given as `as_matrix` has them and of any number of channels, as this kind has them."""
        groups, _, inputs, outputs = matrix.shape
        return np.asarray(matrix.transpose(1, 2, 0, 3).reshape(*self.weights.shape[:-2], inputs, groups * outputs))

    def with_matrix(self: L, matrix: Array, bias: Constant | None, quant: Quantisation | None = None) -> L:
        """The layer with other weights, (groups, taps, group inputs, group outputs), and another bias."""
        return self.changed(weights=Constant(self.from_matrix(matrix), quant), bias=bias)


def expect_rank(what: str, constant: Constant, rank: int) -> None:
    """ShapeError unless the constant has `rank` axes."""
    if len(constant.shape) != rank:
        raise ShapeError(f"its {what} must have {rank} axes, not {show(constant.shape)}")


def expect_shape(what: str, constant: Constant | None, shape: tuple[int, ...]) -> None:
    """ShapeError unless the constant is absent or has exactly this shape."""
    if constant is not None and constant.shape != shape:
        raise ShapeError(f"its {what} must be {show(shape)}, not {show(constant.shape)}")
