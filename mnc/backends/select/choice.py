"""Kernels for comparisons, and for the choice between two values."""

from __future__ import annotations

import numpy as np

from mnc.backends.select.activation import over
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.elementwise import Walk
from mnc.ir.layers import Comparison, Where
from mnc.names import snake
from mnc.program import Argument, Call, In, Name, Out, Step
from mnc.reference.activations import activate


def comparison(context: Context[Comparison]) -> Step | Refusal:
    """Both numbers that a comparison may give are known, so its fused activation is applied to them here."""
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    yes, no = (float(activate(context.layer.activation, np.array(truth))) for truth in (1.0, 0.0))
    arguments = {**walk.operands(1), **relation(context, walk), "yes": yes, "no": no}
    return walk.step(context, [Call("mnc_compare_f32", arguments)])


def where(context: Context[Where]) -> Step | Refusal:
    """One call for all three operands, and one for a fused activation."""
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    function = context.layer.activation
    after = () if function is None else (over(function, Out(), context.output.type.elements),)
    return walk.step(context, [Call("mnc_where_f32", branches(walk))], after)


def relation(context: Context[Comparison], walk: Walk) -> dict[str, Argument]:
    """A kernel's arguments for what is compared with what."""
    name = f"MNC_{snake(type(context.layer).__name__).upper()}"
    return {"relation": Name(name), "reverse": int(walk.turned)}


def branches(walk: Walk) -> dict[str, Argument]:
    """A kernel's arguments for the condition and both branches; a constant one is the second here."""
    return {
        **walk.operands(2),
        "a": In(1, stride=walk.steps[2]),
        **walk.inside.moved(2, "a_row", "a_pixel", "a_channel"),
        "condition": In(0, stride=walk.steps[1]),
        **walk.inside.moved(1, "condition_row", "condition_pixel", "condition_channel"),
        "reverse": int(walk.turned),
    }
