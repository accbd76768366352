"""Kernels for layers that go element by element, and for softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnc.backends.select.activation import epilogue, over
from mnc.backends.select.loops import Loops, loops, repeated, repeated_constant
from mnc.backends.select.site import Site
from mnc.ir.layers import Activation, Add, Average, Maximum, Merge, Minimum, Multiply, PReLU, Softmax, Subtract
from mnc.program import Argument, Call, Const, In, Name, Out, Step

_OPERATIONS: dict[type[Merge], str] = {
    Add: "MNC_ADD",
    Average: "MNC_ADD",
    Subtract: "MNC_SUBTRACT",
    Multiply: "MNC_MULTIPLY",
    Maximum: "MNC_MAXIMUM",
    Minimum: "MNC_MINIMUM",
}


def activation(site: Site[Activation]) -> Step:
    """A function of every element; both operands have one layout."""
    return site.whole((over(site.layer.function, In(), site.output.type.elements),), in_place=True)


def merge(site: Site[Merge]) -> Step:
    """The first two inputs into the output, then each further one onto it."""
    count = site.output.type.elements
    walk = Walk.of(site)
    fused, after = epilogue(site.layer.activation, count)
    plain, _ = epilogue(None, count)
    last = len(site.inputs) - 1
    calls = [
        Call(
            "mnc_merge_f32",
            {
                **walk.operands(i),
                "operation": Name(_OPERATIONS[type(site.layer)]),
                "factor": 1.0 / len(site.inputs) if i == last and isinstance(site.layer, Average) else 1.0,
                **(fused if i == last else plain),
            },
        )
        for i in range(1, len(site.inputs))
    ]
    return replace(walk.step(site, calls), after=after)


@dataclass(frozen=True)
class Walk:
    """The loops of a merge through its output and its inputs."""

    rows: int
    steps: tuple[int, ...]
    """How far the output, then each input, moves from one of the rows to the next."""
    inside: Loops
    in_place: bool

    @classmethod
    def of(cls, site: Site[Merge]) -> Walk:
        """Those of a layer with any broadcasting."""
        y = site.output
        operands = [repeated(x, y.type.rank) for x in (y, *site.inputs)]
        rows, steps, inside = loops(y.type.shape, *operands).rows(3)
        large = (own for own, x in zip(operands[1:], site.inputs, strict=True) if x.type.elements == y.type.elements)
        alike = all(own == operands[0] for own in large)
        # With three inputs or more the output is written before the last is read.
        return cls(rows, steps, inside, alike and len(site.inputs) == 2 and rows == 1)

    def operands(self, i: int) -> dict[str, Argument]:
        """A kernel's arguments for the call that combines input `i`, from 1 on, with those before it."""
        out = Out(stride=self.steps[0])
        return {
            "a": In(0, stride=self.steps[1]) if i == 1 else out,
            "b": In(i, stride=self.steps[i + 1]),
            "out": out,
            **self.inside.sized("rows", "pixels", "channels"),
            **self.inside.moved(1 if i == 1 else 0, "a_row", "a_pixel", "a_channel"),
            **self.inside.moved(i + 1, "b_row", "b_pixel", "b_channel"),
            **self.inside.moved(0, "out_row", "out_pixel", "out_channel"),
        }

    def step(self, site: Site[Merge], calls: Sequence[Call]) -> Step:
        """The step that makes these calls on each of the rows."""
        return replace(site.whole(tuple(calls), in_place=self.in_place), rows=self.rows)


def prelu(site: Site[PReLU]) -> Step:
    """A slope of its own for each element below 0, or for each index of the axes that do not share one."""
    y = site.output
    alpha = site.layer.alpha
    rows, (step, alpha_step), inside = loops(y.type.shape, y.strides, repeated_constant(alpha.shape, y.type.rank)).rows(
        3
    )
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
    return replace(site.whole((call,), {"alpha": alpha}, in_place=rows == 1), rows=rows)


def softmax(site: Site[Softmax]) -> Step:
    """Softmax along the last axis of one vector, or row by row along any axis."""
    arguments = vectors(site)
    # Vectors that interleave are not worked on in the order of memory.
    return site.whole((Call("mnc_softmax_f32", arguments),), in_place=arguments["stride"] == 1)


def vectors(site: Site[Softmax]) -> dict[str, Argument]:
    """A kernel's arguments for the vectors along the layer's axis: `vectors` times `stride` of `count` elements."""
    shape = site.output.type.shape
    axis = site.layer.axis % len(shape)
    return {
        "in": In(),
        "out": Out(),
        "vectors": math.prod(shape[:axis]),
        "count": shape[axis],
        "stride": math.prod(shape[axis + 1 :]),
    }
