"""States: values that a run of a network leaves to the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnc.ir.types import Array, Constant, ShapeError, TensorType, show

MOST_HELD = 2**15 - 1
"""Generated code counts the runs in a `short`."""


@dataclass(frozen=True)
class State:
    """A value that layers read, and that the end of a run gives its next value.

    All states change at once: whatever reads one during a run sees what the run
    before left.
    """

    name: str
    type: TensorType
    initial: Constant
    """Its value before the first run, in its element type: one number for all elements, or all of them.

    Equal elements are kept as one number, so that equal states compare equal."""
    next: str
    """The value of the network that it takes when a run ends."""
    held: int = 0
    """Runs from the first one on after which it is its initial value still."""

    def __post_init__(self) -> None:
        array = self.initial.array
        if array.dtype != self.type.dtype.numpy or self.initial.quant is not None:
            raise ShapeError(f"the state '{self.name}' is {self.type.dtype.value}, its initial value {array.dtype}")
        if array.shape not in ((), self.type.shape):
            raise ShapeError(f"the state '{self.name}' is {self.type}, its initial value {show(array.shape)}")
        if not 0 <= self.held <= MOST_HELD:
            raise ShapeError(f"the state '{self.name}' is held for {self.held} runs, which must be 0 to {MOST_HELD}")
        if self.type != self.type.inside:
            raise ShapeError(f"the state '{self.name}' is no input: it has one scale")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ShapeError(f"the initial value of the state '{self.name}' is not finite")
        stored = array.reshape(-1)
        if array.shape and (stored.view(f"V{array.itemsize}") == stored[:1].view(f"V{array.itemsize}")).all():
            object.__setattr__(self, "initial", Constant(stored[0]))

    @property
    def beginning(self) -> Array:
        """The initial value of every element."""
        return np.broadcast_to(self.initial.array, self.type.shape)
