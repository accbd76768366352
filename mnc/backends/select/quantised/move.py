"""Kernels for int8 layers that move elements, and for those that change their scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mnc.backends.select import resize, shape
from mnc.backends.select.quantised.requantise import call, limits, operands, pair, quant, rescaling
from mnc.backends.select.site import Site
from mnc.ir.layer import Layer
from mnc.ir.layers import Dequantize, Quantize, ResizeBilinear, ResizeNearest
from mnc.ir.types import DType
from mnc.program import Argument, Call, In, Out, RowNumber, Rows, Step, Window
from mnc.reference.quantised.resize import PLACE_BITS

Select = Callable[[Site[Any]], Step]


def copied(select: Select) -> Select:
    """A layer that is one copy of each input: those on another scale than the output's are rescaled on the way."""

    def rescaled(site: Site[Any]) -> Step:
        step = select(site)
        calls = tuple(
            each
            if quant(site, i) == site.output.type.quant
            else call(site, "rescale", {**each.arguments, **_rescaling(site, i)})
            for i, each in enumerate(step.calls)
        )
        return replace(step, calls=calls)

    return rescaled


def resize_nearest(site: Site[ResizeNearest]) -> Step:
    """Each output row copied from one input row."""
    return _then_rescaled(site, resize.resize_nearest(site))


def resize_bilinear(site: Site[ResizeBilinear]) -> Step:
    """Each output row from the two input rows round it, places in steps of 1/1024 pixel."""
    (x,), y = site.inputs, site.output
    one = 1 << PLACE_BITS
    down, across = ((one * x.image[i] + y.image[i] // 2) // y.image[i] for i in (0, 1))
    bilinear = Call(
        "mnc_resize_bilinear_s8",
        {
            "rows": Rows(),
            "out": Out(),
            "channels": x.image[2],
            "in_width": x.image[1],
            "out_width": y.image[1],
            "row": RowNumber(),
            "row_step": down,
            "row_start": down // 2 - one // 2,
            "step": across,
            "start": across // 2 - one // 2,
            "in_pixel": x.layout.pixel,
            "out_pixel": y.layout.pixel,
        },
    )
    window = Window(2, down, one // 2 - down // 2, divisor=one)
    return _then_rescaled(site, site.by_rows(window, (bilinear,), {}))


def quantize(site: Site[Quantize]) -> Step:
    """From float32, or from one type or scale to another."""
    (x,), y = site.inputs, site.output
    if x.type.dtype is y.type.dtype:
        return copied(shape.copy)(site)
    shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": y.type.elements}
    if x.type.dtype is DType.FLOAT32:
        shared |= {"scale": operands(site).scale, "zero": operands(site).zero}
        return site.whole((call(site, "quantize", shared),))
    in_zero, multiplier, shift = rescaling(site)
    shared |= {"count": y.layout.row, **pair("", (multiplier, shift))}
    widened = y.type.dtype is DType.INT16
    shared |= {"in_zero": in_zero} if widened else {"zero": operands(site).zero}
    return site.by_rows(Window(), (Call("mnc_widen_s16" if widened else "mnc_narrow_s8", shared),), {})


def dequantize(site: Site[Dequantize]) -> Step:
    """To float32."""
    (x,), given = site.inputs, quant(site)
    shared: dict[str, Argument] = {"in": In(), "out": Out(), "count": x.type.elements, "scale": given.scale[0]}
    if x.type.dtype is DType.INT16:
        return site.whole((Call("mnc_dequantize_s16", shared),))
    return site.whole((Call("mnc_dequantize_s8", {**shared, "zero": given.zero_point}),))


def _then_rescaled(site: Site[Layer], step: Step) -> Step:
    """The step, and after its last row all of its output brought from the input's scale to its own."""
    if quant(site) == site.output.type.quant:
        return step
    flat: dict[str, Argument] = {"rows": 1, "pixels": 1, "channels": site.output.type.elements}
    places: dict[str, Argument] = {
        f"{side}_{axis}": int(axis == "channel") for side in ("in", "out") for axis in ("row", "pixel", "channel")
    }
    rescale = call(site, "rescale", {"in": Out(), "out": Out(), **flat, **places, **_rescaling(site, 0)})
    return replace(step, after=(rescale,))


def _rescaling(site: Site[Layer], read: int) -> dict[str, Argument]:
    zero, multiplier, shift = rescaling(site, read)
    return {"in_zero": zero, **pair("", (multiplier, shift)), **limits(site)}
