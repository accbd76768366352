"""The inputs of a model, as its file describes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnc.errors import Problem, refuse
from mnc.ir.types import Shape
from mnc.names import brief

FIXED_SHAPE = (
    "rebuild the model with a fixed input shape, for instance keras.Input((96, 96, 3)), and load the weights into it"
)

PLAIN = r"[\w.,=/:-]{1,60}"
"""Words that mean themselves in a shell."""


@dataclass(frozen=True)
class InputSpec:
    """One input of a model."""

    where: str
    name: str
    sizes: tuple[int | None, ...] | None
    """The axes behind the batch, as Keras sees them; None where the file does not say."""
    fault: Problem | None
    """Why it cannot be an input of the whole network."""

    def takes(self, shape: Shape) -> bool:
        """Whether a value of this shape fits; an axis that is open in the file fits any."""
        if self.sizes is None:
            return True
        return len(self.sizes) == len(shape) and all(
            given in (None, size) for given, size in zip(self.sizes, shape, strict=True)
        )

    def of_shape(self, shape: Shape | None) -> InputSpec:
        """The input with this shape, or as it is; CompileError where the file says otherwise."""
        if shape is None:
            return self
        if not self.takes(shape):
            what = f"input {brief(self.name)} is {shown_sizes(self.sizes or ())} in the file, not {shown_sizes(shape)}"
            raise refuse(self.where, what, "name a shape that differs in open axes (?) alone")
        return replace(self, sizes=shape, fault=None)


def input_spec(where: str, name: str, stated: object) -> InputSpec:
    """An input from its shape as the file states it, batch included."""

    def refused(what: str) -> Problem:
        return Problem(where, f"input {brief(name)} {what}", (FIXED_SHAPE,))

    if not isinstance(stated, list) or len(stated) < 2:
        return InputSpec(where, name, None, refused(f"must have a shape, not {brief(stated)}"))
    sizes = stated[1:]
    if not all(size is None or (type(size) is int and size > 0) for size in sizes):
        return InputSpec(where, name, None, refused(f"cannot have the shape {brief(sizes)}"))
    fault = None
    if None in sizes:
        what = f"input {brief(name)} has no fixed shape: {shown_sizes(sizes)}"
        example = ",".join("100" if size is None else brief(size) for size in sizes)
        fault = Problem(where, what, (option_for(name, example), FIXED_SHAPE))
    return InputSpec(where, name, tuple(sizes), fault)


def unknown_input(where: str, name: str) -> InputSpec:
    """An input of whose shape the file says nothing."""
    what = f"the shape of input {brief(name)} is unknown"
    return InputSpec(where, name, None, Problem(where, what, (option_for(name, "96,96,3"), FIXED_SHAPE)))


def option_for(name: str, sizes: str) -> str:
    """The way out by an option, in words that a shell takes."""
    word = f"{name}={sizes}"
    return f"give it one: --input-shape {word if re.fullmatch(PLAIN, word) else brief(word)}"


def shown_sizes(sizes: Sequence[int | None]) -> str:
    """A shape, with question marks for open axes."""
    return f"({', '.join('?' if size is None else brief(size) for size in sizes)})"
