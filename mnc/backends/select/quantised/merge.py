"""Kernels for int8 layers that combine values element by element."""

from __future__ import annotations

from mnc.backends.select.elementwise import Walk
from mnc.backends.select.quantised.activation import tabulated
from mnc.backends.select.quantised.requantise import call, is_plain, limits, operands, pair, quant, rescaling
from mnc.backends.select.site import Refusal, Site
from mnc.ir.layers import Add, Maximum, Merge, Minimum, Multiply, Subtract
from mnc.ir.types import DType
from mnc.program import Argument, Step
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import add_multipliers


def is_function(site: Site[Merge]) -> bool:
    """Whether all that the layer combines one int8 with is one number."""
    constant, (x, *others) = site.layer.operand, site.inputs
    return constant is not None and not others and constant.array.size == 1 and x.type.dtype is DType.INT8


def add(site: Site[Add | Subtract]) -> Step | Refusal:
    """A sum or a difference of two values of any scales."""
    if is_function(site):
        return tabulated(site)
    minus = isinstance(site.layer, Subtract)
    *scaled, total = add_multipliers(operands(site))
    plain = all(is_plain(*each) for each in (*scaled, total)) and total[1] < 0
    walk = Walk.of(site)
    if isinstance(walk, Refusal):
        return walk
    a, b = walk.place(0), walk.place(1)
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "sign": -1 if minus else 1,
        "reverse": int(walk.turned),
        "a_zero": quant(site, a).zero_point,
        **pair("a_", scaled[a]),
        "b_zero": quant(site, b).zero_point,
        **pair("b_", scaled[b]),
        **pair("", total),
        "general": int(not plain),
        **limits(site, site.layer.activation),
    }
    return walk.step(site, [call(site, "add", arguments)])


def multiply(site: Site[Multiply]) -> Step | Refusal:
    """A product of two values of any scales."""
    if is_function(site):
        return tabulated(site)
    real = quant(site).scale[0] * quant(site, 1).scale[0] / operands(site).scale
    walk = Walk.of(site)
    if isinstance(walk, Refusal):
        return walk
    arguments: dict[str, Argument] = {
        **walk.operands(1),
        "a_zero": quant(site, walk.place(0)).zero_point,
        "b_zero": quant(site, walk.place(1)).zero_point,
        **pair("", quantise_multiplier(real)),
        **limits(site, site.layer.activation),
    }
    return walk.step(site, [call(site, "multiply", arguments)])


def extreme(site: Site[Maximum | Minimum]) -> Step | Refusal:
    """The largest or the smallest of several values, each brought to the output's scale where it is on another."""
    if is_function(site):
        return tabulated(site)
    walk = Walk.of(site)
    if isinstance(walk, Refusal):
        return walk
    calls = [
        call(
            site,
            "extreme",
            {
                **walk.operands(i),
                "smaller": int(isinstance(site.layer, Minimum)),
                **_operand(site, "a_", walk.place(0) if i == 1 else None),
                **_operand(site, "b_", walk.place(i)),
                **limits(site, site.layer.activation),
            },
        )
        for i in range(1, len(walk.sources))
    ]
    return walk.step(site, calls)


def _operand(site: Site[Maximum | Minimum], prefix: str, read: int | None) -> dict[str, Argument]:
    """How an operand comes to the output's scale; None: it is the output itself."""
    if read is None or quant(site, read) == site.output.type.quant:
        return {f"{prefix}scaled": 0, f"{prefix}zero": 0, **pair(prefix, (0, 0))}
    zero, multiplier, shift = rescaling(site, read)
    return {f"{prefix}scaled": 1, f"{prefix}zero": zero, **pair(prefix, (multiplier, shift))}
