"""Transposed convolutions."""

from __future__ import annotations

import math

from mnc.backends.select.cmsis.conv import MOST_PRODUCTS, conv_params, windows_scratch
from mnc.backends.select.cmsis.core import Cores, forms
from mnc.backends.select.cmsis.structs import (
    TOO_MANY,
    activation,
    corner,
    countable,
    ctx,
    dims,
    offsets,
    step,
    tile,
)
from mnc.backends.select.cmsis.weights import TOO_LARGE, Weights
from mnc.backends.select.context import Context, Refusal
from mnc.ir.layers import Conv2DTranspose
from mnc.program import Record, Step

MANY_CHANNELS = 16
"""With more of them `arm_transpose_conv_wrapper_s8` has a convolution compute it."""


def conv2d_transpose(context: Context[Conv2DTranspose]) -> Step | Refusal:
    """The function that `arm_transpose_conv_wrapper_s8` would call, with weights as (filters, height, width, channels).

    It is `arm_transpose_conv_s8`, or `arm_convolve_s8` on an input with zeros
    between its elements, whose weights are turned round here instead of in RAM.
    """
    cores = forms(context.core)
    layer, (x,), y = context.layer, context.inputs, context.output
    if layer.dilation != (1, 1):
        return Refusal("CMSIS-NN's knows no dilation")
    if not countable(x, y):
        return TOO_MANY
    if x.image[2] > MANY_CHANNELS and max(layer.stride) <= 2:
        return _as_convolution(cores, context)
    return _spread(cores, context)


def _spread(cores: Cores, context: Context[Conv2DTranspose]) -> Step | Refusal:
    """Each row of input spread over rows of sums in 32 bits; all rows and columns of output must come by.

    Release 7.0.0 puts rows in the wrong place where the crop is no multiple of the stride.
    """
    layer, (x,), y = context.layer, context.inputs, context.output
    weights = Weights.of(context, layer.weights.array.transpose(2, 0, 1, 3))
    final = x.image[0] * layer.stride[0] - layer.crop[0][0]
    rows = final <= y.image[0] <= final + max(layer.kernel[0] - layer.stride[0], 0)
    steady = layer.crop[0][0] % layer.stride[0] == 0
    width = (x.image[1] - 1) * layer.stride[1] + max(layer.kernel[1], layer.stride[1])
    if weights is None:
        return TOO_LARGE
    if not (rows and steady) or layer.crop[1][0] + y.image[1] > width:
        return Refusal("CMSIS-NN's crops by multiples of the stride only")
    scratch = 4 * width * y.image[2] * max(layer.kernel[0], layer.stride[0])
    return step(
        context,
        "arm_transpose_conv_s8",
        weights.constants(cores),
        scratch,
        output_ctx=ctx(0),
        transpose_conv_params=Record(
            "cmsis_nn_transpose_conv_params",
            {
                **offsets(context),
                "stride": tile(layer.stride),
                "padding": tile(corner(layer.crop)),
                "padding_offsets": (0, 0),
                "dilation": (1, 1),
                **activation(context, layer.activation),
            },
        ),
        **weights.arguments(context, dims(layer.filters, *layer.kernel, x.image[2])),
    )


def _as_convolution(cores: Cores, context: Context[Conv2DTranspose]) -> Step | Refusal:
    layer, (x,) = context.layer, context.inputs
    turned = layer.weights.array[::-1, ::-1].transpose(2, 0, 1, 3)
    weights = Weights.of(context, turned)
    before = (layer.kernel[0] - 1 - layer.crop[0][0], layer.kernel[1] - 1 - layer.crop[1][0])
    if weights is None:
        return TOO_LARGE
    if min(before) < 0 or math.prod(turned.shape[1:]) > MOST_PRODUCTS:
        return Refusal("CMSIS-NN's has no room for a crop, or for products, of this size")
    scratch = max(windows_scratch(core, math.prod(turned.shape[1:])) for core in cores)
    spread = dims(1, x.image[0] * layer.stride[0], x.image[1] * layer.stride[1], x.image[2])
    arguments = {**weights.arguments(context, dims(*turned.shape)), "input_dims": spread}
    return step(
        context,
        "arm_convolve_s8",
        weights.constants(cores),
        scratch,
        conv_params=conv_params(context, (1, 1), before),
        **arguments,
        upscale_dims=dims(0, *layer.stride, 0),
    )
