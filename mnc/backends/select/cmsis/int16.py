"""Layers with weights on int16 values.

A bias of 64 bits, or none, means sums of 64 bits that are rounded once; the
kernels add products in 32 bits all the same, so none may leave them.
"""

from __future__ import annotations

import math

from mnc.backends.select.cmsis.conv import MOST_PRODUCTS, conv_params
from mnc.backends.select.cmsis.core import Core, forms
from mnc.backends.select.cmsis.dense import fc_params
from mnc.backends.select.cmsis.depthwise import dw_conv_params, within_reach
from mnc.backends.select.cmsis.structs import TOO_MANY, call, corner, countable, ctx, dims, step
from mnc.backends.select.cmsis.weights import TOO_LARGE, Weights
from mnc.backends.select.context import Context, Refusal
from mnc.backends.select.conv import as_pointwise
from mnc.backends.select.quantised.accumulators import by_channel
from mnc.backends.select.quantised.requantise import operands
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.program import NULL, Const, Out, Record, Step
from mnc.reference.quantised.layers import has_wide_sums

FAST_PRODUCTS = 512
"""Products of a 64-bit sum that are added in 32 bits; further ones are added in 64."""


def conv2d(context: Context[Conv2D]) -> Step | Refusal:
    """`arm_convolve_s16`, with weights as (filters, height, width, channels); it knows no groups."""
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    products = math.prod(layer.weights.shape[:3])
    weights = Weights.of(context, layer.weights.array.transpose(3, 0, 1, 2))
    if weights is None:
        return TOO_LARGE
    if layer.groups > 1:
        return Refusal("CMSIS-NN's knows no groups in int16")
    if not countable(x, y) or products > MOST_PRODUCTS:
        return TOO_MANY
    wide = has_wide_sums(layer, operands(context))
    # For the last of an odd number of filters it counts those left over of four products twice.
    if wide and Core.DSP in cores and layer.filters % 2 and products > FAST_PRODUCTS and products % 4:
        return Refusal("CMSIS-NN's counts some products of the last filter twice")
    scratch = max(_windows_scratch(core, products) for core in cores)
    bias = {"data": NULL if weights.bias is None else Const("bias"), "is_int32_bias": int(not wide)}
    arguments = {
        **weights.arguments(context, dims(layer.filters, *layer.kernel, x.image[2])),
        "bias_data": Record("cmsis_nn_bias_data", bias),
    }
    return step(
        context,
        "arm_convolve_s16",
        weights.constants(cores),
        scratch,
        conv_params=conv_params(context, layer.stride, corner(layer.padding), layer.dilation),
        **arguments,
    )


def dense(context: Context[Dense]) -> Step | Refusal:
    """`arm_fully_connected_s16` on all pixels, with weights as (units, inputs).

    It has one scale for all units and sums of 64 bits; others are 1x1 convolutions.
    """
    cores = forms(context.core)
    layer, (x,) = context.layer, context.inputs
    weights = Weights.of(context, layer.weights.array.T)
    if weights is None or weights.per_channel or not has_wide_sums(layer, operands(context)):
        return conv2d(context.of(as_pointwise(layer)))
    inputs, units = layer.weights.shape
    pixels = math.prod(x.image[:2])
    constants = dict(weights.constants(cores))
    del constants["multiplier"], constants["shift"]
    arguments = {
        **weights.arguments(context, dims(inputs, 1, 1, units)),
        "quant_params": weights.tensor_quant_params,
        "input_dims": dims(pixels, 1, 1, inputs),
    }
    made = call(
        "arm_fully_connected_s16",
        ctx=ctx(0),
        fc_params=fc_params(context),
        **arguments,
        output_dims=dims(pixels, 1, 1, units),
        output_data=Out(),
    )
    return context.whole((made,), constants)


def depthwise_conv2d(context: Context[DepthwiseConv2D]) -> Step | Refusal:
    """`arm_depthwise_conv_fast_s16` or `arm_depthwise_conv_s16`, with weights as (1, height, width, channels).

    Their bias has 64 bits.  The former takes one filter for each channel, and no
    dilation; without the DSP extension it is the latter.
    """
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    weights = Weights.of(context, by_channel(layer))
    if weights is None:
        return TOO_LARGE
    if not countable(x, y):
        return TOO_MANY
    if not has_wide_sums(layer, operands(context)):
        return Refusal("CMSIS-NN's needs a bias of 64 bits in int16")
    taps = math.prod(layer.kernel)
    plain = layer.depth_multiplier == 1 and layer.dilation == (1, 1) and taps < FAST_PRODUCTS
    fast = cores != {Core.PLAIN} and plain and within_reach(context)
    scratch = max(_taps_scratch(core, taps * x.image[2]) for core in cores) if fast else 0
    return step(
        context,
        "arm_depthwise_conv_fast_s16" if fast else "arm_depthwise_conv_s16",
        weights.constants(cores, by_four=True),
        scratch,
        dw_conv_params=dw_conv_params(context),
        **weights.arguments(context, dims(1, *layer.kernel, y.image[2])),
    )


def _windows_scratch(core: Core, products: int) -> int:
    """Bytes of scratch of `arm_convolve_s16`: two windows, on MVE four in whole vectors."""
    return 8 * math.ceil(products / 8) * 8 if core is Core.MVE else 4 * products


def _taps_scratch(core: Core, products: int) -> int:
    """Bytes of scratch of `arm_depthwise_conv_fast_s16`: a window, on MVE four and the bytes read beyond them."""
    if core is Core.PLAIN:
        return 0
    return 8 * products + 8 if core is Core.MVE else 2 * products
