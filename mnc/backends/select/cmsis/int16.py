"""Layers with weights on int16 values.

A bias of 64 bits, or none, means sums of 64 bits that are rounded once; the
kernels add products in 32 bits all the same, so none may leave them.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mnc.backends.program import NULL, Const, Out, Record, Step
from mnc.backends.select.cmsis.conv import MOST_PRODUCTS, conv_params
from mnc.backends.select.cmsis.core import Core, Cores
from mnc.backends.select.cmsis.depthwise import dw_conv_params, within_reach
from mnc.backends.select.cmsis.structs import SCRATCH, activation, call, context, countable, dims, image
from mnc.backends.select.cmsis.weights import Weights
from mnc.backends.select.quantised.conv16 import Weighted, largest_sums
from mnc.backends.select.quantised.requantise import operands
from mnc.backends.select.site import Site
from mnc.ir.layers import Conv2D, Dense, DepthwiseConv2D
from mnc.ir.types import Array, Constant
from mnc.reference.quantised.arithmetic import narrow
from mnc.reference.quantised.layers import channel_multipliers, has_wide_sums

FAST_PRODUCTS = 512
"""So many products of a sum of 64 bits are added in 32, those beyond in 64."""


def conv2d(cores: Cores, site: Site[Conv2D]) -> Step | None:
    """`arm_convolve_s16`, with weights as (filters, height, width, channels); it knows no groups."""
    layer, (x,), y = site.layer, site.inputs, site.output
    products = math.prod(layer.weights.shape[:3])
    weights = _weights(site, layer.weights.array.transpose(3, 0, 1, 2), layer.weights.array)
    if weights is None or layer.groups > 1 or not countable(x, y) or products > MOST_PRODUCTS:
        return None
    wide = has_wide_sums(layer, operands(site))
    # For the last of an odd number of filters it counts those left over of four products twice.
    if wide and Core.DSP in cores and layer.filters % 2 and products > FAST_PRODUCTS and products % 4:
        return None
    scratch = max(_windows_scratch(core, products) for core in cores)
    bias = {"data": NULL if weights.bias is None else Const("bias"), "is_int32_bias": int(not wide)}
    arguments = {
        **weights.arguments(site, dims(layer.filters, *layer.kernel, x.image[2])),
        "bias_data": Record("cmsis_nn_bias_data", bias),
    }
    made = call(
        "arm_convolve_s16",
        ctx=context(scratch),
        conv_params=conv_params(site),
        **arguments,
        output_dims=image(y),
        output_data=Out(),
    )
    return replace(site.whole((made,), weights.constants(cores)), scratch=scratch, scratch_dtype=SCRATCH)


def dense(cores: Cores, site: Site[Dense]) -> Step | None:
    """`arm_fully_connected_s16` on all pixels, with weights as (units, inputs).

    It has one scale for all units and sums of 64 bits; others are 1x1 convolutions.
    """
    layer, (x,) = site.layer, site.inputs
    weights = _weights(site, layer.weights.array.T, layer.weights.array)
    if weights is None or weights.per_channel or not has_wide_sums(layer, operands(site)):
        matrix = layer.weights.array.reshape(1, 1, *layer.weights.shape)
        pointwise = Conv2D(Constant(matrix, layer.weights.quant), layer.bias, activation=layer.activation)
        return conv2d(cores, Site(site.node, pointwise, site.inputs, site.outputs))
    inputs, units = layer.weights.shape
    pixels = math.prod(x.image[:2])
    constants = dict(weights.constants(cores))
    scales = {name: int(constants.pop(name).array[0]) for name in ("multiplier", "shift")}
    arguments = {
        **weights.arguments(site, dims(inputs, 1, 1, units)),
        "quant_params": Record("cmsis_nn_per_tensor_quant_params", scales),
        "input_dims": dims(pixels, 1, 1, inputs),
    }
    made = call(
        "arm_fully_connected_s16",
        ctx=context(0),
        fc_params=Record(
            "cmsis_nn_fc_params",
            {"input_offset": 0, "filter_offset": 0, "output_offset": 0, **activation(site, layer.activation)},
        ),
        **arguments,
        output_dims=dims(pixels, 1, 1, units),
        output_data=Out(),
    )
    return site.whole((made,), constants)


def depthwise_conv2d(cores: Cores, site: Site[DepthwiseConv2D]) -> Step | None:
    """`arm_depthwise_conv_fast_s16` or `arm_depthwise_conv_s16`, with weights as (1, height, width, channels).

    Their bias has 64 bits.  The former takes one filter for each channel, and no
    dilation; without the DSP extension it is the latter.
    """
    layer, (x,), y = site.layer, site.inputs, site.output
    by_channel = layer.weights.array.reshape(*layer.kernel, -1)
    weights = _weights(site, by_channel, by_channel)
    if weights is None or not countable(x, y) or not has_wide_sums(layer, operands(site)):
        return None
    taps = math.prod(layer.kernel)
    plain = layer.depth_multiplier == 1 and layer.dilation == (1, 1) and taps < FAST_PRODUCTS
    fast = cores != {Core.PLAIN} and plain and within_reach(site)
    scratch = max(_taps_scratch(core, taps * x.image[2]) for core in cores) if fast else 0
    made = call(
        "arm_depthwise_conv_fast_s16" if fast else "arm_depthwise_conv_s16",
        ctx=context(scratch),
        dw_conv_params=dw_conv_params(site),
        **weights.arguments(site, dims(1, *layer.kernel, y.image[2])),
        output_dims=image(y),
        output_data=Out(),
    )
    step = site.whole((made,), weights.constants(cores, by_four=True))
    return replace(step, scratch=scratch, scratch_dtype=SCRATCH)


def _windows_scratch(core: Core, products: int) -> int:
    """Bytes of scratch of `arm_convolve_s16`: two windows, on MVE four in whole vectors."""
    return 8 * math.ceil(products / 8) * 8 if core is Core.MVE else 4 * products


def _taps_scratch(core: Core, products: int) -> int:
    """Bytes of scratch of `arm_depthwise_conv_fast_s16`: a window, on MVE four and what is read beyond."""
    if core is Core.PLAIN:
        return 0
    return 8 * products + 8 if core is Core.MVE else 2 * products


def _weights(site: Site[Weighted], ordered: Array, by_channel: Array) -> Weights | None:
    """From weights in the order that the kernel wants, and as (..., channels).

    None where the products of a sum could leave 32 bits, or the scaled sum
    could before its last bit is rounded off; or where the bias, which C89 has no
    literals for, has more than 32.
    """
    layer, types = site.layer, operands(site)
    channels = by_channel.shape[-1]
    bias = None if layer.bias is None else layer.bias.array
    multiplier, shift = (np.broadcast_to(each, channels) for each in channel_multipliers(layer, types))
    added = np.zeros(channels, np.int64) if bias is None else bias.astype(np.int64)
    products, sums = largest_sums(by_channel, np.zeros(channels)), largest_sums(by_channel, added)
    if has_wide_sums(layer, types):
        scaled = sums * narrow(multiplier) * 2.0 ** (shift - 14.0)
    else:
        scaled = sums * 2.0 ** np.maximum(shift, 0)
    if max(products.max(), np.abs(added).max(), scaled.max() + 1) >= 2**31:
        return None
    scales = layer.weights.quant.scale if layer.weights.quant else ()
    return Weights(
        ordered.ravel(), bias, multiplier.astype(np.int32), shift.astype(np.int32), per_channel=len(scales) > 1
    )
