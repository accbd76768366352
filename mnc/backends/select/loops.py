"""Nested loops over the elements of several operands: as few as visit them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnc.ir.types import Shape
from mnc.program import Argument, Value, dense

DEEPEST = 4
"""A kernel of three nested loops, and the repetitions of the step round it; values of up to four axes need no more."""


@dataclass(frozen=True)
class Loops:
    """Sizes from the outermost loop inwards, and for each operand how far it moves in each."""

    sizes: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    @property
    def depth(self) -> int:
        """How many loops there are."""
        return len(self.sizes)

    def sized(self, *names: str) -> dict[str, Argument]:
        """Kernel arguments of these names for the sizes, outermost first; where names are more than loops, 1."""
        assert self.depth <= len(names)
        return dict(zip(names, (1,) * (len(names) - self.depth) + self.sizes, strict=True))

    def moved(self, operand: int, *names: str) -> dict[str, Argument]:
        """Likewise for the strides of one operand; where names are more than loops, 0."""
        assert self.depth <= len(names)
        return dict(zip(names, (0,) * (len(names) - self.depth) + self.strides[operand], strict=True))

    def around(self, inside: Loops) -> Loops:
        """These loops with others of the same operands inside them."""
        strides = (outer + inner for outer, inner in zip(self.strides, inside.strides, strict=True))
        return Loops(self.sizes + inside.sizes, tuple(strides))

    def of(self, *operands: int) -> Loops:
        """The loops as they go through these of their operands."""
        return Loops(self.sizes, tuple(self.strides[operand] for operand in operands))

    @property
    def ascend(self) -> bool:
        """Whether they visit the elements of the first operand in the order of its memory, each once."""
        reach = 0
        for size, stride in reversed(list(zip(self.sizes, self.strides[0], strict=True))):
            if size > 1 and stride <= reach:
                return False
            reach += (size - 1) * stride
        return True

    @property
    def too_deep(self) -> bool:
        """Whether they are more than a kernel of three and the rows round it make."""
        return self.depth > DEEPEST

    def rows(self, depth: int) -> tuple[int, tuple[int, ...], Loops]:
        """Size and strides of a loop more than `depth`, for the rows of a step, and the loops inside it."""
        if self.depth <= depth:
            return 1, (0,) * len(self.strides), self
        assert self.depth == depth + 1
        inside = Loops(self.sizes[1:], tuple(own[1:] for own in self.strides))
        return self.sizes[0], tuple(own[0] for own in self.strides), inside


def loops(shape: Sequence[int], *operands: Sequence[int]) -> Loops:
    """The loops that visit every index of `shape`, in the order of the first operand's memory.

    Each operand is its stride along each axis.  Axes of one element need no
    loop; neighbours become one loop where all operands pass from one to the
    next as from element to element.
    """
    axes = sorted((axis for axis, size in enumerate(shape) if size > 1), key=lambda axis: -abs(operands[0][axis]))
    sizes: list[int] = []
    moves: list[tuple[int, ...]] = []
    for axis in axes:
        size, steps = shape[axis], tuple(own[axis] for own in operands)
        if sizes and moves[-1] == tuple(size * step for step in steps):
            sizes[-1] *= size
            moves[-1] = steps
        else:
            sizes.append(size)
            moves.append(steps)
    return Loops(tuple(sizes), tuple(tuple(step[i] for step in moves) for i in range(len(operands))))


def flat(count: int, operands: int = 2) -> Loops:
    """The loop over all elements of operands that lie alike."""
    return Loops((count,), ((1,),) * operands)


def repeated(x: Value, rank: int) -> tuple[int, ...]:
    """The strides of an operand along `rank` axes: 0 along each axis on which it is repeated."""
    return _repeated(x.type.shape, x.strides, rank)


def repeated_constant(shape: Shape, rank: int) -> tuple[int, ...]:
    """The strides of a row-major constant along `rank` axes: 0 along each axis on which it is repeated."""
    return _repeated(shape, dense(shape), rank)


def _repeated(shape: Shape, strides: Sequence[int], rank: int) -> tuple[int, ...]:
    own = (stride if size > 1 else 0 for stride, size in zip(strides, shape, strict=True))
    return (0,) * (rank - len(shape)) + tuple(own)
