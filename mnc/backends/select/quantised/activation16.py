"""Kernels for functions of single int16 values, and for softmax."""

from __future__ import annotations

from mnc.backends.select.elementwise import along, vectors
from mnc.backends.select.loops import flat
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant
from mnc.backends.select.site import Site
from mnc.ir.activations import Relu, Sigmoid
from mnc.ir.layers import Activation, Softmax
from mnc.ir.types import Constant, DType
from mnc.program import Argument, Call, Const, In, Out, Step
from mnc.reference.quantised import tables
from mnc.reference.quantised.arithmetic import quantise_multiplier
from mnc.reference.quantised.layers import softmax16_multiplier


def activation(site: Site[Activation]) -> Step:
    """A ReLU by multipliers, logistic function and hyperbolic tangent by a table."""
    function, given = site.layer.function, quant(site).scale[0]
    nest = flat(site.output.type.elements)
    arguments: dict[str, Argument] = {"in": In(), "out": Out(), **nest.sized("count")}
    if isinstance(function, Relu):
        return site.whole((call(site, "slopes", {**arguments, **_slopes(site, function)}),), nest=nest)
    if isinstance(function, Sigmoid):
        kernel, factor = "logistic", tables.logistic_multiplier(given)
    else:
        kernel, factor = "tanh", tables.tanh_multiplier(given)
    table = Constant((tables.LOGISTIC - 2**15).astype(DType.INT16.numpy))
    made = call(site, kernel, {**arguments, **pair("", factor), "table": Const("table")})
    return site.whole((made,), {"table": table}, nest)


def _slopes(site: Site[Activation], function: Relu) -> dict[str, Argument]:
    ratio = quant(site).scale[0] / operands(site).scale
    return {
        **pair("", quantise_multiplier(ratio)),
        "sign": -1 if function.negative_slope < 0 else 1,
        **pair("below_", quantise_multiplier(ratio * abs(function.negative_slope))),
        **limits(site, function if function.is_clamp else None),
    }


def softmax(site: Site[Softmax]) -> Step:
    """Softmax along any axis, by tables of the exponential function and of reciprocals."""
    nest = vectors(site)
    made = Call(
        "mnc_softmax_s16",
        {
            **along(nest),
            **pair("", softmax16_multiplier(quant(site).scale[0])),
            "powers": Const("powers"),
            "reciprocals": Const("reciprocals"),
        },
    )
    return site.whole((made,), softmax_tables(), nest)


def softmax_tables() -> dict[str, Constant]:
    """TensorFlow Lite Micro's tables for softmax."""
    values = {"powers": tables.EXP, "reciprocals": tables.RECIPROCAL}
    return {name: Constant(table.astype(DType.INT16.numpy)) for name, table in values.items()}
