"""Depthwise convolutions."""

from __future__ import annotations

import math

from mnc.backends.select.cmsis.conv import conv2d
from mnc.backends.select.cmsis.core import Core, Cores, forms
from mnc.backends.select.cmsis.structs import TOO_MANY, activation, corner, countable, dims, offsets, step, tile
from mnc.backends.select.cmsis.weights import TOO_LARGE, Weights
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.quantised.accumulators import by_channel
from mnc.ir.layers import Conv2D, DepthwiseConv2D
from mnc.program import Record, Step

BLOCK = 124
"""Channels that `arm_depthwise_conv_s8_opt` takes at once on MVE."""


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step | Refusal:
    """The kernel that is fastest on the cores, with weights as (1, height, width, channels).

    `arm_depthwise_conv_3x3_s8` and `arm_depthwise_conv_s8_opt` take one filter
    for each channel, and no dilation; `arm_depthwise_conv_s8` takes all.  Where
    the cores do not agree, `arm_depthwise_conv_wrapper_s8` finds out.
    """
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    if Core.MVE in cores and x.image[2] == 1 and layer.depth_multiplier > 1:
        return conv2d(context.of(_as_convolution(layer)))
    weights = Weights.of(context, by_channel(layer))
    if weights is None:
        return TOO_LARGE
    if not countable(x, y):
        return TOO_MANY
    weights = weights.with_bias  # one kernel counts on from NULL
    function = _function(cores, context)
    scratch = max(_scratch(core, function, context) for core in cores)
    return step(
        context,
        function,
        weights.constants(cores, by_four=True),
        scratch,
        dw_conv_params=dw_conv_params(context),
        **weights.arguments(context, dims(1, *layer.kernel, y.image[2])),
    )


def dw_conv_params(context: Context[DepthwiseConv2D]) -> Record:
    """The layer's `cmsis_nn_dw_conv_params`."""
    layer = context.layer
    return Record(
        "cmsis_nn_dw_conv_params",
        {
            **offsets(context),
            "ch_mult": layer.depth_multiplier,
            "stride": tile(layer.stride),
            "padding": tile(corner(layer.padding)),
            "dilation": tile(layer.dilation),
            **activation(context, layer.activation),
        },
    )


def within_reach(context: Context[DepthwiseConv2D]) -> bool:
    """Whether no window lies beyond the first or last row; kernels that unfold windows overrun their scratch there."""
    layer, x, y = context.layer, context.inputs[0].image, context.output.image
    above, below = layer.padding[0][0], (y[0] - 1) * layer.stride[0] - layer.padding[0][0]
    return above <= layer.kernel[0] and below <= x[0]


def _function(cores: Cores, context: Context[DepthwiseConv2D]) -> str:
    """The fastest kernel that is right on all of the cores."""
    layer, (x,), y = context.layer, context.inputs, context.output
    if layer.depth_multiplier > 1 or layer.dilation != (1, 1):
        return "arm_depthwise_conv_s8"
    left, last = layer.padding[1][0], (y.image[1] - 1) * layer.stride[1] - layer.padding[1][0]
    # The kernel counts on the middle column of every window.
    if layer.kernel == (3, 3) and layer.padding[0][0] <= 1 and left <= 1 and last + 1 < x.image[1]:
        if Core.MVE not in cores:
            return "arm_depthwise_conv_3x3_s8"
        if len(cores) > 1:
            return "arm_depthwise_conv_wrapper_s8"
    if cores != {Core.PLAIN} and within_reach(context):
        return "arm_depthwise_conv_s8_opt"
    return "arm_depthwise_conv_s8"


def _scratch(core: Core, function: str, context: Context[DepthwiseConv2D]) -> int:
    """Bytes of scratch: a window in 16 bits, on MVE four windows of a block of channels in 8."""
    taps = math.prod(context.layer.kernel)
    if core is Core.PLAIN or function not in ("arm_depthwise_conv_s8_opt", "arm_depthwise_conv_wrapper_s8"):
        return 0
    if core is Core.MVE:
        return 4 * BLOCK * taps
    return 0 if function == "arm_depthwise_conv_wrapper_s8" else 2 * taps * context.inputs[0].image[2]


def _as_convolution(layer: DepthwiseConv2D) -> Conv2D:
    """The layer with one input channel as a convolution: only an axis of the weights has another name."""
    return Conv2D(layer.weights, layer.bias, layer.stride, layer.padding, layer.dilation, activation=layer.activation)
