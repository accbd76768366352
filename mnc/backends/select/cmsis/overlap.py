"""Steps whose output may take the place of the rows of input that it has used up.

CMSIS-NN documents only input and output that do not overlap.  Yet many of its
functions compute one row of output after the other, in all three forms, and read
no row of input above the window again.  The evidence is their sources, release
7.0.0 and July 2026, and the tests in `tests/cmsis_nn`.
"""

from __future__ import annotations

from dataclasses import replace

from mnc.backends.select import conv, pool
from mnc.backends.select.cmsis.core import Core, Cores
from mnc.backends.select.cmsis.depthwise import BLOCK
from mnc.backends.select.cmsis.structs import dims
from mnc.backends.select.context import Context
from mnc.ir.layer import Layer
from mnc.ir.layers import Conv2D, DepthwiseConv2D, Pooling2D
from mnc.program import Rows, Step, Value, Window

ENOUGH_PIXELS = 24
"""Pixels of a band from which on the overhead of a call, a new sum of a pointwise convolution's weights, is a few %."""

SWEEPING = frozenset(
    {
        "arm_avgpool_s8", "arm_avgpool_s16", "arm_convolve_1x1_s8", "arm_convolve_s8", "arm_convolve_s16",
        "arm_depthwise_conv_3x3_s8", "arm_depthwise_conv_fast_s16", "arm_depthwise_conv_s8",
        "arm_depthwise_conv_s8_opt", "arm_depthwise_conv_s16", "arm_depthwise_conv_wrapper_s8", "arm_max_pool_s8",
        "arm_max_pool_s16",
    }
)  # fmt: skip
"""Functions that compute rows from the first to the last, and write none before they have read its window."""
BLOCKWISE = ("arm_depthwise_conv_s8_opt", "arm_depthwise_conv_wrapper_s8")
"""Members of `SWEEPING` that on MVE go through the rows once for every block of channels."""


def overlapping(cores: Cores, context: Context[Layer], step: Step) -> Step:
    """The step with the loop that lets the planner lay the output over the input; unchanged where it must not."""
    (x, *_), y = context.inputs, context.output
    if y.image[0] == 1:
        return step
    if step.kernel == "arm_convolve_1x1_s8_fast":
        return _in_bands(step, x, y)
    rows = _window(context.layer)
    several = step.kernel in BLOCKWISE and Core.MVE in cores and y.image[2] > BLOCK
    if step.kernel not in SWEEPING or rows is None or several:
        return step
    return replace(step, calls=(), whole=step.calls, loop=Rows((rows,), y.image[0]))


def _window(layer: Layer) -> Window | None:
    """The input rows of an output row."""
    match layer:
        case Conv2D(groups=1) | DepthwiseConv2D():
            return conv.window(layer)
        case Pooling2D():
            return pool.window(layer)
    return None


def _in_bands(step: Step, x: Value, y: Value) -> Step:
    """Some rows of a pointwise convolution in each call, whose output then lies beside its own input."""
    height, width, _ = y.image
    band = next(n for n in range(1, height + 1) if height % n == 0 and (n * width >= ENOUGH_PIXELS or n == height))
    if band == height:
        return step
    (call,) = step.calls
    sizes = {
        f"{what}_dims": dims(1, 1, band * value.image[1], value.image[2])
        for what, value in (("input", x), ("output", y))
    }
    made = replace(call, arguments={**call.arguments, **sizes})
    return replace(step, calls=(made,), loop=Rows((Window(),), height // band, band))
