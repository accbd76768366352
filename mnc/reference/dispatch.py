"""From a layer to the function that computes it."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from mnc.errors import refuse
from mnc.ir.layer import Layer
from mnc.ir.types import Array


@singledispatch
def compute(layer: Layer, *inputs: Array) -> Array | tuple[Array, ...]:
    """The outputs of `layer` for `inputs`, batch first, in float64; places are integers.

    One function per layer kind is registered here by the type of its first
    argument.  It returns the only output, or a tuple where the kind has several.
    """
    raise refuse("", f"the reference does not define {type(layer).__name__}", "Register it with mnc.reference.compute.")


def apply(layer: Layer, *inputs: Array) -> tuple[Array, ...]:
    """All outputs of `layer` in the element type of its first input, rounded once, or as places.

    An overflow becomes infinite and an undefined result NaN, as in C.
    """
    with np.errstate(all="ignore"):
        results = compute(layer, *(x.astype(np.float64) for x in inputs))
        outputs = results if isinstance(results, tuple) else (results,)
        return tuple(y if y.dtype == np.int32 else y.astype(inputs[0].dtype) for y in outputs)
