"""Kernels for functions of single int16 values, and for softmax."""

from __future__ import annotations

import math

from mnc.backends.program import Argument, Call, Const, In, Out, Step
from mnc.backends.select.quantised.requantise import limits, operands, pair, quant
from mnc.backends.select.site import Site
from mnc.ir.activations import Relu, Sigmoid
from mnc.ir.layers import Activation, Softmax
from mnc.ir.types import Constant, DType
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import softmax16_multiplier


def activation(site: Site[Activation]) -> Step:
    """A ReLU by multipliers, logistic function and hyperbolic tangent by a table."""
    function, given = site.layer.function, quant(site).scale[0]
    arguments: dict[str, Argument] = {"in": In(), "out": Out(), "count": site.output.type.elements}
    if isinstance(function, Relu):
        return _slopes(site, function)
    if isinstance(function, Sigmoid):
        kernel, factor = "mnc_logistic_s16", tables.logistic_multiplier(given)
    else:
        kernel, factor = "mnc_tanh_s16", tables.tanh_multiplier(given)
    table = Constant((tables.LOGISTIC - 2**15).astype(DType.INT16.numpy))
    call = Call(kernel, {**arguments, **pair("", factor), "table": Const("table")})
    return site.whole((call,), {"table": table}, in_place=True)


def _slopes(site: Site[Activation], function: Relu) -> Step:
    ratio = quant(site).scale[0] / operands(site).scale
    bounds = limits(site, function if function.is_clamp else None)
    call = Call(
        "mnc_slopes_s16",
        {
            "in": In(),
            "out": Out(),
            "count": site.output.type.elements,
            **pair("", quantise_multiplier(ratio)),
            "sign": -1 if function.negative_slope < 0 else 1,
            **pair("below_", quantise_multiplier(ratio * abs(function.negative_slope))),
            "low": bounds["low"],
            "high": bounds["high"],
        },
    )
    return site.whole((call,), in_place=True)


def softmax(site: Site[Softmax]) -> Step:
    """Softmax along any axis, by tables of the exponential function and of reciprocals."""
    shape = site.output.type.shape
    axis = site.layer.axis % len(shape)
    call = Call(
        "mnc_softmax_s16",
        {
            "in": In(),
            "out": Out(),
            "vectors": math.prod(shape[:axis]),
            "count": shape[axis],
            "stride": math.prod(shape[axis + 1 :]),
            **pair("", softmax16_multiplier(quant(site).scale[0])),
            "powers": Const("powers"),
            "reciprocals": Const("reciprocals"),
        },
    )
    constants = {"powers": tables.EXP, "reciprocals": tables.RECIPROCAL}
    narrowed = {name: Constant(table.astype(DType.INT16.numpy)) for name, table in constants.items()}
    return site.whole((call,), narrowed, in_place=True)
