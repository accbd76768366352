"""Softmax."""

from __future__ import annotations

import math

from mnc.backends.program import In, Out, Step
from mnc.backends.select.cmsis.core import Cores
from mnc.backends.select.cmsis.structs import call
from mnc.backends.select.quantised.requantise import quant
from mnc.backends.select.site import Site
from mnc.ir.layers import Softmax
from mnc.reference.quantised.layers import softmax_parameters


def softmax(_: Cores, site: Site[Softmax]) -> Step | None:
    """`arm_softmax_s8`, along the last axis; it shifts to the left only."""
    multiplier, shift, smallest = softmax_parameters(quant(site).scale[0])
    shape = site.output.type.shape
    if site.layer.axis % len(shape) != len(shape) - 1 or shift < 0:
        return None
    made = call(
        "arm_softmax_s8",
        input=In(),
        num_rows=math.prod(shape[:-1]),
        row_size=shape[-1],
        mult=multiplier,
        shift=shift,
        diff_min=smallest,
        output=Out(),
    )
    return site.whole((made,), in_place=True)
