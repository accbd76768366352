"""Looking up vectors by number."""

from __future__ import annotations

from dataclasses import dataclass

from mnc.ir.layer import Layer
from mnc.ir.layers.linear import expect_rank
from mnc.ir.types import Constant, TensorType


@dataclass(frozen=True)
class Embedding(Layer):
    """out[..., d] = weights[in[...], d].

    The input's numbers are indices: what is behind the point is dropped, and
    an index outside of the table counts as its first or last row.
    """

    weights: Constant
    """(vocabulary, dimensions)."""

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        expect_rank("weights", self.weights, 2)
        return TensorType((*x.shape, self.weights.shape[1]), x.dtype)
