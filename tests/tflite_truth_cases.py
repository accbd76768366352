"""Networks of one TFLite operator that gives or reads true and false, drawn by hypothesis, in every type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tflite_drawing import Case, Maker, case, image
from tflite_files import File, Operator, Tensor


def whole(c: Case, x: int, operators: list[Operator]) -> int:
    """Whole numbers in float32, where equal ones are frequent; integers as they are."""
    if c.quantised:
        return x
    y = c.like(x, c.tensors[x].shape)
    operators.append(Operator("FLOOR", [x], [y]))
    return y


def repeated(c: Case, shape: Sequence[int]) -> list[int]:
    """A shape that is repeated along some axes of this one, and may lack the first."""
    axes = [n if c.integer(0, 3) else 1 for n in shape]
    front = c.integer(0, len(shape) - 1) if all(n == 1 for n in shape[:1]) and c.choice(True, False) else 0
    return axes[front:] if all(n == 1 for n in shape[:front]) else axes


def truth(c: Case, shape: Sequence[int]) -> int:
    return c.add(Tensor(tuple(shape), "BOOL"))


def mask(c: Case, shape: Sequence[int]) -> int:
    """True and false as an input of the network."""
    index = truth(c, (1, *shape[1:]))
    c.given.append(index)
    return index


def read(c: Case, condition: int, operators: list[Operator]) -> File:
    """True and false given out by the network, as numbers, or in a choice between two values."""
    shape = c.tensors[condition].shape
    end = c.choice("given", "cast", "turned", "chosen")
    if end == "given":
        return File(c.tensors, operators, c.given, [condition])
    if end == "cast":
        y = c.add(Tensor(shape))
        return File(c.tensors, [*operators, Operator("CAST", [condition], [y])], c.given, [y])
    if end == "turned":
        flat = truth(c, (1, int(np.prod(shape))))
        rest = Operator("RESHAPE", [condition, c.integers(*c.tensors[flat].shape)], [flat])
        return File(c.tensors, [*operators, rest], c.given, [flat])
    y = c.value(shape)
    a, b = (c.operand(shape, like=y if c.quantised else None) for _ in range(2))
    return File(c.tensors, [*operators, Operator("SELECT_V2", [condition, a, b], [y])], c.given, [y])


def comparison(kind: str) -> Maker:
    def make(c: Case) -> File:
        shape = image(c)[: c.integer(2, 4)]
        operators: list[Operator] = []
        x = whole(c, c.input(shape), operators)
        if c.choice(True, False):
            b = c.operand(repeated(c, shape), like=c.choice(None, x) if c.quantised else None)
            if not c.quantised:
                array = c.tensors[b].data
                assert array is not None
                c.tensors[b] = replace(c.tensors[b], data=np.floor(3 * array))
        else:
            b = c.like(x, [1, *repeated(c, shape)[-len(shape) + 1 :]]) if c.choice(True, False) else c.value(shape)
            c.given.append(b)
            b = whole(c, b, operators)
        y = truth(c, shape)
        operators.append(Operator(kind, c.choice((x, b), (b, x)), [y]))
        return read(c, y, operators)

    make.__name__ = kind.lower()
    return make


for _kind in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"):
    case(comparison(_kind))


def compared(c: Case, shape: Sequence[int], operators: list[Operator]) -> int:
    """Whether numbers are above a constant."""
    x = c.input(shape)
    y = truth(c, shape)
    operators.append(Operator("GREATER", [x, c.operand((1,), like=x if c.quantised else None)], [y]))
    return y


def logical(kind: str) -> Maker:
    def make(c: Case) -> File:
        shape = image(c)[: c.integer(2, 4)]
        operators: list[Operator] = []
        form = c.choice("mask", "compared", "constant", "mixed")
        a = mask(c, shape) if form in ("mask", "mixed") else compared(c, shape, operators)
        if form == "constant":
            b = c.constant(c.rng.integers(0, 2, repeated(c, shape)).astype(np.bool_))
        else:
            b = mask(c, shape) if form == "mask" else compared(c, shape, operators)
        y = truth(c, shape)
        operators.append(Operator(kind, c.choice((a, b), (b, a)), [y]))
        return read(c, y, operators)

    make.__name__ = kind.lower()
    return make


case(logical("LOGICAL_AND"))
case(logical("LOGICAL_OR"))


@case
def logical_not(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    operators: list[Operator] = []
    x = mask(c, shape) if c.choice(True, False) else compared(c, shape, operators)
    y = truth(c, shape)
    return read(c, y, [*operators, Operator("LOGICAL_NOT", [x], [y])])


@case
def reduce_all(c: Case) -> File:
    shape = image(c)[: c.integer(2, 4)]
    operators: list[Operator] = []
    x = mask(c, shape) if c.choice(True, False) else compared(c, shape, operators)
    axis = c.integer(1, len(shape) - 1)
    keep = c.choice(True, False)
    y = truth(c, [1 if i == axis else n for i, n in enumerate(shape) if keep or i != axis])
    operators.append(
        Operator("REDUCE_ALL", [x, c.integers(c.choice(axis, axis - len(shape)))], [y], {"KeepDims": keep})
    )
    return read(c, y, operators)


def choice(kind: str) -> Maker:
    def make(c: Case) -> File:
        shape = image(c)[: c.integer(2, 4)]
        operators: list[Operator] = []
        y = c.value(shape)
        is_mask = c.stored == "INT16" or c.choice(True, False)
        own = [1, *(repeated(c, shape)[-len(shape) + 1 :] if kind == "SELECT_V2" else shape[1:])]
        condition = mask(c, own) if is_mask else compared(c, own, operators)
        branches = []
        for _ in range(2):
            own = repeated(c, shape) if kind == "SELECT_V2" else list(shape)
            if c.choice(True, False):
                branches.append(c.operand(own, like=y if c.quantised else None))
            else:
                branches.append(c.like(y, [1, *own[-len(shape) + 1 :]]))
                c.given.append(branches[-1])
        shapes = [c.tensors[i].shape for i in (condition, *branches)]
        c.tensors[y] = replace(c.tensors[y], shape=np.broadcast_shapes(*shapes))
        return File(c.tensors, [*operators, Operator(kind, [condition, *branches], [y])], c.given, [y])

    make.__name__ = kind.lower()
    return make


case(choice("SELECT"))
case(choice("SELECT_V2"))

GIVING_TRUTHS = {
    "equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_not", "logical_or", "not_equal",
    "reduce_all",
}  # fmt: skip
"""The operators that are not computed on int16, nor the comparisons in front of them."""
NOT_CHOSEN_IN_TFLM = {"select"}
"""The operators that TensorFlow Lite Micro does not have."""
