"""Recurrent layers: one step after the other, with a state between them.

All of them read (steps, features).  The state is zero before the first step;
where `stateful`, it is what the run before left, and zero before the first
run (the samples of a batch count as runs one after the other).  With
`go_backwards` the last step is read first.  The output is (units,), that of
the step read last, or with `return_sequences` (steps, units), all of them in
the order in which they were read.  With `return_state` the state after the
last step follows as further outputs, each (units,).

With `initial_state` the vectors of the state before the first step are further
inputs, each (units,).  With `masked` the last input is (steps,): where it is 0
the state stays as it was, and so does the output.

In integers the weights are int8, a scale for each gate; the arguments of functions
are int16 of scale 2^-12, and their results int16 of scale 2^-15.  The functions are
tanh and sigmoid, and there is no mask.  The state h of a SimpleRNN or GRU is int16
of scale 2^-15, and only the output is narrower; that of an LSTM is stored as its output.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from mnc.ir.activations import Function, Sigmoid, Tanh
from mnc.ir.layer import Layer
from mnc.ir.layers.linear import expect_rank, expect_shape
from mnc.ir.types import Constant, DType, Quantisation, ShapeError, TensorType, show

CELL_SCALES = tuple(2.0**power for power in range(-15, 1))
"""Those that the cell of an LSTM in integers may have."""
STATE_SCALE = 2.0**-15
"""Of the state h of a SimpleRNN or a GRU in integers, which is int16 and lies between -1 and 1."""


@dataclass(frozen=True)
class Recurrent(Layer):
    """Base of the recurrent layers."""

    gates: ClassVar[int] = 1
    """How many blocks of `units` columns the weights have."""
    states: ClassVar[int] = 1
    """How many vectors the state consists of."""

    kernel: Constant
    """(features, gates * units)."""
    recurrent_kernel: Constant
    """(units, gates * units)."""
    bias: Constant | None = None
    """(gates * units,)."""
    activation: Function | None = Tanh()
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    initial_state: bool = False
    masked: bool = False

    arity: ClassVar[tuple[int, int | None]] = (1, None)

    @property
    def units(self) -> int:
        return self.recurrent_kernel.shape[0]

    @property
    def functions(self) -> tuple[Function | None, ...]:
        """The function of a step's result, then that of the gates where there are some."""
        return (self.activation,)

    @property
    def unfit(self) -> str | None:
        """The reason why a float layer has no form in integers; None where it has one."""
        if self.functions != (Tanh(), Sigmoid())[: len(self.functions)]:
            return "in integers has tanh and sigmoid for its functions"
        return "in integers has no mask" if self.masked else None

    def expect_bias(self) -> None:
        """ShapeError where the bias does not fit."""
        expect_shape("bias", self.bias, (self.gates * self.units,))

    def infer(self, *inputs: TensorType) -> TensorType:
        if self.output is not None and (unfit := self.unfit) is not None:
            raise ShapeError(f"the layer {unfit}")
        x, *more = inputs
        wanted = [(self.units,)] * (self.states if self.initial_state else 0) + [x.shape[:1]] * self.masked
        if [each.shape for each in more] != wanted:
            given, needed = (" and ".join(map(show, shapes)) or "none" for shapes in ([m.shape for m in more], wanted))
            raise ShapeError(f"its further inputs must be {needed}, not {given}")
        if self.stateful and self.initial_state:
            raise ShapeError("a state that is kept has no initial state")
        if x.rank != 2:
            raise ShapeError(f"needs a sequence (steps, features), not {x.rank} axes")
        expect_rank("kernel", self.kernel, 2)
        expect_rank("recurrent kernel", self.recurrent_kernel, 2)
        steps, features = x.shape
        width = self.gates * self.units
        if self.kernel.shape != (features, width):
            raise ShapeError(f"its kernel must be {show((features, width))}, not {show(self.kernel.shape)}")
        expect_shape("recurrent kernel", self.recurrent_kernel, (self.units, width))
        self.expect_bias()
        return TensorType((steps, self.units) if self.return_sequences else (self.units,), x.dtype)

    def state_types(self, output: TensorType) -> tuple[TensorType, ...]:
        """The types of the state's vectors, where the layer's output is of this type."""
        if self.output is None:
            return (TensorType((self.units,), output.dtype),) * self.states
        return (TensorType((self.units,), DType.INT16, Quantisation((STATE_SCALE,), 0)),)

    def outputs(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (output,) = super().outputs(*inputs)
        states = self.state_types(output)
        given = inputs[1 : 1 + self.states] if self.initial_state and self.output is not None else states
        for i, (expected, got) in enumerate(zip(states, given, strict=True)):
            if got != expected:
                raise ShapeError(f"in integers vector {i} of its initial state must be {expected}, not {got}")
        return (output, *states) if self.return_state else (output,)

    def macs(self, *inputs: TensorType) -> int:
        x = inputs[0]
        return x.shape[0] * (self.kernel.array.size + self.recurrent_kernel.array.size)


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """h = activation(x @ kernel + h @ recurrent_kernel + bias), for each step x.

    The output of a step is h, which is also the state.
    """


@dataclass(frozen=True)
class GRU(Recurrent):
    """h = z * h + (1 - z) * c, for each step x (arXiv 1406.1078).

    z = recurrent_activation(x @ Kz + h @ Rz + bz), the update gate;
    r = recurrent_activation(x @ Kr + h @ Rr + br), the reset gate;
    c = activation(x @ Kh + (r * h) @ Rh + bh), or where `reset_after`
    c = activation(x @ Kh + bh + r * (h @ Rh + dh)).
    K and R are the blocks of kernel and recurrent_kernel in the order z, r, h.
    With `reset_after` each gate has a second bias, d, added to its product
    with h.  The output of a step is h, which is also the state.
    """

    gates: ClassVar[int] = 3

    recurrent_activation: Function | None = Sigmoid()
    reset_after: bool = True
    """The bias is then (2, 3 * units): b, then d."""

    @property
    def functions(self) -> tuple[Function | None, ...]:
        return self.activation, self.recurrent_activation

    def expect_bias(self) -> None:
        width = 3 * self.units
        expect_shape("bias", self.bias, (2, width) if self.reset_after else (width,))


@dataclass(frozen=True)
class LSTM(Recurrent):
    """c = f * c + i * activation(x @ Kc + h @ Rc + bc); h = o * activation(c), for each step x.

    i, f, o = recurrent_activation(x @ K + h @ R + b), each with its blocks of
    kernel, recurrent_kernel and bias, whose order is i, f, c, o (Hochreiter
    and Schmidhuber 1997, with the forget gate of Gers 2000).  The output of a
    step is h; the state is h and c.  With `cell_clip` a new c is limited to
    -cell_clip and cell_clip.

    In integers h is stored as the output is, and c in int16 with the scale
    `cell_scale`, a power of two.
    """

    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2

    recurrent_activation: Function | None = Sigmoid()
    cell_clip: float | None = None
    cell_scale: float | None = None

    @property
    def functions(self) -> tuple[Function | None, ...]:
        return self.activation, self.recurrent_activation

    def infer(self, *inputs: TensorType) -> TensorType:
        if self.cell_clip is not None and not 0 < self.cell_clip < math.inf:
            raise ShapeError(f"its cell_clip must be a number above 0, not {self.cell_clip:g}")
        if (self.cell_scale is None) is not (self.output is None):
            raise ShapeError("cell_scale and output go together: they are of a layer in integers")
        if self.cell_scale is not None and self.cell_scale not in CELL_SCALES:
            raise ShapeError(f"its cell_scale must be a power of two between 2^-15 and 1, not {self.cell_scale:g}")
        return super().infer(*inputs)

    def state_types(self, output: TensorType) -> tuple[TensorType, ...]:
        if self.cell_scale is None:
            return super().state_types(output)
        h = TensorType((self.units,), output.dtype, output.quant)
        return h, TensorType(h.shape, DType.INT16, Quantisation((self.cell_scale,), 0))
