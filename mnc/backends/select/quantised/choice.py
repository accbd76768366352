"""Kernels for comparisons in integers, and for the choice between two values."""

from __future__ import annotations

from mnc.backends.select.choice import branches, relation
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.elementwise import Walk
from mnc.backends.select.quantised.activation import tabulated
from mnc.backends.select.quantised.merge import brought, is_function
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.ir.layers import Comparison, Where
from mnc.program import Step
from mnc.reference.quantised.layers import comparison_multipliers, truths


def comparison(context: Context[Comparison]) -> Step | Refusal:
    """Of two values of any scales."""
    if is_function(context):
        return tabulated(context)
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    a, b = walk.place(0), walk.place(1)
    scaled = comparison_multipliers(operands(context))
    yes, no = truths(context.layer, operands(context))
    arguments = {
        **walk.operands(1),
        **relation(context, walk),
        "a_zero": quant(context, a).zero_point,
        **pair("a_", scaled[a]),
        "b_zero": quant(context, b).zero_point,
        **pair("b_", scaled[b]),
        "yes": yes,
        "no": no,
    }
    return walk.step(context, [call(context, "compare", arguments)])


def where(context: Context[Where]) -> Step | Refusal:
    """Each branch is brought to the output's scale where it is on another."""
    walk = Walk.of(context)
    if isinstance(walk, Refusal):
        return walk
    first, second = (2, 1) if walk.turned else (1, 2)
    arguments = {
        **branches(walk),
        "condition_zero": quant(context, 0).zero_point,
        **brought(context, "a_", first),
        **brought(context, "b_", second),
        **limits(context, context.layer.activation),
    }
    return walk.step(context, [call(context, "where", arguments)])
