"""Kernels for layers that go element by element, and for softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnc.backends.select.activation import epilogue, over
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.loops import DEEPEST, Loops, flat, loops, repeated, repeated_constant
from mnc.ir.layers import (
    Activation,
    Add,
    Average,
    Divide,
    FloorDivide,
    FloorMod,
    LogSoftmax,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    PReLU,
    Softmax,
    Sparsemax,
    SquaredDifference,
    Subtract,
)
from mnc.names import snake
from mnc.program import Argument, Call, Const, In, Name, Out, Step

_OPERATIONS: dict[type[Merge], str] = {
    Add: "MNC_ADD",
    Average: "MNC_ADD",
    Subtract: "MNC_SUBTRACT",
    Multiply: "MNC_MULTIPLY",
    Maximum: "MNC_MAXIMUM",
    Minimum: "MNC_MINIMUM",
    Divide: "MNC_DIVIDE",
    SquaredDifference: "MNC_SQUARED_DIFFERENCE",
}

AlongAxis = Softmax | LogSoftmax | Sparsemax


def activation(context: Context[Activation]) -> Step:
    """A function of every element; both operands have one layout."""
    count = context.output.type.elements
    return context.whole((over(context.layer.function, In(), count),), nest=flat(count))


def merge(context: Context[Merge]) -> Step | Refusal:
    """The first two inputs into the output, then each further one onto it."""
    count = context.output.type.elements
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    fused, after = epilogue(context.layer.activation, count)
    plain, _ = epilogue(None, count)
    last = len(walk.sources) - 1
    calls = [
        Call(
            "mnc_merge_f32",
            {
                **walk.operands(i),
                "operation": Name(_OPERATIONS[type(context.layer)]),
                "reverse": int(walk.turned),
                "factor": 1.0 / len(walk.sources) if i == last and isinstance(context.layer, Average) else 1.0,
                **(fused if i == last else plain),
            },
        )
        for i in range(1, len(walk.sources))
    ]
    return walk.step(context, calls, after)


def floored(context: Context[FloorDivide | FloorMod]) -> Step | Refusal:
    """A quotient that is rounded down, or what remains."""
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    fused, after = epilogue(context.layer.activation, context.output.type.elements)
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "remainder": int(isinstance(context.layer, FloorMod)),
        "reverse": int(walk.turned),
        **fused,
    }
    return walk.step(context, [Call("mnc_floor_merge_f32", arguments)], after)


@dataclass(frozen=True)
class Walk:
    """The loops of a merge through its output and its operands, the inputs before the constant."""

    sources: tuple[In | Const, ...]
    turned: bool
    """Whether the constant, which is the last here, is the first of the layer's two."""
    rows: int
    steps: tuple[int, ...]
    """How far the output, then each operand, moves from one of the rows to the next."""
    inside: Loops

    @classmethod
    def of(cls, context: Context[Merge]) -> Walk | Refusal:
        """The loops of a layer with any broadcasting."""
        y, constant = context.output, context.layer.operand
        sources: list[In | Const] = [In(i) for i in range(len(context.inputs))]
        strides = [repeated(x, y.type.rank) for x in (y, *context.inputs)]
        if constant is not None:
            sources.append(Const("operand"))
            strides.append(repeated_constant(constant.shape, y.type.rank))
        nest = loops(y.type.shape, *strides)
        if nest.too_deep:
            kind = type(context.layer).__name__
            return Refusal(f"{kind} broadcasts along at most {DEEPEST} axes in turn, not {nest.depth}")
        return cls(tuple(sources), constant is not None and context.layer.operand_first, *nest.rows(3))

    def place(self, i: int) -> int:
        """Where operand `i` stands among those of the layer."""
        return (i + 1) % len(self.sources) if self.turned else i

    def operands(self, i: int) -> dict[str, Argument]:
        """A kernel's arguments for the call that combines operand `i`, from 1 on, with those before it."""
        out, b = Out(stride=self.steps[0]), self.sources[i]
        return {
            "a": In(0, stride=self.steps[1]) if i == 1 else out,
            "b": replace(b, stride=self.steps[i + 1]),
            "b_in_flash": int(isinstance(b, Const)),
            "out": out,
            **self.inside.sized("rows", "pixels", "channels"),
            **self.inside.moved(1 if i == 1 else 0, "a_row", "a_pixel", "a_channel"),
            **self.inside.moved(i + 1, "b_row", "b_pixel", "b_channel"),
            **self.inside.moved(0, "out_row", "out_pixel", "out_channel"),
        }

    def step(self, context: Context[Merge], calls: Sequence[Call], after: tuple[Call, ...] = ()) -> Step:
        """The step that makes these calls on each of the rows."""
        constant = context.layer.operand
        constants = {} if constant is None else {"operand": constant}
        inside = self.inside.of(*range(1 + len(context.inputs)))
        return context.whole(tuple(calls), constants, inside, self.rows, after=after)


def prelu(context: Context[PReLU]) -> Step | Refusal:
    """A slope of its own for each element below 0, or for each index of the axes that do not share one."""
    alpha = context.layer.alpha
    nest = slopes(context)
    if nest.too_deep:
        return unshared(nest)
    rows, (step, alpha_step), inside = nest.rows(3)
    call = Call(
        "mnc_prelu_f32",
        {
            "in": In(stride=step),
            "out": Out(stride=step),
            "alpha": Const("alpha", stride=alpha_step),
            **inside.sized("rows", "pixels", "channels"),
            **inside.moved(0, "row", "pixel", "channel"),
            **inside.moved(1, "alpha_row", "alpha_pixel", "alpha_channel"),
        },
    )
    return context.whole((call,), {"alpha": alpha}, inside.of(0, 0), rows)


def slopes(context: Context[PReLU]) -> Loops:
    """The loops through the output and through alpha."""
    y = context.output.type
    return loops(y.shape, context.output.strides, repeated_constant(context.layer.alpha.shape, y.rank))


def unshared(nest: Loops) -> Refusal:
    """The refusal of a nest with more loops than any kernel has."""
    return Refusal(f"PReLU shares alpha along at most {DEEPEST} axes in turn, not {nest.depth}")


def softmax(context: Context[AlongAxis]) -> Step:
    """Softmax, its logarithm or sparsemax along any axis; each kernel is called like its layer kind."""
    nest = vectors(context)
    return context.whole((Call(f"mnc_{snake(type(context.layer).__name__)}_f32", along(nest)),), nest=nest)


def vectors(context: Context[AlongAxis]) -> Loops:
    """The two loops over the vectors along the layer's axis, and the loop through a vector."""
    shape = context.output.type.shape
    axis = context.layer.axis % len(shape)
    stride, count = math.prod(shape[axis + 1 :]), shape[axis]
    return Loops((math.prod(shape[:axis]), stride, count), ((stride * count, 1, stride),) * 2)


def along(nest: Loops) -> dict[str, Argument]:
    """A kernel's arguments for these loops."""
    return {"in": In(), "out": Out(), **nest.sized("vectors", "stride", "count")}
